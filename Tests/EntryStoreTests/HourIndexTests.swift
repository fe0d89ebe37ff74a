import BER
@testable import EntryStore
import LDAP
import LMDB
import Schema
import SeededRandom
import Testing

/// An index by the hour of a value finds what an index of whole values finds, and takes the place of one.
struct HourIndexTests {
    private let small: SmallStore
    private let csn: AttributeTypeID

    init() throws {
        small = try SmallStore()
        csn = try #require(small.schema.attributeType(named: "entryCSN"))
    }

    private func open(_ kinds: IndexDefinition.Kinds) throws -> EntryStore {
        var options = EntryStore.Options()
        options.mapSize = 1 << 28
        options.durability = .none
        return try EntryStore(directory: small.folder, schema: small.schema, indexes: [IndexDefinition(type: csn, kinds: kinds)], options: options)
    }

    private func stamp(day: Int, hour: Int, second: Int) -> [UInt8] {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return Array("202611\(two(day))\(two(hour))\(two(second / 60))\(two(second % 60)).000000Z#000000#000#000000".utf8)
    }

    private func entry(_ value: [UInt8]?, _ transaction: inout StoreTransaction) throws -> Entry {
        var entry = Entry()
        if let value { entry.append(value, to: try transaction.attributeID(csn, options: [])) }
        return entry
    }

    private func add(_ name: String, _ value: [UInt8]?, _ transaction: inout StoreTransaction) throws -> EntryID {
        let rdn = Array("cn=\(name)".utf8)
        return try transaction.add(entry(value, &transaction), parent: .root, rdn: rdn, canonicalRDN: rdn, flags: [])
    }

    private func found(_ filter: String, _ store: EntryStore) throws -> Set<EntryID> {
        let snapshot = try store.snapshot()
        var ids: Set<EntryID> = []
        try snapshot.forEachEntry(CompiledFilter(try Filter(filter), snapshot.catalogue)) { ids.insert($0) }
        return ids
    }

    /// Holds what is found for each value against the values themselves.
    private func compare(_ values: [EntryID: [UInt8]], _ store: EntryStore) throws {
        for value in Set(values.values).prefix(20) {
            let text = String(decoding: value, as: UTF8.self)
            #expect(try found("(entryCSN=\(text))", store) == Set(values.filter { $0.value == value }.keys))
            #expect(try found("(entryCSN>=\(text))", store) == Set(values.filter { !$0.value.lexicographicallyPrecedes(value) }.keys))
            #expect(try found("(entryCSN<=\(text))", store) == Set(values.filter { !value.lexicographicallyPrecedes($0.value) }.keys))
            #expect(try found("(!(entryCSN=\(text)))", store) == Set(values.filter { $0.value != value }.keys))
            if store.missingIndexes.isEmpty {
                let canonical = Array(text.utf8)
                let first = values.filter { $0.value == value }.keys.min()
                #expect(try store.snapshot().firstEntry(with: csn, equalTo: canonical.span.bytes) == first)
                // Of the same hour.
                let other = Array(canonical.dropLast()) + Array("7".utf8)
                #expect(try store.snapshot().firstEntry(with: csn, equalTo: other.span.bytes) == nil)
            }
        }
        #expect(try small.problems(store) == [])
    }

    /// How many keys the index has.
    private func keys(_ store: EntryStore) throws -> Int {
        let snapshot = try store.snapshot()
        var prefix: [UInt8] = []
        IndexKey.begin(try #require(snapshot.catalogue.table.id(of: csn)), .value, &prefix)
        var count = 0
        var pair = try snapshot.transaction.seek(prefix.span.bytes, in: store.databases.indexes)
        while let current = pair, current.key.starts(with: prefix.span.bytes) {
            count += 1
            pair = try snapshot.transaction.next(in: store.databases.indexes)
        }
        return count
    }

    private func fill(_ store: EntryStore) throws -> [EntryID: [UInt8]] {
        var random = SeededGenerator(seed: 5)
        var values: [EntryID: [UInt8]] = [:]
        var transaction = try StoreTransaction(store)
        for number in 0..<400 {
            let value = stamp(day: 1 + random.below(3), hour: random.below(4), second: random.below(30))
            values[try add("\(number)", value, &transaction)] = value
        }
        try transaction.commit()
        return values
    }

    @Test func itHasAKeyForEachHour() throws {
        defer { small.remove() }
        let store = try open([.hour])
        var values = try fill(store)
        #expect(try keys(store) == 12)
        try compare(values, store)
        // Changes within the hour and beyond it, and entries that go.
        var random = SeededGenerator(seed: 6)
        for _ in 0..<5 {
            var transaction = try StoreTransaction(store)
            for (id, value) in values.sorted(by: { $0.key < $1.key }) where random.below(3) == 0 {
                let old = try entry(value, &transaction)
                let rdn = Array("cn=\(id.rawValue - 1)".utf8)
                if random.below(8) == 0 {
                    try transaction.remove(id, old, canonicalRDN: rdn)
                    values[id] = nil
                } else {
                    let new = stamp(day: 1 + random.below(4), hour: random.below(4), second: random.below(30))
                    try transaction.replace(id, old, with: entry(new, &transaction), flags: [])
                    values[id] = new
                }
            }
            try transaction.commit()
            try compare(values, store)
        }
        #expect(try keys(store) == 16)
        // Whole values are what sorting goes by.
        #expect(!OrderedWalk.serves(csn, by: .csnOrderingMatch, store.catalogue))
    }

    @Test func itTakesThePlaceOfWholeValues() async throws {
        defer { small.remove() }
        var values: [EntryID: [UInt8]] = [:]
        for (number, kinds) in [IndexDefinition.Kinds.equality, .hour, .equality].enumerated() {
            let store = try open(kinds)
            if number == 0 {
                values = try fill(store)
                #expect(OrderedWalk.serves(csn, by: .csnOrderingMatch, store.catalogue))
                #expect(try keys(store) > 100)
                continue
            }
            #expect(store.missingIndexes == [IndexDefinition(type: csn, kinds: kinds)])
            // Before it is built, too.
            try compare(values, store)
            let writer = try Writer(store)
            let failure = await withCheckedContinuation { continuation in
                store.buildMissingIndexes(writer) { continuation.resume(returning: $0) }
            }
            #expect(failure == nil && store.missingIndexes.isEmpty)
            writer.stop()
            try compare(values, store)
            #expect(try kinds == .hour ? keys(store) == 12 : keys(store) > 100)
        }
    }
}
