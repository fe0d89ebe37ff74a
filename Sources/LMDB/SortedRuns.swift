#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Pairs of keys and values on disk, in runs that are each in the order of a database's keys, and that are merged when they are read: what is
/// to be appended to a database in one go, and is more than memory should hold. Appended pairs fill their pages; those that are put between
/// others leave them half empty.
///
/// The file has no name: however the process ends, it is gone.
public struct SortedRuns: ~Copyable {
    private let file: FileHandle
    private var runs: [Run] = []
    /// What is not written yet.
    private var buffer: [UInt8] = []
    private var size = 0
    /// Where the run begins that is being written.
    private var start = 0

    private static let bufferSize = 1 << 20
    /// Of a pair: the octets of key and value, before both.
    private static let headSize = 6

    /// - Parameter path: a name for the file until it has none; a file of that name is lost.
    public init(path: String) throws(LMDBError) {
        file = try FileHandle(path, O_RDWR | O_CREAT | O_TRUNC)
        _ = unsafe unlink(path)
    }

    /// Adds a pair to the run that is being written.
    /// - Parameter key: not before the one that was added last; at most 64 KiB.
    public mutating func append(_ key: RawSpan, _ value: RawSpan) throws(LMDBError) {
        buffer.append(number: UInt64(key.byteCount), octets: 2)
        buffer.append(number: UInt64(value.byteCount), octets: 4)
        key.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
        value.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
        if buffer.count >= Self.bufferSize { try writeOut() }
    }

    /// Ends the run that is being written.
    public mutating func endRun() throws(LMDBError) {
        try writeOut()
        guard size > start else { return }
        runs.append(Run(start..<size))
        start = size
    }

    private mutating func writeOut() throws(LMDBError) {
        try file.write(buffer, at: size)
        size += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// Calls `body` with the pairs that were not read yet, of all runs, in the order of their keys: those of one key one after the other, of
    /// the earlier run first.
    /// - Parameter last: no pair after this key is read; nil: all are.
    public mutating func read(upTo last: RawSpan?, _ body: (_ key: RawSpan, _ value: RawSpan) throws(LMDBError) -> Void) throws(LMDBError) {
        for index in runs.indices { try runs[index].open(file) }
        while true {
            var first: Int?
            for index in runs.indices where runs[index].isAtPair {
                guard let best = first else {
                    first = index
                    continue
                }
                if runs[index].isBefore(runs[best]) { first = index }
            }
            guard let first else { return }
            if let last, runs[first].isAfter(last) { return }
            try runs[first].read(body)
            try runs[first].advance(file)
        }
    }

    /// One run, and the pair where its reader stands.
    private struct Run {
        /// What of the file is not in the buffer yet.
        private var rest: Range<Int>
        private var buffer: [UInt8] = []
        /// Of the pair in the buffer.
        private var place = 0
        private var keyCount = 0
        private var valueCount = 0
        private var isOpen = false
        private(set) var isAtPair = false

        private static let bufferSize = 256 << 10

        init(_ range: Range<Int>) { rest = range }

        private var key: RawSpan {
            @_lifetime(borrow self) get { unsafe buffer.span.bytes.extracting(place..<(place + keyCount)) }
        }

        func isBefore(_ other: Run) -> Bool { key.isBefore(other.key) }
        func isAfter(_ other: RawSpan) -> Bool { other.isBefore(key) }

        /// Calls `body` with the pair.
        func read(_ body: (RawSpan, RawSpan) throws(LMDBError) -> Void) throws(LMDBError) {
            try body(key, unsafe buffer.span.bytes.extracting((place + keyCount)..<(place + keyCount + valueCount)))
        }

        mutating func open(_ file: borrowing FileHandle) throws(LMDBError) {
            if isOpen { return }
            isOpen = true
            try advance(file)
        }

        /// Goes on to the next pair.
        mutating func advance(_ file: borrowing FileHandle) throws(LMDBError) {
            place += keyCount + valueCount
            (keyCount, valueCount) = (0, 0)
            isAtPair = try fill(SortedRuns.headSize, file)
            guard isAtPair else { return }
            let counts = (Int(buffer.number(place, octets: 2)), Int(buffer.number(place + 2, octets: 4)))
            place += SortedRuns.headSize
            guard try fill(counts.0 + counts.1, file) else { throw .invalid("reading sorted pairs") }
            (keyCount, valueCount) = counts
        }

        /// Brings so many bytes from the place on into the buffer; false at the end of the run.
        private mutating func fill(_ count: Int, _ file: borrowing FileHandle) throws(LMDBError) -> Bool {
            if buffer.count - place >= count { return true }
            guard buffer.count - place + rest.count >= count else { return false }
            buffer.removeFirst(place)
            place = 0
            let bytes = try file.read(min(rest.count, max(Self.bufferSize, count)), at: rest.lowerBound)
            rest = (rest.lowerBound + bytes.count)..<rest.upperBound
            buffer += bytes
            return buffer.count >= count
        }
    }
}

extension RawSpan {
    /// Whether these bytes are before others in the order of a database's keys: octet by octet, the shorter first.
    fileprivate func isBefore(_ other: RawSpan) -> Bool {
        let common = min(byteCount, other.byteCount)
        let order = withUnsafeBytes { own in
            unsafe other.withUnsafeBytes { others in
                // Sound: both have so many bytes.
                unsafe common == 0 ? 0 : memcmp(own.baseAddress.unsafelyUnwrapped, others.baseAddress.unsafelyUnwrapped, common)
            }
        }
        return order != 0 ? order < 0 : byteCount < other.byteCount
    }
}
