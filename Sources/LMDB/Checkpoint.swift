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
/// over any page of it. When the machine was restarted in between, ``recover(_:words:)`` gives the recorded meta page back to the database,
/// which then is, whole, what it was at the checkpoint; what a ``WriteAheadLog`` has of later changes is made again. When only the process
/// ended, the system still has all pages: nothing is lost.
///
/// The sync may take long. It need not be waited for: ``begin()``, then ``Pending/write()`` on any thread while commits go on, then ``finish(_:)``.
///
/// Caveats: to be used by the thread that writes, between its transactions, and by one process.
public final class Checkpoint {
    private let environment: Environment
    private let files: Files
    private var last: CheckpointRecord
    /// Keeps the pages of the last checkpoint.
    private var pin: Pin
    /// What is changed after the checkpoint, if it is written ahead.
    public let log: WriteAheadLog?

    fileprivate final class Files: Sendable {
        let database: FileHandle
        let record: FileHandle
        /// Nil where the file must be synced as a whole.
        let pages: PageSync?

        init(_ path: String, pageSize: Int) throws(LMDBError) {
            database = try FileHandle(path, O_RDWR)
            record = try FileHandle(Checkpoint.recordPath(path), O_RDWR | O_CREAT)
            pages = PageSync(path, pageSize: pageSize)
        }
    }

    /// A checkpoint that was begun.
    public struct Pending: Sendable {
        fileprivate let environment: Environment
        fileprivate let files: Files
        fileprivate let record: CheckpointRecord
        fileprivate let last: CheckpointRecord
        /// Keeps the pages of the last checkpoint, and those of this one, until it is made.
        fileprivate let lastPin: Pin
        fileprivate let pin: Pin

        /// Waits until everything that this state needs is on disk, and records it.
        ///
        /// Most of what was written since the last checkpoint is needed no more: each commit writes the upper pages of the trees anew, and whatever is
        /// changed twice. These pages are left to the system, which finds them used again before long.
        public func write() throws(LMDBError) {
            if !environment.isDoubtful, files.pages != nil {
                let changed = try pin.freePages(lastPage: record.meta.lastPage)
                    .pagesInUse(freeIn: lastPin.freePages(lastPage: last.meta.lastPage))
                do { try files.pages?.sync(changed) } catch {
                    environment.noteFailedSync()
                    throw error
                }
            } else {
                files.database.writeOut(count: environment.information.usedSize)
                try environment.sync()
            }
            try record.write(to: files.record)
        }
    }

    /// The name of the record of a database.
    static func recordPath(_ path: String) -> String { path + "-synced" }

    /// Syncs the environment and makes the first checkpoint. There must be no write transaction.
    /// - Parameters:
    ///   - path: of the database file.
    ///   - log: to which later changes are written, empty.
    public init(_ environment: Environment, path: String, log: WriteAheadLog? = nil) throws(LMDBError) {
        self.environment = environment
        self.log = log
        let isNew = !FileHandle.exists(Self.recordPath(path))
        files = try Files(path, pageSize: environment.pageSize)
        let sequence = (try CheckpointRecord.newest(files.record))?.sequence ?? 0
        try environment.sync()
        pin = try Pin(environment)
        last = try Self.current(files.database, environment, sequence: sequence + 1)
        try last.write(to: files.record)
        if isNew { try FileHandle.syncDirectory(of: path) }
    }

    /// Whether something was committed since the last checkpoint.
    public var isBehind: Bool { environment.isDoubtful || environment.information.lastTransaction != last.transaction }

    /// Makes a checkpoint of the last commit. When it throws, the one before stays. None may have been begun.
    public func advance() throws(LMDBError) {
        guard isBehind else { return }
        let pending = try begin()
        try pending.write()
        finish(pending)
    }

    /// Begins a checkpoint of the last commit. When it is written ``finish(_:)`` has to follow; when it cannot be, the one before stays, and the next
    /// one must not be written beside further commits.
    public func begin() throws(LMDBError) -> Pending {
        let record = try Self.current(files.database, environment, sequence: last.sequence + 1)
        let next = try Pin(environment)
        try log?.turn()
        return Pending(environment: environment, files: files, record: record, last: last, lastPin: pin, pin: next)
    }

    /// A checkpoint was written: the one before is not needed any more.
    public func finish(_ pending: Pending) {
        last = pending.record
        pin = pending.pin
        log?.release()
    }

    /// Removes the record of a database that has been synced, and its log.
    public static func remove(_ path: String) {
        if FileHandle.exists(recordPath(path)), unsafe unlink(recordPath(path)) == 0 { try? FileHandle.syncDirectory(of: path) }
        // Later than the record, which says that it is needed.
        WriteAheadLog.remove(path)
    }

    /// Whether a database has a record.
    public static func exists(_ path: String) -> Bool { FileHandle.exists(recordPath(path)) }

    /// Whether a database has to go back to its last checkpoint before anybody opens it.
    public static func isRecoveryDue(_ path: String) throws(LMDBError) -> Bool { try due(path) != nil }

    /// Puts a database back to its last checkpoint if the machine was restarted since, and makes the changes again that were written ahead
    /// after it. To be called before it is opened, by who alone may write it. Doing it twice does no harm.
    /// - Parameter words: makes the changes that were recorded in words (``Transaction/change(_:in:_:)``).
    /// - Returns: whether it was put back.
    @discardableResult
    public static func recover(_ path: String, words: WordsMaker) throws(LMDBError) -> Bool {
        guard let due = try due(path) else { return false }
        try due.restore(to: FileHandle(path, O_RDWR))
        try WriteAheadLog.replay(path, after: due.transaction, words: words)
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
