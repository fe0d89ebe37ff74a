import BER
public import Schema

/// Loads many entries: index changes are gathered in memory, on a second thread, and written in key order, which is many times
/// faster than one by one. What does not fit is put aside in sorted runs, so that the indexes of an empty directory are written once.
///
/// It works on a store of its own (a new file, or a copy of the one in use), in several commits: if it does not come to its end,
/// the file is thrown away. Memory is bounded by ``memoryLimit``.
public struct BulkLoad: ~Copyable {
    private let store: EntryStore
    /// Nil only after a commit failed.
    private var held: StoreTransaction?
    /// Bytes of index changes to gather.
    private let memoryLimit: Int
    private var indexes: BulkIndexes
    /// Keys of the values noted as taken since the indexes were last written.
    private var taken = KeyTable()
    /// Entries added.
    public private(set) var count = 0

    public init(_ store: EntryStore, memoryLimit: Int = 768 << 20) throws(EntryStoreError) {
        let isFresh = try store.snapshot().entryCount() == 0
        let indexes = try BulkIndexes(store, fresh: isFresh)
        let transaction = try Self.begin(store, indexes.indexer)
        self.store = store
        self.memoryLimit = memoryLimit
        self.indexes = consume indexes
        held = consume transaction
    }

    private static func begin(_ store: EntryStore, _ indexer: BulkIndexer) throws(EntryStoreError) -> StoreTransaction {
        var transaction = try StoreTransaction(store)
        transaction.indexer = indexer
        return transaction
    }

    private static var ended: EntryStoreError { EntryStoreError(.storage, "the load has failed before") }

    public var catalogue: Catalogue { store.catalogue }

    /// Runs `body` with the directory as it is now (sets of the indexes excepted, which lag behind).
    public mutating func read<T>(_ body: (borrowing Snapshot) throws(EntryStoreError) -> T) throws(EntryStoreError) -> T {
        guard let transaction = held.take() else { throw Self.ended }
        do {
            let result = try body(transaction.snapshot)
            held = consume transaction
            return result
        } catch {
            held = consume transaction
            throw error
        }
    }

    /// Takes the transaction out while it is changed.
    private mutating func change<T>(_ body: (inout StoreTransaction) throws(EntryStoreError) -> T) throws(EntryStoreError) -> T {
        guard var transaction = held.take() else { throw Self.ended }
        do {
            let result = try body(&transaction)
            held = consume transaction
            return result
        } catch {
            held = consume transaction
            throw error
        }
    }

    /// The number of a description; one with new options gets one.
    public mutating func attributeID(_ type: AttributeTypeID, options: [[UInt8]]) throws(EntryStoreError) -> AttributeID {
        try change { transaction throws(EntryStoreError) in try transaction.attributeID(type, options: options) }
    }

    /// Whether a value of a type was noted by ``take(_:_:)``, or an entry that was there before the load has it.
    /// The type must have a complete equality index.
    /// - Parameter canonical: the value in the canonical form of the type's equality rule.
    public mutating func isTaken(_ type: AttributeTypeID, _ canonical: [UInt8]) throws(EntryStoreError) -> Bool {
        guard let attribute = catalogue.table.id(of: type) else { return false }
        var key: [UInt8] = []
        // A value cut for its key is compared by its digest here: 128 bits.
        IndexKey.appendValue(attribute, canonical.rawSpan, to: &key)
        if taken.find(key.rawSpan) != nil { return true }
        if indexes.isFresh { return false }
        return try read { snapshot throws(EntryStoreError) in try snapshot.firstEntry(with: type, equalTo: canonical.rawSpan) != nil }
    }

    /// Notes that an entry which is going to be added has a value of a type.
    public mutating func take(_ type: AttributeTypeID, _ canonical: [UInt8]) {
        guard let attribute = catalogue.table.id(of: type) else { return }
        var key: [UInt8] = []
        IndexKey.appendValue(attribute, canonical.rawSpan, to: &key)
        _ = taken.insert(key.rawSpan)
    }

    /// Adds an entry below another. Whether its name was free; if not, the load can only be given up.
    public mutating func add(
        _ entry: Entry, parent: EntryID, rdn: [UInt8], canonicalRDN: [UInt8], flags: EntryRecord.Flags
    ) throws(EntryStoreError) -> EntryID? {
        let id: EntryID? = try change { transaction throws(EntryStoreError) in
            do throws(EntryStoreError) {
                return try transaction.add(entry, parent: parent, rdn: rdn, canonicalRDN: canonicalRDN, flags: flags)
            } catch {
                if try transaction.snapshot.child(of: parent, rdn: canonicalRDN.rawSpan) != nil { return nil }
                throw error
            }
        }
        if id != nil { count += 1 }
        if indexes.memory + taken.memory > memoryLimit {
            // Of values that were put aside only the table of those that are taken knows: it has half of the memory.
            try flush(aside: indexes.isFresh && taken.memory <= memoryLimit / 2)
        }
        return id
    }

    /// Commits the entries, and writes or puts aside what was gathered of their indexes.
    private mutating func flush(aside: Bool = false) throws(EntryStoreError) {
        guard let entries = held.take() else { throw Self.ended }
        // The write transaction is exclusive: the next one can begin only when this one has ended. While the entries are
        // committed, the indexer comes to its end.
        try entries.commit()
        if aside {
            try indexes.putAside()
        } else {
            var transaction = try Self.begin(store, indexes.indexer)
            try indexes.write(to: &transaction)
            taken = KeyTable()
            try transaction.commit()
        }
        held = try Self.begin(store, indexes.indexer)
    }

    /// Writes the rest and syncs the file.
    public consuming func finish() throws(EntryStoreError) {
        try flush()
        if let transaction = held.take(), count > 0 {
            var mark = transaction
            try mark.logLoad(count)
            try mark.commit()
        }
        try store.sync()
    }
}
