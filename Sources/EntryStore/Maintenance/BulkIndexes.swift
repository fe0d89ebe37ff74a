import BER
import LMDB

/// The index sets of a bulk load on their way into the database: gathered by a ``BulkIndexer`` up to a limit of memory, put aside in sorted
/// runs, and in the end merged and appended in key order.
struct BulkIndexes: ~Copyable {
    let indexer: BulkIndexer
    private var runs: SortedRuns?
    /// Of the file that holds the runs.
    private let path: String
    /// The index database is empty: what is written can be appended. Otherwise nothing is put aside, because it would have to be put between
    /// what is there anyway.
    private(set) var isFresh: Bool

    /// - Parameter fresh: nothing stands in the index database yet.
    init(_ store: EntryStore, fresh: Bool) throws(EntryStoreError) {
        indexer = try BulkIndexer(schema: store.schema)
        path = store.path + "-runs"
        isFresh = fresh
    }

    /// About how many bytes of memory are taken.
    var memory: Int { indexer.memory }

    /// Puts aside what was gathered: the memory is free again.
    mutating func putAside() throws(EntryStoreError) {
        do throws(LMDBError) {
            if runs == nil { runs = try SortedRuns(path: path) }
            try indexer.drain { key, container throws(LMDBError) in try runs?.append(key, container) }
            try runs?.endRun()
        } catch { throw EntryStoreError(error) }
    }

    /// Writes all that was gathered, and what was put aside of it.
    mutating func write(to transaction: inout StoreTransaction) throws(EntryStoreError) {
        try transaction.writeIndexes(from: indexer, &runs, fresh: isFresh)
        isFresh = false
    }
}

/// Pairs of one key that came one after the other, as one.
struct JoinedPair {
    private var key: [UInt8] = []
    private var container: [UInt8] = []

    /// Adds a set to that of the same key; false if it is of another.
    mutating func join(_ key: RawSpan, _ container: RawSpan) -> Bool {
        guard !self.key.isEmpty, key.elementsEqual(self.key.rawSpan) else { return false }
        add(container)
        return true
    }

    private mutating func add(_ container: RawSpan) {
        var set = BlockSet()
        Container.decode(self.container.rawSpan, into: &set)
        Container.decode(container, into: &set)
        self.container.removeAll(keepingCapacity: true)
        Container.encode(set, into: &self.container)
    }

    mutating func begin(_ key: RawSpan, _ container: RawSpan) {
        self.key.removeAll(keepingCapacity: true)
        self.key.append(key)
        self.container.removeAll(keepingCapacity: true)
        self.container.append(container)
    }

    /// Writes the pair, if there is one, together with what the database has of its key.
    /// - Parameter fresh: it has nothing, nor anything after it.
    mutating func write(to transaction: inout Transaction, _ database: Database, fresh: Bool) throws(LMDBError) {
        if key.isEmpty { return }
        if !fresh, let stored = try transaction.get(key.rawSpan, in: database) { add(stored) }
        try transaction.put(key.rawSpan, container.rawSpan, in: database, append: fresh)
    }
}
