import BER
import LMDB
import Schema

/// The store's own facts: format version, next entry number, numbers of attribute descriptions, which indexes are complete.
enum Metadata {
    static let formatVersion: UInt64 = 1

    enum Key: String {
        case format
        case nextEntry
        /// Only while the log is empty.
        case nextChange
        case indexPrefix = "index:"

        var bytes: [UInt8] { Array(rawValue.utf8) }
    }

    static func number(_ key: Key, _ transaction: borrowing Transaction, _ databases: EntryStore.Databases) throws(LMDBError) -> UInt64? {
        try transaction.get(key.bytes.rawSpan, in: databases.meta)?.bigEndian64()
    }

    static func set(
        _ key: Key, _ number: UInt64, _ transaction: inout Transaction, _ databases: EntryStore.Databases
    ) throws(LMDBError) {
        var value: [UInt8] = []
        value.appendBigEndian(number)
        try transaction.put(key.bytes.rawSpan, value.rawSpan, in: databases.meta)
    }

    /// The key under which an index's state is kept; by OID, so that it outlives changes of the schema files.
    static func indexKey(_ type: AttributeType) -> [UInt8] { Key.indexPrefix.bytes + Array(type.oid.utf8) }
}

extension EntryStore {
    /// Checks the format, numbers all attribute types of the schema, and compares the indexes that are with those that shall be.
    static func prepare(
        _ transaction: inout Transaction, _ databases: Databases, _ schema: Schema, _ revision: SchemaRevision?,
        _ wanted: IndexSet
    ) throws -> Catalogue {
        if let format = try Metadata.number(.format, transaction, databases) {
            try check(format: format)
        } else {
            try Metadata.set(.format, Metadata.formatVersion, &transaction, databases)
        }

        var names = try numberedNames(transaction, databases)
        let known = AttributeTable(schema: schema, names: names)
        var next = (user: known.nextID(operational: false), operational: known.nextID(operational: true))
        for type in schema.attributeTypes where !type.isRemoved && known.id(of: type.id) == nil {
            guard let id = type.isOperational ? next.operational : next.user else {
                throw EntryStoreError(.tooManyAttributes, "more than \(AttributeID.limit) attribute descriptions")
            }
            if type.isOperational { next.operational = id.next } else { next.user = id.next }
            try number(id, type.nameBytes, &transaction, databases)
            names.append((id, type.nameBytes))
        }
        let table = AttributeTable(schema: schema, names: names)

        // Complete: every kind that is wanted was recorded as built. An empty directory has nothing to build.
        let isEmpty = try transaction.count(of: databases.entries) == 0
        var usable: [IndexDefinition] = []
        var keep = Set<[UInt8]>()
        for definition in wanted.definitions {
            let type = schema[definition.type]
            let key = Metadata.indexKey(type)
            keep.insert(key)
            let built = try builtKinds(key, transaction, databases)
            if isEmpty {
                try transaction.put(key.rawSpan, [definition.kinds.rawValue].rawSpan, in: databases.meta)
                usable.append(definition)
                continue
            }
            let dropped = built.subtracting(definition.kinds)
            if !dropped.isEmpty, let id = table.id(of: definition.type) {
                try drop(dropped, id, &transaction, databases)
                try transaction.put(key.rawSpan, [built.intersection(definition.kinds).rawValue].rawSpan, in: databases.meta)
            }
            usable.append(IndexDefinition(type: definition.type, kinds: built.intersection(definition.kinds)))
        }
        // Indexes that are no longer wanted.
        let prefix = Metadata.Key.indexPrefix.bytes
        for key in try keys(from: prefix, transaction, databases.meta) where !keep.contains(key) {
            let oid = Array(key.dropFirst(prefix.count))
            if let type = schema.attributeType(oid.rawSpan), let id = table.id(of: type) {
                try drop([.presence, .equality, .substring, .hour], id, &transaction, databases)
            }
            try transaction.delete(key.rawSpan, in: databases.meta)
        }
        return Catalogue(table: table, maintained: wanted, usable: IndexSet(usable, schema: schema), revision: revision)
    }

    /// The catalogue as the database has it, without changing anything. Types that the schema has and the store has not met get no number:
    /// no entry has them.
    /// - Parameter files: the schema of the files, whatever else it has.
    static func inspect(_ transaction: borrowing Transaction, _ databases: Databases, _ files: Schema) throws -> Catalogue {
        guard let format = try Metadata.number(.format, transaction, databases) else {
            throw EntryStoreError(.format, "the file is not a directory's database")
        }
        try check(format: format)
        let (schema, revision) = try SchemaRevision.read(files, transaction, databases)
        let table = AttributeTable(schema: schema, names: try numberedNames(transaction, databases))
        var definitions: [IndexDefinition] = []
        let prefix = Metadata.Key.indexPrefix.bytes
        for key in try keys(from: prefix, transaction, databases.meta) {
            let oid = Array(key.dropFirst(prefix.count))
            guard let type = schema.attributeType(oid.rawSpan) else { continue }
            definitions.append(IndexDefinition(type: type, kinds: try builtKinds(key, transaction, databases)))
        }
        let indexes = IndexSet(definitions, schema: schema)
        return Catalogue(table: table, maintained: indexes, usable: indexes, revision: revision)
    }

    private static func check(format: UInt64) throws(EntryStoreError) {
        guard format == Metadata.formatVersion else {
            throw EntryStoreError(.format, "the database has format \(format), this program knows \(Metadata.formatVersion): export and import it")
        }
    }

    private static func numberedNames(
        _ transaction: borrowing Transaction, _ databases: Databases
    ) throws(LMDBError) -> [(id: AttributeID, name: [UInt8])] {
        var names: [(id: AttributeID, name: [UInt8])] = []
        var pair = try transaction.first(in: databases.attributes)
        while let current = pair {
            if let number = current.key.bigEndian32(0) {
                names.append((AttributeID(rawValue: UInt16(truncatingIfNeeded: number)), current.value.array))
            }
            pair = try transaction.next(in: databases.attributes)
        }
        return names
    }

    /// Keys that begin with a prefix, at most so many.
    private static func keys(
        from prefix: [UInt8], _ transaction: borrowing Transaction, _ database: Database, limit: Int = .max
    ) throws(LMDBError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var pair = try transaction.seek(prefix.rawSpan, in: database)
        while let current = pair, keys.count < limit, current.key.starts(with: prefix.rawSpan) {
            keys.append(current.key.array)
            pair = try transaction.next(in: database)
        }
        return keys
    }

    private static func builtKinds(
        _ key: [UInt8], _ transaction: borrowing Transaction, _ databases: Databases
    ) throws(LMDBError) -> IndexDefinition.Kinds {
        guard let value = try transaction.get(key.rawSpan, in: databases.meta), value.byteCount > 0 else { return [] }
        return IndexDefinition.Kinds(rawValue: value[at: 0])
    }

    /// Writes down the number of a description.
    static func number(
        _ id: AttributeID, _ name: [UInt8], _ transaction: inout Transaction, _ databases: Databases
    ) throws(LMDBError) {
        var key: [UInt8] = []
        key.appendBigEndian(UInt32(id.rawValue))
        try transaction.put(key.rawSpan, name.rawSpan, in: databases.attributes)
    }

    /// Removes all keys of some kinds of an attribute's indexes.
    static func drop(
        _ kinds: IndexDefinition.Kinds, _ id: AttributeID, _ transaction: inout Transaction, _ databases: Databases
    ) throws(LMDBError) {
        var doomed: [IndexKey.Kind] = []
        if kinds.contains(.presence) { doomed.append(.presence) }
        if kinds.hasValues { doomed.append(.value) }
        if kinds.contains(.substring) { doomed += [.piece, .beginning] }
        for kind in doomed {
            var prefix: [UInt8] = []
            IndexKey.begin(id, kind, &prefix)
            while true {
                let keys = try keys(from: prefix, transaction, databases.indexes, limit: 1000)
                if keys.isEmpty { break }
                for key in keys { try transaction.delete(key.rawSpan, in: databases.indexes) }
            }
        }
    }
}
