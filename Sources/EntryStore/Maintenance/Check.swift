import BER
import LDAP
import LMDB
import Schema

extension Snapshot {
    /// Holds every name, scope set and index against the entries themselves.
    /// - Parameter problem: called with each disagreement found, for people.
    /// - Returns: how many disagreements there are.
    public borrowing func check(problem: (String) -> Void) throws(EntryStoreError) -> Int {
        var count = 0
        func report(_ text: String) {
            count += 1
            if count <= 1000 { problem(text) }
        }
        try checkNames(report)
        try checkLog(report)
        try checkKeys(report)
        // A few indexes at a time, so that memory stays bounded.
        try checkSets(of: [], withScopes: true, report)
        let definitions = catalogue.usable.definitions
        for start in stride(from: 0, to: definitions.count, by: 6) {
            try checkSets(of: Array(definitions[start..<min(start + 6, definitions.count)]), withScopes: false, report)
        }
        return count
    }

    private borrowing func forEachEntry(_ body: (EntryID) throws(EntryStoreError) -> Void) throws(EntryStoreError) {
        var from = EntryID(rawValue: 1)
        while true {
            let ids = try entryIDs(from: from, count: 1000)
            for id in ids { try body(id) }
            guard let last = ids.last, ids.count == 1000 else { return }
            from = EntryID(rawValue: last.rawValue + 1)
        }
    }

    /// Every record can be read; every entry has its parent, and is found by its name; there are as many names as entries.
    private borrowing func checkNames(_ report: (String) -> Void) throws(EntryStoreError) {
        var entries = 0
        var last = EntryID.root
        let catalogue = self.catalogue
        try forEachEntry { id throws(EntryStoreError) in
            entries += 1
            last = id
            guard let record = try record(id) else { return report("entry \(id.rawValue): the record cannot be read") }
            for index in 0..<record.attributeCount {
                if !record.areValuesWhole(at: index) { report("entry \(id.rawValue): the values of an attribute cannot be read") }
                if catalogue.table[record.attributeID(at: index)] == nil {
                    report("entry \(id.rawValue): attribute number \(record.attributeID(at: index).rawValue) is not known")
                }
                if index > 0, record.attributeID(at: index) <= record.attributeID(at: index - 1) {
                    report("entry \(id.rawValue): attributes are not in order")
                }
            }
            let parent = record.parent
            if parent != .root, try self.record(parent) == nil {
                report("entry \(id.rawValue): its superior, entry \(parent.rawValue), does not exist")
            }
            guard let rdn = try? RelativeDistinguishedName(parsing: record.rdn) else {
                return report("entry \(id.rawValue): its RDN cannot be read")
            }
            var canonical: [UInt8] = []
            guard (try? catalogue.schema.normalizeRDN(rdn, into: &canonical)) != nil else {
                return report("entry \(id.rawValue): its RDN does not fit the schema")
            }
            if try child(of: parent, rdn: canonical.rawSpan) != id { report("entry \(id.rawValue): is not found by its name") }
        }
        do {
            let next = try Metadata.number(.nextEntry, transaction, store.databases) ?? 1
            if entries > 0, next <= last.rawValue { report("the next entry would get number \(next), which entry \(last.rawValue) is beyond") }
            let names = try transaction.count(of: store.databases.names)
            guard names != entries else { return }
            report("there are \(entries) entries and \(names) names")
            var pair = try transaction.first(in: store.databases.names)
            while let current = pair {
                let id = current.value.bigEndian64().map(EntryID.init(rawValue:))
                let key = current.key.array
                if try !isName(key, of: id) { report("name \(Self.shown(key.rawSpan)): leads to no entry of that name") }
                pair = try transaction.next(in: store.databases.names)
            }
        } catch let error as EntryStoreError {
            throw error
        } catch let error as LMDBError {
            throw EntryStoreError(error)
        } catch {
            throw EntryStoreError(.storage, "\(error)")
        }
    }

    private borrowing func isName(_ key: [UInt8], of id: EntryID?) throws(EntryStoreError) -> Bool {
        guard let id, let record = try record(id), let rdn = try? RelativeDistinguishedName(parsing: record.rdn) else { return false }
        var canonical: [UInt8] = []
        guard (try? schema.normalizeRDN(rdn, into: &canonical)) != nil else { return false }
        var own: [UInt8] = []
        NameKey.append(parent: record.parent, rdn: canonical.rawSpan, to: &own)
        return own == key
    }

    /// No key of the index database is of another index than those that are kept, and each has a set that can be read.
    private borrowing func checkKeys(_ report: (String) -> Void) throws(EntryStoreError) {
        let catalogue = self.catalogue
        let known = Self.prefixes(catalogue.maintained.definitions, true, catalogue)
        var prefix: [UInt8] = [0xff, 0xff, 0xff]
        do {
            var pair = try transaction.first(in: store.databases.indexes)
            while let current = pair {
                // Keys of one index stand together.
                if !current.key.starts(with: prefix.rawSpan) {
                    if let other = known.first(where: { current.key.starts(with: $0.rawSpan) }) {
                        prefix = other
                    } else {
                        report("index key \(Self.shown(current.key)): there is no such index")
                    }
                }
                var set = BlockSet()
                if !Container.decode(current.value, into: &set) || set.first(from: 0) == nil {
                    report("index key \(Self.shown(current.key)): not a set of entries")
                }
                pair = try transaction.next(in: store.databases.indexes)
            }
        } catch { throw EntryStoreError(error) }
    }

    /// Makes the sets anew in memory and compares them with those in the database.
    private borrowing func checkSets(
        of definitions: [IndexDefinition], withScopes: Bool, _ report: (String) -> Void
    ) throws(EntryStoreError) {
        var batch = IndexBatch()
        var keys = IndexKeys(schema: schema)
        let catalogue = self.catalogue
        let indexes = IndexSet(definitions, schema: catalogue.schema)
        var key: [UInt8] = []
        try forEachEntry { id throws(EntryStoreError) in
            guard let record = try record(id) else { return }
            if withScopes {
                var superiors = [record.parent]
                while let superior = superiors.last, superior != .root, let above = try self.record(superior) {
                    superiors.append(above.parent)
                    if superiors.count > 10_000 { return report("entry \(id.rawValue): is below itself, or 10000 levels deep") }
                }
                batch.addToScopes(id, below: superiors, scratch: &key)
            }
            batch.entry = id
            keys.forEach(of: record, catalogue.table, indexes, into: &batch)
        }
        do {
            // Both are in the order of the keys.
            let prefixes = Self.prefixes(definitions, withScopes, catalogue)
            var stored = KeyRange(prefixes)
            try stored.start(transaction, store.databases.indexes)
            try batch.forEachBlock { pair, changes throws(LMDBError) in
                while let key = stored.key, key.rawSpan.precedes(pair) {
                    report("index key \(Self.shown(key.rawSpan)): no entry has it")
                    try stored.advance(transaction, store.databases.indexes)
                }
                if let key = stored.key, key.elementsEqual(pair.array) { try stored.advance(transaction, store.databases.indexes) }
                var wanted = BlockSet()
                changes.apply(to: &wanted)
                var found = BlockSet()
                if let container = try transaction.get(pair, in: store.databases.indexes) { Container.decode(container, into: &found) }
                if !wanted.elementsEqual(found) {
                    report("index key \(Self.shown(pair)): \(found.count) entries, should be \(wanted.count)")
                }
            }
            while let key = stored.key {
                report("index key \(Self.shown(key.rawSpan)): no entry has it")
                try stored.advance(transaction, store.databases.indexes)
            }
        } catch { throw EntryStoreError(error) }
    }

    private static func prefixes(_ definitions: [IndexDefinition], _ withScopes: Bool, _ catalogue: Catalogue) -> [[UInt8]] {
        var prefixes: [[UInt8]] = []
        func add(_ attribute: AttributeID, _ kind: IndexKey.Kind) {
            var prefix: [UInt8] = []
            IndexKey.begin(attribute, kind, &prefix)
            prefixes.append(prefix)
        }
        if withScopes {
            add(AttributeID(rawValue: 0), .children)
            add(AttributeID(rawValue: 0), .descendants)
        }
        for definition in definitions {
            guard let attribute = catalogue.table.id(of: definition.type) else { continue }
            if definition.kinds.contains(.presence) { add(attribute, .presence) }
            if definition.kinds.hasValues { add(attribute, .value) }
            if definition.kinds.contains(.substring) {
                add(attribute, .piece)
                add(attribute, .beginning)
            }
        }
        return prefixes.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Walks through the keys that begin with some prefixes.
    private struct KeyRange {
        private let prefixes: [[UInt8]]
        private var number = 0
        private(set) var key: [UInt8]?

        /// - Parameter prefixes: in order.
        init(_ prefixes: [[UInt8]]) { self.prefixes = prefixes }

        mutating func start(_ transaction: borrowing Transaction, _ database: Database) throws(LMDBError) {
            while number < prefixes.count {
                let prefix = prefixes[number]
                if let pair = try transaction.seek(prefix.rawSpan, in: database), pair.key.starts(with: prefix.rawSpan) {
                    key = pair.key.array
                    return
                }
                number += 1
            }
            key = nil
        }

        mutating func advance(_ transaction: borrowing Transaction, _ database: Database) throws(LMDBError) {
            let prefix = prefixes[number]
            if let next = try transaction.next(in: database), next.key.starts(with: prefix.rawSpan) {
                key = next.key.array
                return
            }
            number += 1
            try start(transaction, database)
        }
    }

    private static func shown(_ key: RawSpan) -> String {
        var text = ""
        for index in 0..<min(key.byteCount, 60) {
            let byte = key[at: index]
            if byte > 0x20, byte < 0x7f { text.unicodeScalars.append(Unicode.Scalar(byte)) } else { text += "\\\(String(byte, radix: 16))" }
        }
        return text
    }
}
