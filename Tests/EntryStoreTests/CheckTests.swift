@testable import EntryStore
import BER
import LMDB
import Schema
import Testing

/// Each kind of damage is found, and what can be mended is mended.
struct CheckTests {
    /// Something that is wrong, done behind the store's back.
    struct Damage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// What `check` says of it.
        var words: String
        /// Whether all names and indexes made anew from the entries are right again.
        var isRebuilt = true
        /// Whether mending the indexes of `cn` and `mail` puts it right.
        var isMended = false
        var body: @Sendable (inout Transaction, EntryStore.Databases, SmallStore, Catalogue) throws -> Void
    }

    private static func key(_ kind: IndexKey.Kind, _ id: EntryID) -> [UInt8] {
        var key: [UInt8] = []
        IndexKey.appendScope(kind, id, to: &key)
        key.appendBigEndian(EntryID(rawValue: 1).block)
        return key
    }

    private static func valueKey(_ text: String, _ type: AttributeTypeID, _ catalogue: Catalogue) throws -> [UInt8] {
        var key: [UInt8] = []
        IndexKey.appendValue(try #require(catalogue.table.id(of: type)), Array(text.utf8).rawSpan, to: &key)
        key.appendBigEndian(EntryID(rawValue: 1).block)
        return key
    }

    private static func nameKey(_ name: String, below parent: EntryID = .root) -> [UInt8] {
        var key: [UInt8] = []
        NameKey.append(parent: parent, rdn: Array("cn=\(name)".utf8).rawSpan, to: &key)
        return key
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(value)
        return bytes
    }

    private static func entryKey(_ id: UInt64) -> [UInt8] {
        let key = EntryID(rawValue: id).key
        return (0..<8).map { key[$0] }
    }

    static let damages: [Damage] = [
        Damage(testDescription: "a value's key is gone", words: "0 entries, should be 1", isMended: true) { transaction, databases, small, catalogue in
            try transaction.erase(valueKey("p3@example.com", small.mail, catalogue), in: databases.indexes)
        },
        Damage(testDescription: "a value that nobody has", words: "no entry has it", isMended: true) { transaction, databases, small, catalogue in
            try transaction.store(valueKey("nobody@example.com", small.mail, catalogue), [0, 5, 0], in: databases.indexes)
        },
        Damage(testDescription: "one missing and one too many", words: "no entry has it", isMended: true) { transaction, databases, small, catalogue in
            try transaction.erase(valueKey("p3@example.com", small.mail, catalogue), in: databases.indexes)
            try transaction.store(valueKey("zz@example.com", small.mail, catalogue), [0, 5, 0], in: databases.indexes)
        },
        Damage(testDescription: "a value with a further entry", words: "2 entries, should be 1", isMended: true) { transaction, databases, small, catalogue in
            try transaction.store(valueKey("p3@example.com", small.mail, catalogue), [0, 4, 0, 9, 0], in: databases.indexes)
        },
        Damage(testDescription: "a value with an entry that does not exist", words: "should be 1", isMended: true) { transaction, databases, small, catalogue in
            try transaction.store(valueKey("p3@example.com", small.mail, catalogue), [0, 4, 0, 0, 8], in: databases.indexes)
        },
        Damage(testDescription: "bytes that are no set", words: "not a set", isMended: true) { transaction, databases, small, catalogue in
            try transaction.store(valueKey("p3@example.com", small.mail, catalogue), [7, 1, 2], in: databases.indexes)
        },
        Damage(testDescription: "a key of no index", words: "no such index") { transaction, databases, small, catalogue in
            let sn = try #require(small.schema.attributeType(named: "sn"))
            try transaction.store(valueKey("x", sn, catalogue), [0, 5, 0], in: databases.indexes)
        },
        Damage(testDescription: "a set of children", words: "0 entries, should be") { transaction, databases, _, _ in
            try transaction.erase(key(.children, .root), in: databases.indexes)
        },
        Damage(testDescription: "a set of descendants", words: "1 entries, should be 40") { transaction, databases, _, _ in
            try transaction.store(key(.descendants, .root), [0, 1, 0], in: databases.indexes)
        },
        Damage(testDescription: "a name is gone", words: "not found by its name") { transaction, databases, _, _ in
            try transaction.erase(nameKey("p0"), in: databases.names)
        },
        Damage(testDescription: "a name of no entry", words: "leads to no entry") { transaction, databases, _, _ in
            try transaction.store(nameKey("ghost"), number(4711), in: databases.names)
        },
        Damage(testDescription: "a name that leads elsewhere", words: "not found by its name") { transaction, databases, _, _ in
            try transaction.store(nameKey("p0"), number(2), in: databases.names)
        },
        Damage(testDescription: "a number is given again", words: "would get number 5") { transaction, databases, _, _ in
            try Metadata.set(.nextEntry, 5, &transaction, databases)
        },
        Damage(testDescription: "an entry is gone", words: "its superior, entry 1, does not exist", isRebuilt: false) { transaction, databases, _, _ in
            try transaction.erase(entryKey(1), in: databases.entries)
        },
        Damage(testDescription: "a record that is none", words: "cannot be read", isRebuilt: false) { transaction, databases, _, _ in
            try transaction.store(entryKey(3), [9, 9, 9], in: databases.entries)
        },
        Damage(testDescription: "a record that ends early", words: "entry 3", isRebuilt: false) { transaction, databases, _, _ in
            let record = try #require(try transaction.bytes(of: entryKey(3), in: databases.entries))
            try transaction.store(entryKey(3), Array(record.dropLast(12)), in: databases.entries)
        },
        Damage(testDescription: "an entry below itself", words: "is below itself", isRebuilt: false) { transaction, databases, _, _ in
            var record = try #require(try transaction.bytes(of: entryKey(1), in: databases.entries))
            record[8] = 1
            try transaction.store(entryKey(1), record, in: databases.entries)
        },
    ]

    @Test func whatIsRightIsFoundRight() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        #expect(try small.problems(store) == [])
        try small.fill(store)
        #expect(try small.problems(store) == [])
    }

    @Test(arguments: damages) func damageIsFound(_ damage: Damage) async throws {
        let small = try SmallStore()
        defer { small.remove() }
        do {
            let store = try small.open()
            try small.fill(store)
            var transaction = try store.environment.beginWrite()
            try damage.body(&transaction, store.databases, small, store.catalogue)
            try transaction.commit()
            let problems = try small.problems(store)
            #expect(problems.contains { $0.contains(damage.words) }, "\(problems)")

            let writer = try Writer(store)
            var changes = 0
            for type in [small.cn, small.mail] {
                let mended = await withCheckedContinuation { continuation in
                    store.mendIndex(of: type, writer) { continuation.resume(returning: $0) }
                }
                changes += (try? mended.get()).map { $0.added + $0.removed } ?? 0
            }
            writer.stop()
            let left = try small.problems(store)
            #expect(left.isEmpty == damage.isMended, "\(left)")
            if damage.isMended { #expect(changes > 0) }
        }
        // The damage again, and everything made anew.
        do {
            let store = try small.open()
            var transaction = try store.environment.beginWrite()
            try damage.body(&transaction, store.databases, small, store.catalogue)
            try transaction.commit()
        }
        if damage.isRebuilt {
            let count = try EntryStore.replacing(directory: small.folder, schema: small.schema, indexes: { _ in small.indexes }) { try $0.rebuild() }
            #expect(count == 40)
            #expect(try small.problems(small.open()) == [])
        } else {
            #expect(throws: EntryStoreError.self) {
                try EntryStore.replacing(directory: small.folder, schema: small.schema, indexes: { _ in small.indexes }) { try $0.rebuild() }
            }
            // Nothing was made worse, and nothing is left over.
            #expect(small.files == ["data.mdb", "data.mdb-lock"])
        }
    }

    /// However little memory there is: the indexes are written once, in order, and take no more room.
    @Test func rebuildingInPartsIsTheSame() throws {
        var sizes: [Int?] = []
        // The least puts aside what each thousand entries have.
        for memoryLimit in [-1, 0, 768 << 20] {
            let small = try SmallStore()
            defer { small.remove() }
            let store = try small.open()
            try small.fill(store, count: 3000)
            #expect(try store.rebuild(memoryLimit: memoryLimit) == 3000)
            #expect(try small.problems(store) == [])
            sizes.append(try store.statistics().tables.first { $0.name == "Indexes" }?.size)
            try small.fillMore(store)
            #expect(try small.problems(store) == [])
            #expect(small.files == ["data.mdb", "data.mdb-lock"])
        }
        #expect(sizes[0] != nil && sizes[0] == sizes[1] && sizes[0] == sizes[2], "\(sizes)")
    }
}

extension SmallStore {
    func fillMore(_ store: EntryStore) throws {
        var transaction = try StoreTransaction(store)
        _ = try add("further", &transaction)
        try transaction.commit()
    }
}

extension Transaction {
    fileprivate mutating func store(_ key: [UInt8], _ value: [UInt8], in database: Database) throws { try put(key.rawSpan, value.rawSpan, in: database) }

    fileprivate mutating func erase(_ key: [UInt8], in database: Database) throws { _ = try delete(key.rawSpan, in: database) }

    fileprivate borrowing func bytes(of key: [UInt8], in database: Database) throws -> [UInt8]? { try get(key.rawSpan, in: database)?.array }
}
