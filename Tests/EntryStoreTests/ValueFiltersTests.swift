@testable import EntryStore
import BER
import LDAP
import Schema
import SeededRandom
import Synchronization
import Testing

/// Values that an entry has are always found, whatever is known of those that none has.
struct ValueFiltersTests {
    @Test func aFilterHoldsWhatItWasGiven() throws {
        var random = SeededGenerator(seed: 5)
        let filter = try #require(BloomFilter(capacity: 10_000))
        var held: [UInt64] = []
        for (count, most) in [(10_000, 150), (20_000, 700)] {
            while held.count < count {
                held.append(random.next())
                filter.insert(held[held.count - 1])
            }
            #expect(held.allSatisfy { filter.mayContain($0) })
            let wrong = (0..<10_000).count { _ in filter.mayContain(random.next()) }
            #expect(wrong < most)
        }
        #expect(filter.size == 32 << 10)
    }

    private final class Progress: Sendable {
        let groups = Atomic<Int>(0)
    }

    private static func find(_ name: String, _ small: SmallStore, _ snapshot: borrowing Snapshot) throws -> EntryID? {
        let value = Array("\(name)@example.com".utf8)
        let found = try snapshot.firstEntry(with: small.mail, equalTo: value.rawSpan)
        // The planner asks in its own way.
        var ids: [EntryID] = []
        try snapshot.forEachEntry(CompiledFilter(try Filter("(mail=\(name)@example.com)"), snapshot.catalogue)) { ids.append($0) }
        #expect(ids == (found.map { [$0] } ?? []), "\(name)")
        return found
    }

    /// How many of some values that no entry has are known not to be there.
    private static func excluded(_ small: SmallStore, _ store: EntryStore, among count: Int = 500) throws -> Int {
        let snapshot = try store.snapshot()
        let attribute = try #require(snapshot.catalogue.table.id(of: small.mail))
        var excluded = 0
        for number in 0..<count {
            var key: [UInt8] = []
            IndexKey.appendValue(attribute, Array("nobody\(number)@example.com".utf8).rawSpan, to: &key)
            if store.filters.excludes(key.rawSpan, OctetHash.hash(key.rawSpan), at: snapshot.commit) { excluded += 1 }
        }
        return excluded
    }

    /// Asks in vain until there is a filter.
    private static func haveFilter(_ small: SmallStore, _ store: EntryStore) async throws {
        for _ in 0..<1000 {
            if try excluded(small, store) > 450 { return }
            #expect(try find("nobody", small, store.snapshot()) == nil)
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("no filter was made")
    }

    @Test func valuesThatComeWhileFiltersAreMadeAreFound() async throws {
        let small = try SmallStore()
        defer { small.remove() }
        do {
            let store = try small.open(questionsInVain: 3)
            let committed = Progress()
            // A thread of its own: tasks of other tests may have all of theirs.
            let writing = try BackgroundThread {
                for group in 0..<700 {
                    guard var transaction = try? StoreTransaction(store) else { return }
                    for number in 0..<10 { _ = try? small.add("p\(group * 10 + number)", &transaction) }
                    if group % 50 == 49 { continue }
                    guard (try? transaction.commit()) != nil else { return }
                    committed.groups.store(group + 1, ordering: .releasing)
                }
            }
            var random = SeededGenerator(seed: 3)
            var (asked, group) = (0, 0)
            while !writing.hasEnded {
                group = committed.groups.load(ordering: .acquiring)
                let snapshot = try store.snapshot()
                // The newest, and any other; those of a transaction that was given up are not there.
                for wanted in [group - 1, random.below(max(1, group))] where wanted >= 0 && wanted < group {
                    let found = try Self.find("p\(wanted * 10 + random.below(10))", small, snapshot)
                    guard (found != nil) == (wanted % 50 != 49) else {
                        Issue.record("of group \(wanted) of \(group)")
                        break
                    }
                }
                #expect(try Self.find("nobody\(asked)", small, snapshot) == nil)
                asked += 1
            }
            writing.join()
            #expect(committed.groups.load(ordering: .acquiring) == 699)
            try await Self.haveFilter(small, store)
            // It has grown with what came.
            #expect(try Self.excluded(small, store, among: 2000) > 1900)
            let snapshot = try store.snapshot()
            for number in 0..<7000 where number / 10 % 50 != 49 { #expect(try Self.find("p\(number)", small, snapshot) != nil) }
        }
        #expect(try small.problems(small.open()) == [])
    }

    @Test func anOlderSnapshotFindsWhatHasGone() async throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open(questionsInVain: 1)
        try small.fill(store)
        var id = EntryID.root
        do {
            var transaction = try StoreTransaction(store)
            id = try small.add("gone", &transaction)
            try transaction.commit()
        }
        let before = try store.snapshot()
        do {
            guard let record = try before.record(id) else { throw EntryStoreError(.format, "no record") }
            var transaction = try StoreTransaction(store)
            try transaction.remove(id, Entry(record), canonicalRDN: Array("cn=gone".utf8))
            try transaction.commit()
        }
        try await Self.haveFilter(small, store)
        #expect(try Self.find("gone", small, before) == id)
        #expect(try Self.find("gone", small, store.snapshot()) == nil)
    }

    @Test func aTransactionFindsWhatItHasAdded() async throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open(questionsInVain: 1)
        try small.fill(store)
        try await Self.haveFilter(small, store)
        var transaction = try StoreTransaction(store)
        // So many that index changes are written in the midst of it.
        for number in 0..<3000 {
            let id = try small.add("new\(number)", &transaction)
            #expect(try transaction.snapshot.firstEntry(with: small.mail, equalTo: Array("new\(number)@example.com".utf8).rawSpan) == id)
        }
        for number in 0..<3000 {
            #expect(try transaction.snapshot.firstEntry(with: small.mail, equalTo: Array("new\(number)@example.com".utf8).rawSpan) != nil)
        }
        try transaction.commit()
        let snapshot = try store.snapshot()
        for number in 0..<3000 { #expect(try Self.find("new\(number)", small, snapshot) != nil) }
    }

    @Test func aBulkLoadIsFound() async throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open(questionsInVain: 1)
        try small.fill(store)
        try await Self.haveFilter(small, store)
        var load = try BulkLoad(store)
        let cn = try load.attributeID(small.cn, options: [])
        let mail = try load.attributeID(small.mail, options: [])
        for number in 0..<100 {
            var entry = Entry()
            entry.append(Array("l\(number)".utf8), to: cn)
            entry.append(Array("l\(number)@example.com".utf8), to: mail)
            let rdn = Array("cn=l\(number)".utf8)
            _ = try load.add(entry, parent: .root, rdn: rdn, canonicalRDN: rdn, flags: [])
        }
        try load.finish()
        let snapshot = try store.snapshot()
        for number in 0..<100 { #expect(try Self.find("l\(number)", small, snapshot) != nil) }
        try await Self.haveFilter(small, store)
        for number in 0..<100 { #expect(try Self.find("l\(number)", small, snapshot) != nil) }
    }

    @Test func withoutAThresholdNoneIsMade() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open(questionsInVain: 0)
        try small.fill(store)
        for number in 0..<300 { #expect(try Self.find("nobody\(number)", small, store.snapshot()) == nil) }
        #expect(try Self.excluded(small, store) == 0)
    }
}
