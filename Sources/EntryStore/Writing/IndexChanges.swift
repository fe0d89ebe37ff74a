import BER
import LMDB
import Schema

/// The part of a write transaction that keeps the indexes: keys are gathered with each change, and the sets are changed for all together.
extension StoreTransaction {
    /// The indexed types whose values two states of an entry do not share.
    private static func changedTypes(_ old: Entry, _ new: Entry, _ catalogue: Catalogue) -> [AttributeTypeID] {
        var types: [AttributeTypeID] = []
        new.forEachDifferentID(from: old) { id in
            guard let type = catalogue.table.type(of: id), !catalogue.maintained.kinds(of: type).isEmpty, !types.contains(type) else { return }
            types.append(type)
        }
        return types
    }

    /// Indexes a new entry, whose record was just made.
    mutating func index(_ id: EntryID, below parent: EntryID) throws(EntryStoreError) {
        let superiors = try superiors(parent)
        var record = BERBuffer(capacity: 0)
        swap(&record, &self.record)
        defer { swap(&record, &self.record) }
        if let indexer { return indexer.add(id, record.bytes, superiors: superiors, catalogue) }
        var key: [UInt8] = []
        snapshot.pending.note(id)
        snapshot.pending.batch.addToScopes(id, below: superiors, scratch: &key)
        snapshot.pending.batch.entry = id
        let catalogue = self.catalogue
        if let record = EntryRecord(record.bytes) {
            keys.forEach(of: record, catalogue.table, catalogue.maintained, into: &snapshot.pending.batch)
        }
    }

    /// Adds keys of an entry that is there; those there already stay.
    mutating func addKeys(of id: EntryID, _ indexes: IndexSet) throws(EntryStoreError) {
        snapshot.pending.batch.entry = id
        let catalogue = self.catalogue
        // A copy: the record itself can be looked at only while nothing changes.
        guard let bytes = try snapshot.record(id)?.bytes.array, let record = EntryRecord(bytes.rawSpan) else { return }
        keys.forEach(of: record, catalogue.table, indexes, into: &snapshot.pending.batch)
    }

    /// The keys that an entry has in some indexes; none if there is no such entry.
    mutating func indexKeys(of id: EntryID, _ indexes: IndexSet) throws(EntryStoreError) -> KeyTable {
        var table = KeyTable()
        let catalogue = self.catalogue
        // A copy: the maker of keys is changed while it works.
        guard let bytes = try snapshot.record(id)?.bytes.array, let record = EntryRecord(bytes.rawSpan) else { return table }
        keys.forEach(of: record, catalogue.table, indexes, into: &table)
        return table
    }

    /// Changes one set, with ``applyIndexes()``.
    mutating func addKey(_ key: RawSpan, of id: EntryID) { snapshot.pending.batch.add(id, to: key) }
    mutating func removeKey(_ key: [UInt8], of id: EntryID) { snapshot.pending.batch.remove(id, from: key.rawSpan) }

    mutating func changeKeys(from old: Entry, to new: Entry, _ id: EntryID) {
        snapshot.pending.note(id)
        let catalogue = self.catalogue
        var attributes: [AttributeID] = []
        var (had, has) = keyTables.take() ?? (KeyTable(), KeyTable())
        defer { keyTables = (had, has) }
        for type in Self.changedTypes(old, new, catalogue) {
            guard let attribute = catalogue.table.id(of: type) else { continue }
            let kinds = catalogue.maintained.kinds(of: type)
            // Whatever the options.
            attributes.removeAll(keepingCapacity: true)
            catalogue.table.appendIDs(of: type, to: &attributes)
            let (before, after) = (Self.values(of: attributes, old), Self.values(of: attributes, new))
            if before.count <= 1, after.count <= 1, kinds == .equality || kinds == .hour {
                changeKey(type, attribute, kinds, before, after, id)
                continue
            }
            had.removeAll()
            has.removeAll()
            keys.forEach(of: type, attribute: attribute, kinds: kinds, values: before, into: &had)
            keys.forEach(of: type, attribute: attribute, kinds: kinds, values: after, into: &has)
            for number in 0..<had.count where has.find(had.key(number)) == nil { snapshot.pending.batch.remove(id, from: had.key(number)) }
            for number in 0..<has.count where had.find(has.key(number)) == nil { snapshot.pending.batch.add(id, to: has.key(number)) }
        }
    }

    /// The same where there is one key at most.
    private mutating func changeKey(
        _ type: AttributeTypeID, _ attribute: AttributeID, _ kinds: IndexDefinition.Kinds, _ before: [[UInt8]], _ after: [[UInt8]], _ id: EntryID
    ) {
        if kinds == .hour, let before = before.first, let after = after.first, IndexKey.haveSameHour(before.rawSpan, after.rawSpan) { return }
        onlyKeys.had.bytes.removeAll(keepingCapacity: true)
        onlyKeys.has.bytes.removeAll(keepingCapacity: true)
        keys.forEach(of: type, attribute: attribute, kinds: kinds, values: before, into: &onlyKeys.had)
        keys.forEach(of: type, attribute: attribute, kinds: kinds, values: after, into: &onlyKeys.has)
        let (had, has) = (onlyKeys.had.bytes, onlyKeys.has.bytes)
        if had == has { return }
        if !had.isEmpty { snapshot.pending.batch.remove(id, from: had.rawSpan) }
        if !has.isEmpty { snapshot.pending.batch.add(id, to: has.rawSpan) }
    }

    /// Takes the key of an attribute that has but one.
    struct OnlyKey: IndexKeySink {
        var bytes: [UInt8] = []

        mutating func take(_ key: RawSpan) { bytes.append(key) }
        mutating func take(_ key: ShortKey) { key.append(to: &bytes) }
    }

    private static func values(of attributes: [AttributeID], _ entry: Entry) -> [[UInt8]] {
        attributes.count == 1 ? entry[attributes[0]] : attributes.flatMap { entry[$0] }
    }

    /// Writes the gathered index changes if they are too many to wait longer. Before each change.
    mutating func makeRoom() throws(EntryStoreError) {
        if snapshot.pending.isDue { try applyIndexes() }
    }

    /// Writes the gathered index changes.
    mutating func applyIndexes() throws(EntryStoreError) {
        guard !snapshot.pending.isEmpty else { return }
        let databases = snapshot.store.databases
        // Taken out of the snapshot while its transaction is changed.
        var pending = PendingIndexes()
        swap(&pending, &snapshot.pending)
        let (store, commit) = (snapshot.store, snapshot.commit)
        func apply(_ transaction: inout Transaction) throws(LMDBError) {
            try pending.batch.apply(to: &transaction, database: databases.indexes) { store.noteIndexChange($0, isNew: $1, by: commit) }
        }
        do throws(LMDBError) {
            if log == nil || isComplete {
                try apply(&snapshot.transaction)
            } else {
                // The log has them in words: the sets that they change may be many times as long.
                try snapshot.transaction.change(pending.batch.words.span.bytes, in: databases.indexes, apply)
            }
        } catch { throw spoil(EntryStoreError(error)) }
        pending.removeAll()
        swap(&pending, &snapshot.pending)
    }

    /// Makes an index change again that ``applyIndexes()`` has written ahead.
    static func make(_ words: RawSpan, _ database: Database, _ transaction: inout Transaction) throws(LMDBError) {
        guard let batch = IndexBatch(words: words) else { throw .damagedLog }
        try batch.apply(to: &transaction, database: database) { _, _ in }
    }

    /// Writes what a bulk load's indexer has gathered, and before that what runs hold of it.
    /// - Parameter fresh: the index database is empty, so that pairs can be appended without looking.
    mutating func writeIndexes(from indexer: BulkIndexer, _ runs: inout SortedRuns?, fresh: Bool) throws(EntryStoreError) {
        let database = snapshot.store.databases.indexes
        snapshot.store.noteIndexChanges(by: snapshot.commit)
        try change { transaction throws(LMDBError) in
            var last = JoinedPair()
            func put(_ key: RawSpan, _ container: RawSpan) throws(LMDBError) {
                if last.join(key, container) { return }
                try last.write(to: &transaction, database, fresh: fresh)
                last.begin(key, container)
            }
            try indexer.drain { key, container throws(LMDBError) in
                try runs?.read(upTo: key, put)
                try put(key, container)
            }
            try runs?.read(upTo: nil, put)
            try last.write(to: &transaction, database, fresh: fresh)
        }
        runs = nil
    }

    /// Records which kinds of a type's indexes are complete.
    mutating func setBuilt(_ definition: IndexDefinition) throws(EntryStoreError) {
        let key = Metadata.indexKey(catalogue.schema[definition.type])
        let databases = snapshot.store.databases
        try change { transaction throws(LMDBError) in
            try transaction.put(key.rawSpan, [definition.kinds.rawValue].rawSpan, in: databases.meta)
        }
    }
}
