internal import CLMDB

/// A read or write transaction. Used by one thread at a time.
///
/// What it returns points into the map: it can be used until the transaction is next changed, reset or ended, and the compiler
/// sees to it that it does not outlive the transaction. One cursor per database is kept, so ``seek(_:in:)`` and ``next(in:)``
/// on the same database share a position.
@safe public struct Transaction: ~Copyable {
    // Sound throughout: the handle and the cursors are owned by this value alone and freed in deinit or by commit.
    let handle: OpaquePointer
    let cursors: UnsafeMutablePointer<OpaquePointer?>
    let environment: Environment
    public let isReadOnly: Bool
    /// False once committed.
    private var isOpen = true
    /// What was changed so far, if it is to be written ahead.
    private var recording: ChangeRecording?
    /// Where it was written ahead.
    private var ahead: WriteAheadLog?
    static let maxCursors = 16

    init(_ environment: Environment, readOnly: Bool) throws(LMDBError) {
        self.environment = environment
        isReadOnly = readOnly
        var txn: OpaquePointer?
        try check(unsafe mdb_txn_begin(environment.handle, nil, readOnly ? UInt32(MDB_RDONLY) : 0, &txn), "mdb_txn_begin")
        guard let txn = unsafe txn else { throw LMDBError(code: Int32(MDB_PANIC), call: "mdb_txn_begin") }
        unsafe handle = txn
        unsafe cursors = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: Self.maxCursors)
        unsafe cursors.initialize(repeating: nil, count: Self.maxCursors)
    }

    /// LMDB notes which commit it is going to show, and then copies that commit's roots from the meta page of its parity. Interrupted in between
    /// for as long as two commits take, it would show the later one under the number of the earlier.
    mutating func takeAgainUntilNewest() throws(LMDBError) {
        while !isNewest {
            unsafe mdb_txn_reset(handle)
            try check(unsafe mdb_txn_renew(handle), "mdb_txn_renew")
        }
    }

    deinit {
        unsafe closeCursors()
        unsafe cursors.deallocate()
        if isOpen {
            unsafe mdb_txn_abort(handle)
            ahead?.withdraw()
        }
    }

    @unsafe private func closeCursors() {
        for index in 0..<Self.maxCursors {
            if let cursor = unsafe cursors[index] { unsafe mdb_cursor_close(cursor) }
            unsafe cursors[index] = nil
        }
    }

    /// The number of the snapshot (of the commit it shows), or of the commit this write transaction will make.
    public var id: Int { unsafe mdb_txn_id(handle) }

    /// Whether nothing was committed since the snapshot was taken.
    public var isNewest: Bool {
        var info = unsafe MDB_envinfo()
        unsafe mdb_env_info(environment.handle, &info)
        return unsafe info.me_last_txnid == id
    }

    // MARK: Reading

    /// The value of a key.
    @_lifetime(borrow self)
    public borrowing func get(_ key: borrowing RawSpan, in database: Database) throws(LMDBError) -> RawSpan? {
        var value = unsafe MDB_val()
        let code = unsafe key.withUnsafeBytes { bytes in
            var key = unsafe MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            return unsafe mdb_get(handle, database.dbi, &key, &value)
        }
        if code == MDB_NOTFOUND { return nil }
        try check(code, "mdb_get")
        let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(value.mv_data), byteCount: value.mv_size)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// The first pair whose key is not below `key`.
    @_lifetime(borrow self)
    public borrowing func seek(_ key: borrowing RawSpan, in database: Database) throws(LMDBError) -> KeyValue? {
        try move(database, MDB_SET_RANGE, key)
    }

    /// The pair after the last one returned for this database.
    @_lifetime(borrow self)
    public borrowing func next(in database: Database) throws(LMDBError) -> KeyValue? {
        try move(database, MDB_NEXT, RawSpan())
    }

    /// The pair before the last one returned for this database.
    @_lifetime(borrow self)
    public borrowing func previous(in database: Database) throws(LMDBError) -> KeyValue? {
        try move(database, MDB_PREV, RawSpan())
    }

    /// The pair with the greatest key.
    @_lifetime(borrow self)
    public borrowing func last(in database: Database) throws(LMDBError) -> KeyValue? {
        try move(database, MDB_LAST, RawSpan())
    }

    /// The pair with the smallest key.
    @_lifetime(borrow self)
    public borrowing func first(in database: Database) throws(LMDBError) -> KeyValue? {
        try move(database, MDB_FIRST, RawSpan())
    }

    @_lifetime(borrow self)
    private borrowing func move(
        _ database: Database, _ operation: MDB_cursor_op, _ key: borrowing RawSpan
    ) throws(LMDBError) -> KeyValue? {
        let cursor = try unsafe cursor(database)
        var found = unsafe MDB_val()
        var value = unsafe MDB_val()
        let code = unsafe key.withUnsafeBytes { bytes in
            unsafe found = MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            return unsafe mdb_cursor_get(cursor, &found, &value, operation)
        }
        if code == MDB_NOTFOUND { return nil }
        try check(code, "mdb_cursor_get")
        let pair = unsafe KeyValue(
            key: RawSpan(_unsafeStart: UnsafeRawPointer(found.mv_data), byteCount: found.mv_size),
            value: RawSpan(_unsafeStart: UnsafeRawPointer(value.mv_data), byteCount: value.mv_size))
        return unsafe _overrideLifetime(pair, borrowing: self)
    }

    @unsafe private borrowing func cursor(_ database: Database) throws(LMDBError) -> OpaquePointer {
        let index = Int(database.dbi)
        guard index < Self.maxCursors else { throw LMDBError(code: Int32(MDB_DBS_FULL), call: "mdb_cursor_open") }
        if let open = unsafe cursors[index] { return unsafe open }
        var cursor: OpaquePointer?
        try check(unsafe mdb_cursor_open(handle, database.dbi, &cursor), "mdb_cursor_open")
        guard let cursor = unsafe cursor else { throw LMDBError(code: Int32(MDB_PANIC), call: "mdb_cursor_open") }
        unsafe cursors[index] = cursor
        return unsafe cursor
    }

    /// The value of a key, as ``get(_:in:)``; cheaper where keys are asked for in ascending order, and ``replaceFound(_:with:in:)`` and
    /// ``insertUnfound(_:_:in:)`` go on from there.
    @_lifetime(borrow self)
    public borrowing func find(_ key: borrowing RawSpan, in database: Database) throws(LMDBError) -> RawSpan? {
        try move(database, MDB_SET_KEY, key)?.value
    }

    /// Number of pairs in a database.
    public borrowing func count(of database: Database) throws(LMDBError) -> Int {
        var stat = MDB_stat()
        try check(unsafe mdb_stat(handle, database.dbi, &stat), "mdb_stat")
        return stat.ms_entries
    }

    /// Bytes of the pages that a database takes.
    public borrowing func size(of database: Database) throws(LMDBError) -> Int {
        var stat = MDB_stat()
        try check(unsafe mdb_stat(handle, database.dbi, &stat), "mdb_stat")
        return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * Int(stat.ms_psize)
    }

    /// Gives a read snapshot back but keeps the reader slot, for ``renew()``.
    public mutating func reset() { unsafe mdb_txn_reset(handle) }

    /// Takes a new snapshot after ``reset()``: of the last commit. Takes no lock.
    public mutating func renew() throws(LMDBError) {
        try check(unsafe mdb_txn_renew(handle), "mdb_txn_renew")
        try takeAgainUntilNewest()
        for index in 0..<Self.maxCursors {
            guard let cursor = unsafe cursors[index] else { continue }
            try check(unsafe mdb_cursor_renew(handle, cursor), "mdb_cursor_renew")
        }
    }

    // MARK: Writing (LMDB refuses it in a read transaction)

    /// Stores a pair. `append`: the key is above all others (bulk load); refused otherwise.
    public mutating func put(
        _ key: borrowing RawSpan, _ value: borrowing RawSpan, in database: Database, append: Bool = false
    ) throws(LMDBError) {
        let code = unsafe key.withUnsafeBytes { k in
            unsafe value.withUnsafeBytes { v in
                var key = unsafe MDB_val(mv_size: k.count, mv_data: UnsafeMutableRawPointer(mutating: k.baseAddress))
                var value = unsafe MDB_val(mv_size: v.count, mv_data: UnsafeMutableRawPointer(mutating: v.baseAddress))
                return unsafe mdb_put(handle, database.dbi, &key, &value, append ? UInt32(MDB_APPEND) : 0)
            }
        }
        try check(code, "mdb_put")
        recording?.put(key, value, in: database)
    }

    /// Stores a pair unless the key exists. Whether it was stored.
    public mutating func insert(_ key: borrowing RawSpan, _ value: borrowing RawSpan, in database: Database) throws(LMDBError) -> Bool {
        let code = unsafe key.withUnsafeBytes { k in
            unsafe value.withUnsafeBytes { v in
                var key = unsafe MDB_val(mv_size: k.count, mv_data: UnsafeMutableRawPointer(mutating: k.baseAddress))
                var value = unsafe MDB_val(mv_size: v.count, mv_data: UnsafeMutableRawPointer(mutating: v.baseAddress))
                return unsafe mdb_put(handle, database.dbi, &key, &value, UInt32(MDB_NOOVERWRITE))
            }
        }
        if code == MDB_KEYEXIST { return false }
        try check(code, "mdb_put")
        recording?.put(key, value, in: database)
        return true
    }

    /// Gives a key that ``find(_:in:)`` has just found another value: nothing may have been done with the database in between.
    public mutating func replaceFound(
        _ key: borrowing RawSpan, with value: borrowing RawSpan, in database: Database
    ) throws(LMDBError) {
        try putAtCursor(key, value, database, UInt32(MDB_CURRENT))
    }

    /// Stores a pair whose key is not there, near the place where the database was last looked at.
    public mutating func insertUnfound(
        _ key: borrowing RawSpan, _ value: borrowing RawSpan, in database: Database
    ) throws(LMDBError) {
        try putAtCursor(key, value, database, 0)
    }

    private mutating func putAtCursor(
        _ key: borrowing RawSpan, _ value: borrowing RawSpan, _ database: Database, _ flags: UInt32
    ) throws(LMDBError) {
        let cursor = try unsafe cursor(database)
        let code = unsafe key.withUnsafeBytes { k in
            unsafe value.withUnsafeBytes { v in
                var key = unsafe MDB_val(mv_size: k.count, mv_data: UnsafeMutableRawPointer(mutating: k.baseAddress))
                var value = unsafe MDB_val(mv_size: v.count, mv_data: UnsafeMutableRawPointer(mutating: v.baseAddress))
                return unsafe mdb_cursor_put(cursor, &key, &value, flags)
            }
        }
        try check(code, "mdb_cursor_put")
        recording?.put(key, value, in: database)
    }

    /// Removes a key; whether it was there.
    @discardableResult
    public mutating func delete(_ key: borrowing RawSpan, in database: Database) throws(LMDBError) -> Bool {
        let code = unsafe key.withUnsafeBytes { k in
            var key = unsafe MDB_val(mv_size: k.count, mv_data: UnsafeMutableRawPointer(mutating: k.baseAddress))
            return unsafe mdb_del(handle, database.dbi, &key, nil)
        }
        if code == MDB_NOTFOUND { return false }
        try check(code, "mdb_del")
        recording?.delete(key, in: database)
        return true
    }

    /// Removes all pairs of a database.
    public mutating func removeAll(in database: Database) throws(LMDBError) {
        try check(unsafe mdb_drop(handle, database.dbi, 0), "mdb_drop")
        recording?.clear(database)
    }

    /// Has what is changed from now on recorded, for ``writeAhead(to:)``.
    public mutating func record(for log: WriteAheadLog) { recording = log.recording() }

    /// Makes changes of a database that are recorded in words, not one by one: where words are shorter, or known earlier.
    /// - Parameters:
    ///   - words: from which a ``WordsMaker`` can make the same changes, in a database that is what this one is now.
    ///   - make: makes the changes; nil if they will follow ``writeAhead(to:)``.
    public mutating func change(
        _ words: borrowing RawSpan, in database: Database, _ make: ((inout Transaction) throws(LMDBError) -> Void)? = nil
    ) throws(LMDBError) {
        recording?.note(words, in: database)
        guard let make else { return }
        let kept = recording.take()
        defer { recording = kept }
        try make(&self)
    }

    /// Writes what was recorded to a log. Whatever is changed afterwards is not recorded: it must be said by words. If the transaction is not
    /// committed then, the record is withdrawn.
    /// - Returns: what has to be synced before ``commit()``, to make the commit lasting. Nil: nothing was changed, or it is too much for the log: then a checkpoint
    ///   must follow.
    public mutating func writeAhead(to log: WriteAheadLog) throws(LMDBError) -> WriteAheadLog.Pending? {
        guard let recorded = recording.take(), !recorded.isEmpty, !recorded.isOverfull else { return nil }
        let pending = try log.append(recorded, transaction: id)
        ahead = log
        return pending
    }

    /// Makes all changes permanent, or throws and makes none.
    public consuming func commit() throws(LMDBError) {
        let number = id
        do { try end() } catch {
            ahead?.withdraw()
            throw error
        }
        // Words may have said what was so already: then there was no commit, and the next one gets its number.
        if let ahead, environment.information.lastTransaction != number { ahead.withdraw() }
    }

    private mutating func end() throws(LMDBError) {
        unsafe closeCursors()
        isOpen = false
        try check(unsafe mdb_txn_commit(handle), "mdb_txn_commit")
    }
}

/// A pair in the map.
public struct KeyValue: ~Escapable {
    public let key: RawSpan
    public let value: RawSpan

    @_lifetime(copy key, copy value)
    init(key: RawSpan, value: RawSpan) {
        self.key = key
        self.value = value
    }
}
