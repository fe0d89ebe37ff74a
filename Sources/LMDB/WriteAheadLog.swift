#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The changes since the last checkpoint, on disk before they are made: so a commit is lasting after one short sync of a file that is
/// written from its beginning to its end, and the pages of the database, which lie all over it, reach the disk later, with the next ``Checkpoint``.
///
/// Two files beside the database take turns: when a checkpoint begins, later changes go to the other file, and when it is made, what
/// stands in the first is needed no more. After a restart of the machine the changes that follow the checkpoint are made again
/// (``Checkpoint/recover(_:words:)``).
///
/// A file begins with a head (``WriteAheadLogHead``) and goes on with records: number of the transaction (8), octets of its changes
/// (8), checksum over both, the changes and the head's number (8), then the changes (``ChangeRecording``). The first thing that is not such a record is the end.
///
/// Caveats: to be used by the thread that writes, inside its transactions and between them.
public final class WriteAheadLog {
    private struct File: ~Copyable {
        let shared: SharedHandle
        /// Octets that were ever written: within them a write changes nothing but contents, and is lasting after the cheapest sync.
        var size = 0
        /// Where the next record goes.
        var end = 0
        var epoch: UInt64 = 0
    }

    /// A file that other threads may sync.
    fileprivate final class SharedHandle: Sendable {
        let handle: FileHandle
        init(_ path: String) throws(LMDBError) { handle = try FileHandle(path, O_RDWR | O_CREAT) }
    }

    /// A record that was written, and may not be on disk yet.
    public struct Pending: Sendable {
        fileprivate let file: SharedHandle

        /// Waits until it is on disk. On any thread. When it throws, the record counts as not written: its transaction must be given up.
        public func sync() throws(LMDBError) { try file.handle.sync() }
    }

    private let databases: [WriteAheadLogHead.Entry]
    private var current: File
    private var other: File
    /// Whether the other file holds what no checkpoint has.
    private var isOtherInUse = false
    /// Where the last record begins.
    private var last = 0
    /// Memory for the next record.
    private var spare: [UInt8] = []

    static let recordHeadSize = 24
    /// A file grows by so much at a time.
    private static let step = 1 << 20

    static func paths(_ path: String) -> [String] { [path + "-wal-0", path + "-wal-1"] }

    /// Makes the files of a database, in which nothing is written yet. To be called before the checkpoint that they go on from is recorded.
    /// - Parameters:
    ///   - path: of the database file.
    ///   - databases: all that may be changed, by name.
    public init(path: String, databases: [(name: String, database: Database, integerKeys: Bool)]) throws(LMDBError) {
        self.databases = databases.map { WriteAheadLogHead.Entry(name: $0.name, number: UInt8(truncatingIfNeeded: $0.database.dbi), integerKeys: $0.integerKeys) }
        Self.remove(path)
        let paths = Self.paths(path)
        current = File(shared: try SharedHandle(paths[0]))
        other = File(shared: try SharedHandle(paths[1]))
        // Both have room from the beginning: when the disk is full later, small changes still have theirs.
        try begin()
        try current.shared.handle.sync()
        swap(&current, &other)
        try begin()
        try current.shared.handle.sync()
        try FileHandle.syncDirectory(of: path)
    }

    /// Octets written since the last turn.
    public var size: Int { current.end }

    /// What a transaction's changes are recorded in.
    func recording() -> ChangeRecording {
        let buffer = spare
        spare = []
        return ChangeRecording(buffer)
    }

    /// Writes a transaction's changes, for ``Pending/sync()``. When it throws, they count as not written.
    func append(_ changes: consuming ChangeRecording, transaction: Int) throws(LMDBError) -> Pending {
        Self.complete(&changes.bytes, transaction, current.epoch)
        last = current.end
        defer { spare = changes.bytes }
        do { try write(changes.bytes) } catch {
            withdraw()
            throw error
        }
        return Pending(file: current.shared)
    }

    /// The last record must not be made again: its transaction was not committed. It may be on its way to the disk still.
    func withdraw() {
        current.end = last
        // If this fails it may be made again after a power cut, whole, although its client was told that it failed.
        try? current.shared.handle.write([UInt8](repeating: 0, count: Self.recordHeadSize), at: last)
        try? current.shared.handle.sync()
    }

    /// Later records go to the other file, if nothing that is needed stands there.
    func turn() throws(LMDBError) {
        guard !isOtherInUse else { return }
        swap(&current, &other)
        isOtherInUse = true
        do { try begin() } catch {
            swap(&current, &other)
            isOtherInUse = false
            throw error
        }
    }

    /// A checkpoint holds all that stands in the file that was left at the last turn.
    func release() { isOtherInUse = false }

    /// Begins the current file anew. What stood there is not taken for a part of it: the number in its head is another.
    private func begin() throws(LMDBError) {
        let epoch = UInt64.random(in: .min ... .max)
        current.end = 0
        try write(WriteAheadLogHead(epoch: epoch, databases: databases).bytes)
        current.epoch = epoch
    }

    private func write(_ bytes: [UInt8]) throws(LMDBError) {
        let end = current.end + bytes.count
        try current.shared.handle.write(bytes, at: current.end)
        if end > current.size {
            let room = (end + Self.step - 1) / Self.step * Self.step
            try current.shared.handle.write([UInt8](repeating: 0, count: room - end), at: end)
            current.size = room
        }
        current.end = end
    }

    /// Gives a record its head.
    private static func complete(_ record: inout [UInt8], _ transaction: Int, _ epoch: UInt64) {
        var head: [UInt8] = []
        head.append(number: UInt64(truncatingIfNeeded: transaction))
        head.append(number: UInt64(record.count - recordHeadSize))
        head.append(number: checksum(record, transaction, epoch))
        record.replaceSubrange(0..<recordHeadSize, with: head)
    }

    /// Of a record's changes, whatever its head holds.
    static func checksum(_ record: [UInt8], _ transaction: Int, _ epoch: UInt64) -> UInt64 {
        record.checksum(from: recordHeadSize, seed: epoch ^ UInt64(truncatingIfNeeded: transaction) &* 0xff51_afd7_ed55_8ccd)
    }

    /// Removes the log of a database. Only what is on disk, in the database and without a checkpoint's record, needs none.
    public static func remove(_ path: String) {
        for name in paths(path) { _ = unsafe unlink(name) }
    }
}

/// The beginning of a file of the log: a signature (8), the file's number (8), then for each database its number, whether its keys
/// are numbers, the length of its name (1 each) and the name; a checksum over all that at the end.
struct WriteAheadLogHead {
    struct Entry {
        let name: String
        let number: UInt8
        let integerKeys: Bool
    }

    /// A random number: records of an earlier use of the file have another.
    let epoch: UInt64
    let databases: [Entry]

    static let size = 4096
    private static let signature = Array("MusterWA".utf8)

    var bytes: [UInt8] {
        var bytes = Self.signature
        bytes.append(number: epoch)
        for entry in databases {
            let name = entry.name.utf8.prefix(255)
            bytes += [entry.number, entry.integerKeys ? 1 : 0, UInt8(truncatingIfNeeded: name.count)]
            bytes += name
        }
        bytes += [UInt8](repeating: 0, count: max(0, Self.size - 8 - bytes.count))
        bytes.append(number: bytes.checksum())
        return bytes
    }

    init(epoch: UInt64, databases: [Entry]) {
        self.epoch = epoch
        self.databases = databases
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size, Array(bytes.prefix(8)) == Self.signature,
            Array(bytes.dropLast(8)).checksum() == bytes.number(Self.size - 8)
        else { return nil }
        epoch = bytes.number(8)
        var databases: [Entry] = []
        var place = 16
        while place + 3 <= Self.size - 8, bytes[place] != 0 {
            let end = place + 3 + Int(bytes[place + 2])
            guard end <= Self.size - 8 else { return nil }
            databases.append(
                Entry(name: String(decoding: bytes[(place + 3)..<end], as: UTF8.self), number: bytes[place], integerKeys: bytes[place + 1] != 0))
            place = end
        }
        self.databases = databases
    }
}
