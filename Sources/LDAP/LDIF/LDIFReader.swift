import BER
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads LDIF (RFC 2849), records of entries and of changes, from a file descriptor in big chunks or from bytes.
///
/// Not supported, and refused: values by URL (`attr:< file://…`). Lines longer than `lineLimit` and records longer than `recordLimit`
/// bytes are refused. Beyond the RFC it accepts files without a version, values with bytes outside ASCII, and a modification whose
/// last `-` is missing, as OpenLDAP does.
public struct LDIFReader: ~Copyable {
    /// Bytes of a line, its continuations included, unless the caller says otherwise.
    public static let defaultLineLimit = 64 << 20
    /// Bytes of a record after decoding, unless the caller says otherwise.
    public static let defaultRecordLimit = 256 << 20

    /// nil when reading from bytes.
    private let descriptor: Int32?
    private let lineLimit: Int
    private let recordLimit: Int
    /// What was read and not yet used: the bytes from `start` to `end`.
    private var window: [UInt8]
    private var start = 0
    private var end: Int
    private var isEndOfFile: Bool
    /// Bytes of the input before `window[0]`.
    private var offset = 0
    /// Number of the next physical line, from 1.
    private var nextLine = 1
    /// Unfolded text of a line that had continuations.
    private var unfolded: [UInt8] = []
    private var isFirstRecord = true

    /// Reads from an open descriptor, which stays the caller's to close.
    public init(
        descriptor: Int32, lineLimit: Int = LDIFReader.defaultLineLimit, recordLimit: Int = LDIFReader.defaultRecordLimit
    ) {
        self.descriptor = descriptor
        self.lineLimit = lineLimit
        self.recordLimit = min(recordLimit, Int(Int32.max))
        window = [UInt8](repeating: 0, count: 1 << 20)
        end = 0
        isEndOfFile = false
    }

    /// Reads from bytes.
    public init(
        bytes: [UInt8], lineLimit: Int = LDIFReader.defaultLineLimit, recordLimit: Int = LDIFReader.defaultRecordLimit
    ) {
        descriptor = nil
        self.lineLimit = lineLimit
        self.recordLimit = min(recordLimit, Int(Int32.max))
        window = bytes
        end = bytes.count
        isEndOfFile = true
    }

    /// Bytes of the input used so far: for progress.
    public var bytesRead: Int { offset + start }

    /// Reads the next record into `record`, whose memory is used again. False at the end of the input.
    public mutating func next(_ record: inout LDIFRecord) throws(LDIFError) -> Bool {
        record.reset(line: 0)
        var builder = LDIFRecordBuilder(mayBeVersion: isFirstRecord)
        while let line = try nextLogicalLine() {
            if line.text.isEmpty {
                if builder.isEmpty { continue }
                break
            }
            if line.isUnfolded {
                try Self.take(unfolded.rawSpan, line.number, &builder, &record, recordLimit)
            } else {
                let text = window.rawSpan.extracting(line.text)
                try Self.take(text, line.number, &builder, &record, recordLimit)
            }
        }
        guard !builder.isEmpty else { return false }
        try builder.finish(&record)
        isFirstRecord = false
        return true
    }

    /// Takes one line that is not empty: a comment, the version, or a line of the record.
    @inline(__always)
    private static func take(
        _ text: RawSpan, _ line: Int, _ builder: inout LDIFRecordBuilder, _ record: inout LDIFRecord, _ limit: Int
    ) throws(LDIFError) {
        if text[at: 0] == 0x23 { return }
        if builder.mayBeVersion, builder.isEmpty, isVersion(text) {
            try checkVersion(text, line)
            builder.mayBeVersion = false
            return
        }
        try builder.add(text, line: line, to: &record, limit: limit)
    }

    private static func isVersion(_ text: RawSpan) -> Bool {
        text.byteCount >= 8 && text.extracting(0..<8).equalsIgnoringCase("version:")
    }

    private static func checkVersion(_ text: RawSpan, _ line: Int) throws(LDIFError) {
        var digits = text.extracting(8...).array[...]
        while digits.first == 0x20 { digits.removeFirst() }
        while digits.last == 0x20 { digits.removeLast() }
        guard digits.elementsEqual("1".utf8) else { throw LDIFError(line: line, reason: "version is not 1") }
    }

    private struct Line {
        /// Place in the window; meaningless but for emptiness when unfolded.
        var text: Range<Int>
        var isUnfolded: Bool
        /// Where it begins.
        var number: Int
    }

    /// The next line with its continuations joined (RFC 2849 note 2), without its end; nil at the end of the input.
    private mutating func nextLogicalLine() throws(LDIFError) -> Line? {
        let number = nextLine
        guard var place = try nextPhysicalLine() else { return nil }
        // An empty line separates records: it cannot be continued.
        guard !place.isEmpty, try peek() == 0x20 else { return Line(text: place, isUnfolded: false, number: number) }
        unfolded.removeAll(keepingCapacity: true)
        unfolded.append(contentsOf: window[place])
        while try peek() == 0x20 {
            guard let more = try nextPhysicalLine() else { break }
            place = more.lowerBound + 1..<max(more.upperBound, more.lowerBound + 1)
            guard unfolded.count + place.count <= lineLimit else { throw tooLong(number) }
            unfolded.append(contentsOf: window[place])
        }
        return Line(text: 0..<unfolded.count, isUnfolded: true, number: number)
    }

    private func tooLong(_ line: Int) -> LDIFError {
        LDIFError(line: line, reason: "line is longer than \(lineLimit) bytes")
    }

    /// The first byte of the next physical line; nil at the end. Moves nothing that was returned before: room was made for it.
    private mutating func peek() throws(LDIFError) -> UInt8? {
        start < end ? window[start] : nil
    }

    /// The place in the window of the next physical line without its end (LF or CR LF), with the byte after it in the window too.
    private mutating func nextPhysicalLine() throws(LDIFError) -> Range<Int>? {
        var searched = 0
        while true {
            if let newline = findNewline(from: start + searched) {
                // The byte after the line must be there to tell whether it goes on.
                if newline + 1 == end, !isEndOfFile {
                    searched = newline - start
                    try refill()
                    continue
                }
                let line = start..<newline
                start = newline + 1
                nextLine += 1
                guard line.count <= lineLimit else { throw tooLong(nextLine - 1) }
                return line.last.map { window[$0] } == 0x0d ? line.lowerBound..<line.upperBound - 1 : line
            }
            searched = end - start
            guard searched <= lineLimit else { throw tooLong(nextLine) }
            if isEndOfFile {
                guard start < end else { return nil }
                let line = start..<end
                start = end
                nextLine += 1
                return window[line.upperBound - 1] == 0x0d ? line.lowerBound..<line.upperBound - 1 : line
            }
            try refill()
        }
    }

    private func findNewline(from index: Int) -> Int? {
        guard index < end else { return nil }
        let length = end - index
        let found: Int? = unsafe window.withUnsafeBytes { bytes in
            // Sound: `index` and `length` lie inside the array's bytes.
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + index, 0x0a, length) else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
        return found
    }

    /// Reads more: what is unused moves to the front, and the window grows when it is full.
    private mutating func refill() throws(LDIFError) {
        guard let descriptor else {
            isEndOfFile = true
            return
        }
        if start > 0 {
            // Sound: both places lie inside the array; memmove allows them to overlap.
            unsafe window.withUnsafeMutableBytes { bytes in
                if let base = bytes.baseAddress { _ = unsafe memmove(base, base + start, end - start) }
            }
            offset += start
            end -= start
            start = 0
        }
        if end == window.count { window.append(contentsOf: repeatElement(0, count: window.count)) }
        while true {
            // Sound: the room from `end` on belongs to the array.
            let count = unsafe window.withUnsafeMutableBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                return unsafe read(descriptor, base + end, bytes.count - end)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw LDIFError(line: nextLine, reason: "reading failed: error \(errno)")
            }
            if count == 0 { isEndOfFile = true }
            end += count
            return
        }
    }
}
