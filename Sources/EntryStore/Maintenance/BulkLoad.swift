import BER
public import Schema

/// Loads many entries: index changes are gathered in memory and written in key order, which is many times faster than one by one.
///
/// It works on a store of its own (a new file, or a copy of the one in use), in several commits: if it does not come to its end,
/// the file is thrown away. Memory is bounded by ``memoryLimit``.
public struct BulkLoad: ~Copyable {
    private let store: EntryStore
    /// Nil only after a commit failed.
    private var held: StoreTransaction?
    /// Bytes of index changes to gather.
    private let memoryLimit: Int
    /// Nothing was written to the index database yet.
    private var isFresh: Bool
    /// Entries added.
    public private(set) var count = 0

    public init(_ store: EntryStore, memoryLimit: Int = 768 << 20) throws(EntryStoreError) {
        self.store = store
        self.memoryLimit = memoryLimit
        let transaction = try Self.begin(store)
        isFresh = try transaction.snapshot.entryCount() == 0
        held = consume transaction
    }

    private static func begin(_ store: EntryStore) throws(EntryStoreError) -> StoreTransaction {
        var transaction = try StoreTransaction(store)
        transaction.appliesAtOnce = false
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

    /// An entry, other than those not loaded yet, that has a value of a type with a complete equality index.
    public mutating func firstEntry(with type: AttributeTypeID, equalTo canonical: RawSpan) throws(EntryStoreError) -> EntryID? {
        if let attribute = catalogue.table.id(of: type) {
            var key: [UInt8] = []
            // A value cut for its key is compared by its digest here: 128 bits.
            _ = IndexKey.appendValue(attribute, canonical, to: &key)
            if let id = try change({ transaction throws(EntryStoreError) in transaction.batch.lastAdded(to: key.rawSpan) }) { return id }
        }
        if isFresh { return nil }
        let value = canonical.array
        return try read { snapshot throws(EntryStoreError) in try snapshot.firstEntry(with: type, equalTo: value.rawSpan) }
    }

    /// Adds an entry below another. Whether its name was free.
    public mutating func add(
        _ entry: Entry, parent: EntryID, rdn: [UInt8], canonicalRDN: [UInt8], flags: EntryRecord.Flags
    ) throws(EntryStoreError) -> EntryID? {
        var memory = 0
        let id: EntryID? = try change { transaction throws(EntryStoreError) in
            if try transaction.snapshot.child(of: parent, rdn: canonicalRDN.rawSpan) != nil { return nil }
            let id = try transaction.add(entry, parent: parent, rdn: rdn, canonicalRDN: canonicalRDN, flags: flags)
            memory = transaction.batch.memory
            return id
        }
        if id != nil { count += 1 }
        if memory > memoryLimit { try flush() }
        return id
    }

    /// Writes and commits what was gathered.
    private mutating func flush() throws(EntryStoreError) {
        guard var transaction = held.take() else { throw Self.ended }
        try transaction.applyIndexes(fresh: isFresh)
        isFresh = false
        // The write transaction is exclusive: the next one can begin only when this one has ended.
        try transaction.commit()
        held = try Self.begin(store)
    }

    /// Writes the rest and syncs the file.
    public consuming func finish() throws(EntryStoreError) {
        guard var transaction = held.take() else { throw Self.ended }
        try transaction.applyIndexes(fresh: isFresh)
        try transaction.commit()
        try store.sync()
    }
}
