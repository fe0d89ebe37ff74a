import BER
import LDAP
import LMDB
import Schema

extension EntryStore {
    /// Makes all names and indexes anew from the entries. On a store that nobody else uses, in several commits: if it does not come to its
    /// end, the file is thrown away (see ``replacing(directory:schema:indexes:options:_:)``).
    /// - Parameters:
    ///   - memoryLimit: bytes of index changes that are gathered.
    ///   - progress: called now and then with the number of entries done.
    /// - Returns: the number of entries.
    /// - Throws: `format` for an entry that cannot be read or has no place in the tree: then only a backup helps.
    public func rebuild(memoryLimit: Int = 768 << 20, progress: (Int) -> Void = { _ in }) throws(EntryStoreError) -> Int {
        let databases = self.databases
        var transaction = try StoreTransaction(self)
        try transaction.clear([databases.names, databases.indexes])
        var indexes = try BulkIndexes(self, fresh: true)
        let catalogue = transaction.catalogue
        var superiors = Superiors()
        var count = 0
        var from = EntryID(rawValue: 1)
        while true {
            let ids = try transaction.snapshot.entryIDs(from: from, count: 1000)
            for id in ids {
                try transaction.addName(of: id)
                try superiors.add(id, to: indexes.indexer, transaction.snapshot, catalogue)
            }
            count += ids.count
            progress(count)
            guard let last = ids.last else { break }
            from = EntryID(rawValue: last.rawValue + 1)
            if indexes.memory > memoryLimit {
                try indexes.putAside()
                try transaction.commit()
                transaction = try StoreTransaction(self)
            }
        }
        try indexes.write(to: &transaction)
        for definition in catalogue.maintained.definitions { try transaction.setBuilt(definition) }
        try transaction.raiseNextEntry(above: from)
        try transaction.commit()
        publish(Catalogue(table: catalogue.table, maintained: catalogue.maintained, usable: catalogue.maintained, revision: catalogue.revision))
        try sync()
        return count
    }

    /// The way from an entry to the root, remembered for its neighbours.
    private struct Superiors {
        private var parent: EntryID?
        private var path: [EntryID] = []

        mutating func add(_ id: EntryID, to indexer: BulkIndexer, _ snapshot: borrowing Snapshot, _ catalogue: Catalogue) throws(EntryStoreError) {
            guard let record = try snapshot.record(id), (0..<record.attributeCount).allSatisfy({ record.areValuesWhole(at: $0) }) else {
                throw EntryStoreError(.format, "entry \(id.rawValue) cannot be read")
            }
            if record.parent != parent {
                path = try snapshot.path(to: record.parent)
                parent = record.parent
            }
            indexer.add(id, record.bytes, superiors: path, catalogue)
        }
    }
}

extension Snapshot {
    /// An entry and all above it, the root last.
    fileprivate borrowing func path(to id: EntryID) throws(EntryStoreError) -> [EntryID] {
        var path = [id]
        var current = id
        while current != .root {
            guard let record = try record(current) else { throw EntryStoreError(.format, "entry \(current.rawValue) is missing above others") }
            current = record.parent
            // No tree is that deep: entries stand below each other in a circle.
            guard path.count < 100_000 else { throw EntryStoreError(.format, "entry \(id.rawValue) is below itself") }
            path.append(current)
        }
        return path
    }
}

extension StoreTransaction {
    /// Empties databases.
    fileprivate mutating func clear(_ databases: [Database]) throws(EntryStoreError) {
        try change { transaction throws(LMDBError) in
            for database in databases { try transaction.removeAll(in: database) }
        }
    }

    /// Makes an entry be found by its name.
    fileprivate mutating func addName(of id: EntryID) throws(EntryStoreError) {
        var key: [UInt8] = []
        do {
            guard let record = try snapshot.record(id), let rdn = try? RelativeDistinguishedName(parsing: record.rdn) else {
                throw EntryStoreError(.format, "entry \(id.rawValue) cannot be read")
            }
            var canonical: [UInt8] = []
            do { try snapshot.schema.normalizeRDN(rdn, into: &canonical) } catch {
                throw EntryStoreError(.format, "entry \(id.rawValue): its RDN does not fit the schema: \(error.message)")
            }
            NameKey.append(parent: record.parent, rdn: canonical.rawSpan, to: &key)
        }
        var value: [UInt8] = []
        value.appendBigEndian(id.rawValue)
        let databases = snapshot.store.databases
        var isNew = false
        try change { transaction throws(LMDBError) in isNew = try transaction.insert(key.rawSpan, value.rawSpan, in: databases.names) }
        if !isNew { throw EntryStoreError(.format, "entry \(id.rawValue) has the name of another one") }
    }

    /// No number up to one is given to a new entry.
    fileprivate mutating func raiseNextEntry(above id: EntryID) throws(EntryStoreError) {
        let databases = snapshot.store.databases
        try change { transaction throws(LMDBError) in
            let next = try Metadata.number(.nextEntry, transaction, databases) ?? 1
            if next < id.rawValue { try Metadata.set(.nextEntry, id.rawValue, &transaction, databases) }
        }
    }
}
