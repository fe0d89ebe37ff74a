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
        let catalogue = self.catalogue
        try forEachEntry { id throws(EntryStoreError) in
            entries += 1
            guard let record = try record(id) else { return report("entry \(id.rawValue): the record cannot be read") }
            for index in 0..<record.attributeCount {
                if record.values(at: index).isAtEnd { report("entry \(id.rawValue): an attribute has no values") }
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
            let names = try transaction.count(of: store.databases.names)
            if names != entries { report("there are \(entries) entries and \(names) names") }
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
                }
                batch.addToScopes(id, below: superiors, scratch: &key)
            }
            batch.entry = id
            keys.forEach(of: record, catalogue.table, indexes, into: &batch)
        }
        do {
            var expected = 0
            try batch.forEachBlock { pair, changes throws(LMDBError) in
                expected += 1
                var wanted = BlockSet()
                changes.apply(to: &wanted)
                var found = BlockSet()
                if let stored = try transaction.get(pair, in: store.databases.indexes) { Container.decode(stored, into: &found) }
                if !wanted.elementsEqual(found) {
                    report("index key \(Self.shown(pair)): \(found.count) entries, should be \(wanted.count)")
                }
            }
            var present = 0
            for prefix in Self.prefixes(definitions, withScopes, catalogue) {
                var pair = try transaction.seek(prefix.rawSpan, in: store.databases.indexes)
                while let current = pair, current.key.starts(with: prefix.rawSpan) {
                    present += 1
                    pair = try transaction.next(in: store.databases.indexes)
                }
            }
            if present > expected { report("\(present - expected) index keys too many") }
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
            if definition.kinds.contains(.equality) { add(attribute, .value) }
            if definition.kinds.contains(.substring) {
                add(attribute, .piece)
                add(attribute, .beginning)
            }
        }
        return prefixes
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
