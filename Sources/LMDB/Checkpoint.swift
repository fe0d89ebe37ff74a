internal import CLMDB
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Makes an environment whose commits do not wait for the disk (``Environment/Flags/noSync``) survive a power cut.
///
/// Without syncs the system writes pages in any order: after a power cut a meta page may refer to a tree that never reached the disk.
/// So from time to time everything is synced, and then the meta page of that state is written down in a file of its own, the
/// *record*, beside the database. A read transaction holds that state until the next checkpoint: LMDB does not write
/// over any page of it. When the machine was restarted in between, ``recover(_:)`` gives the recorded meta page back to the database,
/// which then is, whole, what it was at the checkpoint. When only the process ended, the system still has all pages: nothing is lost.
///
/// Caveats: to be used by the thread that writes, between its transactions, and by one process.
public final class Checkpoint {
    private let environment: Environment
    private let database: FileHandle
    private let record: FileHandle
    private var last: CheckpointRecord
    /// Keeps the pages of the last checkpoint.
    private var pin: Transaction
    /// Whether a sync failed: the system may have forgotten pages that it could not write.
    private var isDoubtful = false

    /// The name of the record of a database.
    static func recordPath(_ path: String) -> String { path + "-synced" }

    /// Syncs the environment and makes the first checkpoint. There must be no write transaction, and none since the opening.
    /// - Parameter path: of the database file.
    public init(_ environment: Environment, path: String) throws(LMDBError) {
        self.environment = environment
        database = try FileHandle(path, O_RDWR)
        let isNew = !FileHandle.exists(Self.recordPath(path))
        record = try FileHandle(Self.recordPath(path), O_RDWR | O_CREAT)
        let sequence = (try CheckpointRecord.newest(record))?.sequence ?? 0
        try environment.sync()
        pin = try environment.beginRead()
        last = try Self.current(database, environment, sequence: sequence + 1)
        try last.write(to: record)
        if isNew { try FileHandle.syncDirectory(of: path) }
    }

    /// Makes a checkpoint of the last commit. When it throws, the one before stays.
    public func advance() throws(LMDBError) {
        if isDoubtful {
            try database.rewrite(count: environment.information.usedSize)
            isDoubtful = false
        } else if environment.information.lastTransaction == last.transaction {
            return
        }
        do { try environment.sync() } catch {
            isDoubtful = true
            throw error
        }
        let next = try Self.current(database, environment, sequence: last.sequence + 1)
        do { try next.write(to: record) } catch {
            isDoubtful = true
            throw error
        }
        last = next
        pin.reset()
        try pin.renew()
    }

    /// Removes the record of a database that has been synced.
    public static func remove(_ path: String) {
        if FileHandle.exists(recordPath(path)), unsafe unlink(recordPath(path)) == 0 { try? FileHandle.syncDirectory(of: path) }
    }

    /// Whether a database has a record.
    public static func exists(_ path: String) -> Bool { FileHandle.exists(recordPath(path)) }

    /// Whether a database has to go back to its last checkpoint before anybody opens it.
    public static func isRecoveryDue(_ path: String) throws(LMDBError) -> Bool { try due(path) != nil }

    /// Puts a database back to its last checkpoint if the machine was restarted since. To be called before it is opened, by who alone may
    /// write it. Doing it twice does no harm.
    /// - Returns: whether it was put back.
    @discardableResult
    public static func recover(_ path: String) throws(LMDBError) -> Bool {
        guard let due = try due(path) else { return false }
        try due.restore(to: FileHandle(path, O_RDWR))
        remove(path)
        return true
    }

    private static func due(_ path: String) throws(LMDBError) -> CheckpointRecord? {
        guard FileHandle.exists(recordPath(path)), FileHandle.exists(path) else { return nil }
        guard let record = try CheckpointRecord.newest(FileHandle(recordPath(path), O_RDONLY)) else { return nil }
        if record.boot == CheckpointRecord.currentBoot() { return nil }
        // A record of another file: somebody has put it in the place of the one that was recorded.
        let database = try FileHandle(path, O_RDONLY)
        guard try database.number() == record.file, let found = try MetaPage.newest(database, pageSize: record.pageSize),
            found.transaction >= record.transaction
        else { return nil }
        return record
    }

    private static func current(_ database: borrowing FileHandle, _ environment: Environment, sequence: UInt64) throws(LMDBError) -> CheckpointRecord {
        let pageSize = environment.pageSize
        guard let meta = try MetaPage.newest(database, pageSize: pageSize), meta.transaction == environment.information.lastTransaction else {
            throw LMDBError(code: Int32(MDB_INVALID), call: "reading the meta page")
        }
        return CheckpointRecord(
            sequence: sequence, file: try database.number(), pageSize: pageSize, boot: CheckpointRecord.currentBoot(), meta: meta)
    }
}
