import LDAP
import LMDB
public import Schema
import BER
import Synchronization

/// Entries, their names and their indexes in one LMDB file.
///
/// Caveats: one process at a time (whoever assembles a server holds the lock on the data directory); one writer, any number of
/// readers that never wait for it. The map is address space reserved once (``Options/mapSize``), the file grows inside it.
public final class EntryStore: Sendable {
    public struct Options: Sendable {
        /// Address space to reserve, in bytes. The file is only as large as its contents.
        public var mapSize = 1 << 40
        /// When an acknowledged change is on disk.
        public var durability = Durability.full
        /// Read transactions open at once.
        public var maxReaders = 510
        /// How much of the past is kept.
        public var log = ChangeLogLimits()
        /// An equality index that was asked in vain so often gets a filter in memory; 0: none does. See ``ValueFilters``.
        var questionsInVain = 100
        public init() {}
    }

    /// When changes reach the disk. The end of the process loses nothing that was committed, however it comes; this is about the machine's.
    public enum Durability: Sendable, Hashable {
        /// Before the client gets its answer.
        case full
        /// About so many milliseconds after the answer. A power cut may lose the changes of that time; what is there after it is
        /// whole (see ``Checkpoint``).
        case groupInterval(milliseconds: Int)
        /// When the system likes, and when the server stops: for bulk work. A power cut may damage the database.
        case none
    }

    struct Databases: Sendable {
        let entries: Database
        let names: Database
        let indexes: Database
        let attributes: Database
        let meta: Database
        /// Changes by number.
        let log: Database
        /// Deleted entries by the number of their deletion, and those numbers by UUID.
        let deleted: Database
        let deletedNames: Database

        init(_ environment: Environment, _ transaction: borrowing Transaction, create: Bool) throws(LMDBError) {
            entries = try environment.database("entries", in: transaction, create: create, integerKeys: true)
            names = try environment.database("names", in: transaction, create: create)
            indexes = try environment.database("indexes", in: transaction, create: create)
            attributes = try environment.database("attributes", in: transaction, create: create)
            meta = try environment.database("meta", in: transaction, create: create)
            log = try environment.database("log", in: transaction, create: create, integerKeys: true)
            deleted = try environment.database("deleted", in: transaction, create: create, integerKeys: true)
            deletedNames = try environment.database("deletedNames", in: transaction, create: create)
        }

        /// All of them, as they were opened.
        var named: [(name: String, database: Database, integerKeys: Bool)] {
            [
                ("entries", entries, true), ("names", names, false), ("indexes", indexes, false), ("attributes", attributes, false), ("meta", meta, false),
                ("log", log, true), ("deleted", deleted, true), ("deletedNames", deletedNames, false),
            ]
        }
    }

    let environment: Environment
    let databases: Databases
    let filters: ValueFilters
    /// Nil if others may change the store, or the memory is short.
    let found: FoundValues?
    /// The same.
    let places: RecordPlaces?
    /// For ``places``.
    let kept: KeptPages
    /// What the schema files define.
    let fileSchema: Schema
    public let options: Options
    /// The database file.
    public let path: String

    private let current: Mutex<Catalogue>
    private let version = Atomic<Int>(0)
    private let rename = Atomic<Int>(0)
    private let removal = Atomic<Int>(0)
    private let transactions = Atomic<Int>(0)
    private let watches = Mutex<[HeldWatch]>([])
    private let breakage = Mutex<(@Sendable () -> Void)?>(nil)

    /// The file of the database inside a data directory.
    public static func file(in directory: String) -> String { directory + "/data.mdb" }

    /// Opens the store in a directory that exists, or makes it.
    /// - Parameters:
    ///   - schema: what the schema files define.
    ///   - indexes: the indexes to keep. New ones are built by ``buildMissingIndexes(progress:)``, old ones dropped here.
    public convenience init(
        directory: String, schema: Schema, indexes: [IndexDefinition], options: Options = Options(), file: String? = nil
    ) throws(EntryStoreError) {
        try self.init(directory: directory, schema: schema, options: options, file: file) { _ in indexes }
    }

    /// Opens the store in a directory that exists, or makes it.
    /// - Parameters:
    ///   - schema: what the schema files define.
    ///   - indexes: the indexes to keep, by the schema with what was defined beside the files.
    /// - Throws: `format` for schema files that do not go with what was defined beside them; what `indexes` throws.
    public init(
        directory: String, schema: Schema, options: Options = Options(), file: String? = nil,
        indexes: (Schema) throws(EntryStoreError) -> [IndexDefinition]
    ) throws(EntryStoreError) {
        path = file ?? Self.file(in: directory)
        fileSchema = schema
        self.options = options
        // The meta page is synced by ``sync()``: if LMDB did it itself, a disk that refuses just then would end all reading. A ``Writer`` has
        // its own ways to make changes lasting.
        let flags: Environment.Flags = options.durability == .none ? .noSync : .noMetaSync
        do {
            try Checkpoint.recover(path, words: StoreTransaction.make)
            environment = try Environment(path: path, mapSize: options.mapSize, maxReaders: options.maxReaders, flags: flags)
            _ = try environment.clearStaleReaders()
            // What an earlier process left to the system goes to the disk before anything is built on it.
            if options.durability != .none || Checkpoint.exists(path) { try environment.sync() }
            Checkpoint.remove(path)
            var transaction = try environment.beginWrite()
            databases = try Databases(environment, transaction, create: true)
            let (whole, revision) = try SchemaRevision.read(schema, transaction, databases)
            let catalogue = try Self.prepare(&transaction, databases, whole, revision, IndexSet(try indexes(whole), schema: whole))
            current = Mutex(catalogue)
            try transaction.commit()
            filters = ValueFilters(environment, databases.indexes, threshold: options.questionsInVain)
            let reading = try environment.beginRead()
            let count = try reading.count(of: databases.entries)
            found = FoundValues(entries: count, commit: reading.id)
            places = RecordPlaces(entries: count, commit: reading.id)
            kept = KeptPages(environment)
        } catch let error as LMDBError {
            throw EntryStoreError(error)
        } catch let error as EntryStoreError {
            throw error
        } catch {
            throw EntryStoreError(.storage, "\(error)")
        }
    }

    /// Opens the store of a directory to read only, beside a server that may be running; its indexes are taken as they are.
    /// Descriptions that the server numbers later are not seen.
    /// - Parameter file: instead of the directory's, a database that nobody changes, such as a backup.
    public init(
        reading directory: String, schema: Schema, mapSize: Int = Options().mapSize, file: String? = nil
    ) throws(EntryStoreError) {
        path = file ?? Self.file(in: directory)
        fileSchema = schema
        var options = Options()
        options.mapSize = mapSize
        self.options = options
        do {
            if try Checkpoint.isRecoveryDue(path) {
                throw EntryStoreError(
                    .format, "the machine stopped while \(path) was in use: start the server once, which takes it back to its last checkpoint")
            }
            environment = try Environment(
                path: path, mapSize: mapSize, maxReaders: options.maxReaders, flags: file == nil ? .readOnly : [.readOnly, .noLock])
            let transaction = try environment.beginRead()
            databases = try Databases(environment, transaction, create: false)
            current = Mutex(try Self.inspect(transaction, databases, schema))
            // A database opened inside a transaction is the environment's own only once that has been committed.
            try transaction.commit()
            // What another process adds is not noted here.
            filters = ValueFilters(environment, databases.indexes, threshold: 0)
            found = nil
            places = nil
            kept = KeptPages(environment)
        } catch let error as LMDBError {
            throw EntryStoreError(error)
        } catch let error as EntryStoreError {
            throw error
        } catch {
            throw EntryStoreError(.storage, "\(error)")
        }
    }

    deinit { filters.stop() }

    /// Has what is known of indexes in memory follow a change of a key, before it is committed.
    /// - Parameters:
    ///   - key: without the block.
    ///   - isNew: whether a block of it is.
    func noteIndexChange(_ key: RawSpan, isNew: Bool, by commit: Int) {
        guard IndexKey.isOfValue(key) else { return }
        if isNew { filters.note(key) }
        found?.noteChange(OctetHash.hash(key), by: commit)
    }

    /// Forgets what is known of indexes in memory: keys change that will not be told. In the write transaction that changes them.
    func noteIndexChanges(by commit: Int) {
        filters.removeAll()
        found?.noteChanges(by: commit)
    }

    /// Tells of each commit what it changed.
    let changeFeed = ChangeFeed()

    // MARK: Catalogue

    public var catalogue: Catalogue { current.withLock { $0 } }
    /// The schema as it is now: that of the files, and what was defined beside them.
    public var schema: Schema { catalogue.schema }

    /// Reads the numbers of descriptions anew, of a store that is open to read only: its server may have given more.
    public func refreshCatalogue() throws(EntryStoreError) {
        do {
            let transaction = try environment.beginRead()
            publish(try Self.inspect(transaction, databases, catalogue.schema))
        } catch let error as LMDBError { throw EntryStoreError(error) } catch let error as EntryStoreError { throw error } catch {
            throw EntryStoreError(.storage, "\(error)")
        }
    }

    var catalogueVersion: Int { version.load(ordering: .acquiring) }

    func publish(_ catalogue: Catalogue) {
        current.withLock { $0 = catalogue }
        version.add(1, ordering: .acquiringAndReleasing)
    }

    /// Has changes of entries of some classes noted from now on. To be called when a directory is set up, before anything is changed.
    /// What is watched is noted for as long as somebody holds the watch.
    /// - Parameter schema: says which classes are derived from them.
    public func watch(_ classes: [ObjectClassID], _ schema: Schema) -> ClassWatch {
        watches.withLock {
            let place = $0.firstIndex { $0.watch == nil } ?? $0.count
            let watch = ClassWatch(classes, number: place, schema: schema)
            if place == $0.count { $0.append(HeldWatch(watch: watch)) } else { $0[place] = HeldWatch(watch: watch) }
            return watch
        }
    }

    /// By their numbers; nil where one is held no more.
    var classWatches: [ClassWatch?] { watches.withLock { $0.map(\.watch) } }

    private struct HeldWatch: Sendable {
        weak let watch: ClassWatch?
    }

    /// The commit that last changed a name other than by adding or removing a leaf.
    public var lastRename: Int { rename.load(ordering: .acquiring) }
    /// A number for a write transaction that no other has.
    func nextTransaction() -> Int { transactions.add(1, ordering: .relaxed).newValue }
    func noteRename(commit: Int) { rename.store(commit, ordering: .releasing) }
    /// The commit that last removed an entry.
    public var lastRemoval: Int { removal.load(ordering: .acquiring) }
    func noteRemoval(commit: Int) { removal.store(commit, ordering: .releasing) }

    // MARK: Reading

    /// A snapshot of the last commit.
    public func snapshot() throws(EntryStoreError) -> Snapshot {
        do { return Snapshot(self, try environment.beginRead()) } catch { throw EntryStoreError(error) }
    }

    /// Brings the whole database into memory, in pages of one size; see `Environment.warm`.
    /// - Parameters:
    ///   - inLargePages: for a database that is read more than it is changed.
    ///   - limit: a larger database is left alone, in bytes.
    ///   - isWanted: asked now and then whether to go on.
    ///   - populated: called when it is in memory; what may follow only exchanges its pages.
    public func warm(inLargePages: Bool, limit: Int, while isWanted: () -> Bool, populated: () -> Void = {}) {
        _ = environment.warm(inLargePages ? .large : .small, limit: limit, while: isWanted, populated: populated)
    }

    /// Notes where all records lie, so that none has to be looked for; stores that are open to read only note nothing.
    /// - Parameter isWanted: asked now and then whether to go on.
    public func notePlaces(while isWanted: () -> Bool) throws(EntryStoreError) {
        var next: EntryID? = EntryID(rawValue: 1)
        while let first = next, isWanted() { next = try snapshot().notePlaces(from: first, count: Self.placesAtOnce) }
    }

    private static let placesAtOnce = 4096

    /// Has somebody told, once, if the database can neither be read nor changed any more until it is opened anew, because the disk refused a page of
    /// LMDB's own. Everything that was confirmed is in the file. Called on the writer's thread.
    public func whenBroken(_ body: @escaping @Sendable () -> Void) { breakage.withLock { $0 = body } }

    /// To be called when a transaction has failed.
    func noteFailure() {
        guard environment.isBroken, let body = breakage.withLock({ $0.take() }) else { return }
        body()
    }

    /// Flushes everything to disk.
    public func sync() throws(EntryStoreError) {
        do { try environment.sync() } catch { throw EntryStoreError(error) }
    }

    /// Size of the file in use and address space reserved, in bytes; number of the last commit; readers.
    public var information: (mapSize: Int, usedSize: Int, lastTransaction: Int, readers: Int) { environment.information }
}
