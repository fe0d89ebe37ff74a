internal import CLMDB
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// An open LMDB environment: one file, one map, many readers, one writer.
///
/// Caveats, LMDB's own: a reader that stays keeps old pages alive and makes the file grow;
/// the map does not grow: what is reserved at the opening bounds the file. No DUPSORT databases, no nested transactions, no WRITEMAP
/// (defects of the 0.9 series up to 0.9.24 concern just these, and one for which ``beginRead()`` sees to it).
@safe public final class Environment: @unchecked Sendable {
    // Sound: an MDB_env may be used by all threads (lmdb.h); the pointer is set once and closed in deinit, when nobody holds the environment.
    @usableFromInline let handle: OpaquePointer
    /// Other programs would take a file for closed that was opened twice here and closed once.
    private let claim: FileClaim?
    private let path: String

    /// How a commit reaches the disk.
    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Commits do not wait for the disk; ``Environment/sync()`` does. The file stays consistent after a crash of the process only.
        public static let noSync = Flags(rawValue: UInt32(MDB_NOSYNC))
        /// The data is synced at commit, the meta page, which makes it the current state, by ``Environment/sync()`` or the next commit.
        /// A power cut before may undo that last commit; the file stays consistent.
        public static let noMetaSync = Flags(rawValue: UInt32(MDB_NOMETASYNC))
        public static let readOnly = Flags(rawValue: UInt32(MDB_RDONLY))
        /// No lock file: for a file that nobody else has open.
        public static let noLock = Flags(rawValue: UInt32(MDB_NOLOCK))
    }

    /// Opens the database file at `path` (its lock file is `path-lock`), creating it if need be.
    /// - Parameters:
    ///   - mapSize: address space to reserve, in bytes; if the system refuses it, half of it is tried, down to 1 GiB.
    ///   - maxReaders: how many read transactions may be open at once.
    /// - Throws: `EBUSY` if this process has the file open already, and does not close it within two seconds.
    public init(path: String, mapSize: Int, maxDatabases: Int = 16, maxReaders: Int = 510, flags: Flags = []) throws(LMDBError) {
        self.path = path
        claim = flags.contains(.noLock) ? nil : try FileClaim.of(path, creates: !flags.contains(.readOnly))
        var size = mapSize
        while true {
            var env: OpaquePointer?
            try check(unsafe mdb_env_create(&env), "mdb_env_create")
            guard let env = unsafe env else { throw LMDBError(code: Int32(MDB_PANIC), call: "mdb_env_create") }
            var code = unsafe mdb_env_set_maxdbs(env, UInt32(maxDatabases))
            if code == 0 { code = unsafe mdb_env_set_maxreaders(env, UInt32(maxReaders)) }
            if code == 0 { code = unsafe mdb_env_set_mapsize(env, size) }
            // Transactions are bound to their owner, not to a thread: one owner may move between threads.
            let all = flags.rawValue | UInt32(MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD)
            if code == 0 { code = unsafe mdb_env_open(env, path, all, 0o600) }
            if code == 0 {
                unsafe handle = env
                return
            }
            unsafe mdb_env_close(env)
            // ENOMEM, or EINVAL from a system (or valgrind) with less address space.
            guard code == 12 || code == 22, size > 2 << 30 else { throw LMDBError(code: code, call: "opening \(path)") }
            size /= 2
        }
    }

    deinit { unsafe mdb_env_close(handle) }

    /// Whether LMDB refuses all transactions until the file is opened anew: a meta page could not be written. What was committed before is in the file.
    public var isBroken: Bool {
        do { _ = try beginRead() } catch { return error.isBroken }
        return false
    }

    /// Opens a named database (creating it inside a write transaction), to be used by all later transactions.
    /// - Parameter integerKeys: keys are numbers of eight octets in the machine's order, and sort as such: cheaper to compare.
    public func database(
        _ name: String, in transaction: borrowing Transaction, create: Bool, integerKeys: Bool = false
    ) throws(LMDBError) -> Database {
        var dbi: MDB_dbi = 0
        let flags = (create ? UInt32(MDB_CREATE) : 0) | (integerKeys ? UInt32(MDB_INTEGERKEY) : 0)
        try check(unsafe mdb_dbi_open(transaction.handle, name, flags, &dbi), "opening database \(name)")
        return Database(dbi: dbi)
    }

    /// Begins a read transaction: a snapshot of the last commit.
    public func beginRead() throws(LMDBError) -> Transaction {
        var transaction = try Transaction(self, readOnly: true)
        try transaction.takeAgainUntilNewest()
        return transaction
    }

    /// Begins the write transaction; waits for another to end.
    public func beginWrite() throws(LMDBError) -> Transaction { try Transaction(self, readOnly: false) }

    /// Has later commits wait for the disk or not (``Flags/noSync``). Not while there is a write transaction.
    public func setNoSync(_ isOn: Bool) throws(LMDBError) {
        try check(unsafe mdb_env_set_flags(handle, UInt32(MDB_NOSYNC), isOn ? 1 : 0), "mdb_env_set_flags")
    }

    /// Flushes everything committed to disk. After a sync that failed everything is written anew before: then nobody may commit meanwhile.
    public func sync() throws(LMDBError) {
        if isDoubtful {
            // An error that was told to another descriptor is still to be told to LMDB's: not of what is written now.
            unsafe mdb_env_sync(handle, 1)
            try FileHandle(path, O_RDWR).rewrite(count: information.usedSize)
        }
        do { try check(unsafe mdb_env_sync(handle, 1), "mdb_env_sync") } catch {
            claim?.isDoubtful = true
            throw error
        }
        claim?.isDoubtful = false
    }

    /// Whether a sync failed, of this environment or of one that the process had before, and none succeeded since.
    var isDoubtful: Bool { claim?.isDoubtful ?? false }

    /// A sync that somebody else made for this environment failed.
    func noteFailedSync() { claim?.isDoubtful = true }

    /// Writes a consistent copy while others read and write; `compact` leaves free pages out.
    public func copy(to path: String, compact: Bool) throws(LMDBError) {
        try check(unsafe mdb_env_copy2(handle, path, compact ? UInt32(MDB_CP_COMPACT) : 0), "copying to \(path)")
    }

    /// Frees the reader slots of processes that died; how many.
    @discardableResult
    public func clearStaleReaders() throws(LMDBError) -> Int {
        var dead: Int32 = 0
        try check(unsafe mdb_reader_check(handle, &dead), "mdb_reader_check")
        return Int(dead)
    }

    /// Sizes in bytes, and the number of the last committed transaction.
    public var information: (mapSize: Int, usedSize: Int, lastTransaction: Int, readers: Int) {
        var info = unsafe MDB_envinfo()
        unsafe mdb_env_info(handle, &info)
        return unsafe (info.me_mapsize, (info.me_last_pgno + 1) * pageSize, info.me_last_txnid, Int(info.me_numreaders))
    }

    /// Bytes in a page of the file.
    public var pageSize: Int {
        var stat = MDB_stat()
        unsafe mdb_env_stat(handle, &stat)
        return Int(stat.ms_psize)
    }
}

/// A named database inside an environment.
public struct Database: Sendable, Hashable {
    @usableFromInline let dbi: UInt32
    @usableFromInline init(dbi: UInt32) { self.dbi = dbi }

    /// LMDB's own list of free pages, for read transactions: by the number of the transaction that freed them, each a count and so many
    /// page numbers.
    static let freeList = Database(dbi: 0)
}
