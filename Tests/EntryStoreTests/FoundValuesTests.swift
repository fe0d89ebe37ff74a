@testable import EntryStore
import BER
import LDAP
import LMDB
import Schema
import SeededRandom
import Synchronization
import Testing

/// Who is found by a value is who has it in the snapshot, whatever the value led to before.
struct FoundValuesTests {
    @Test func aPlaceSaysWhatWasFoundUntilItChanges() throws {
        let found = try #require(FoundValues(entries: 0, commit: 100))
        let (one, two) = (EntryID(rawValue: 1), EntryID(rawValue: 2))
        let key: UInt64 = 0x1234_5678_9abc_def0
        // Another key in the same place.
        let rival = key ^ 1 << 60
        #expect(found.look(key, at: 105).entry == nil)
        found.note(one, at: 105, found.look(key, at: 105))
        #expect(found.look(key, at: 105).entry == one && found.look(key, at: 200).entry == one)
        #expect(found.look(key, at: 104).entry == nil && found.look(rival, at: 105).entry == nil)

        // A change hides it, and from all that is older; what was seen before it is not noted any more.
        let before = found.look(key, at: 106)
        found.noteChange(key, by: 107)
        #expect(found.look(key, at: 106).entry == nil && found.look(key, at: 107).entry == nil)
        found.note(one, at: 106, before)
        found.note(one, at: 106, found.look(key, at: 106))
        #expect(found.look(key, at: 107).entry == nil)
        found.note(two, at: 107, found.look(key, at: 107))
        #expect(found.look(key, at: 107).entry == two && found.look(key, at: 106).entry == nil)

        // A rival takes the place; what was seen before it is late, and an older commit comes never.
        let late = found.look(key, at: 108)
        found.note(one, at: 108, found.look(rival, at: 108))
        #expect(found.look(key, at: 108).entry == nil && found.look(rival, at: 108).entry == one)
        found.note(two, at: 108, late)
        found.note(two, at: 107, found.look(key, at: 107))
        #expect(found.look(key, at: 108).entry == nil && found.look(rival, at: 108).entry == one)

        found.noteChanges(by: 110)
        #expect(found.look(rival, at: 109).entry == nil && found.look(rival, at: 110).entry == nil)
        found.note(one, at: 109, found.look(key, at: 109))
        #expect(found.look(key, at: 110).entry == nil)
        found.note(one, at: 110, found.look(key, at: 110))
        #expect(found.look(key, at: 110).entry == one)

        // What has no room is not noted.
        found.note(EntryID(rawValue: 1 << 32), at: 111, found.look(key, at: 111))
        found.note(two, at: 101 + 1 << 32, found.look(key, at: 111))
        found.note(two, at: 99, found.look(key, at: 99))
        #expect(found.look(key, at: 111).entry == one && found.look(key, at: 99).entry == nil)
        #expect(found.look(key, at: 101 + 1 << 32).entry == nil)
    }

    /// The entries that the planner and the look-up of one find by an address; records an issue unless they agree.
    private static func find(_ value: String, _ small: SmallStore, _ snapshot: borrowing Snapshot) throws -> Set<EntryID> {
        var ids: [EntryID] = []
        try snapshot.forEachEntry(CompiledFilter(try Filter("(mail=\(value))"), snapshot.catalogue)) { ids.append($0) }
        let first = try snapshot.firstEntry(with: small.mail, equalTo: Array(value.utf8).rawSpan)
        #expect(first.map { ids.contains($0) } ?? ids.isEmpty, "\(value)")
        #expect(ids == Set(ids).sorted())
        return Set(ids)
    }

    private struct Seen: ~Copyable {
        var snapshot: Snapshot
        var owners: [String: Set<EntryID>]
    }

    @Test func afterEachChangeEverySnapshotFindsItsOwn() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open(questionsInVain: 20)
        let values = (0..<12).map { "v\($0)@example.com" }
        var random = SeededGenerator(seed: 21)
        var entries: [EntryID: (Entry, rdn: [UInt8])] = [:]
        var owners: [String: Set<EntryID>] = [:]
        var older = Seen(snapshot: try store.snapshot(), owners: owners)
        var oldest = Seen(snapshot: try store.snapshot(), owners: owners)
        var recalled = 0
        for round in 0..<600 {
            var transaction = try StoreTransaction(store)
            let before = (entries, owners)
            for number in 0..<(1 + random.below(3)) {
                if entries.count < 6 {
                    let rdn = Array("cn=e\(round)-\(number)".utf8)
                    var entry = Entry()
                    entry.append(Array(rdn.dropFirst(3)), to: try transaction.attributeID(small.cn, options: []))
                    let id = try transaction.add(entry, parent: .root, rdn: rdn, canonicalRDN: rdn, flags: [])
                    entries[id] = (entry, rdn)
                }
                guard let id = entries.keys.sorted().randomElement(using: &random), let (old, rdn) = entries[id] else { continue }
                for value in values { owners[value]?.remove(id) }
                if random.below(6) == 0 {
                    try transaction.remove(id, old, canonicalRDN: rdn)
                    entries[id] = nil
                    continue
                }
                var entry = Entry()
                entry.append(Array(rdn.dropFirst(3)), to: try transaction.attributeID(small.cn, options: []))
                let mail = try transaction.attributeID(small.mail, options: [])
                for value in values where random.below(values.count) < 2 {
                    entry.append(Array(value.utf8), to: mail)
                    owners[value, default: []].insert(id)
                }
                try transaction.replace(id, old, with: entry, flags: [])
                entries[id] = (entry, rdn)
            }
            for value in values { #expect(try Self.find(value, small, transaction.snapshot) == owners[value] ?? []) }
            // Some are given up: nothing of them may be remembered.
            if random.below(5) == 0 { (entries, owners) = before } else { try transaction.commit() }
            let newest = try store.snapshot()
            for value in values {
                if try Self.isRecalled(value, small, newest) { recalled += 1 }
                #expect(try Self.find(value, small, newest) == owners[value] ?? [], "round \(round)")
                #expect(try Self.find(value, small, older.snapshot) == older.owners[value] ?? [], "round \(round), older")
                #expect(try Self.find(value, small, newest) == owners[value] ?? [], "round \(round), again")
                #expect(try Self.find(value, small, oldest.snapshot) == oldest.owners[value] ?? [], "round \(round), oldest")
            }
            if random.below(4) == 0 { older = Seen(snapshot: try store.snapshot(), owners: owners) }
            if random.below(30) == 0 { oldest = Seen(snapshot: try store.snapshot(), owners: owners) }
        }
        // What did not change was known.
        #expect(recalled > 500, "\(recalled)")
    }

    private static func isRecalled(_ value: String, _ small: SmallStore, _ snapshot: borrowing Snapshot) throws -> Bool {
        let found = try #require(snapshot.store.found)
        return try found.look(hash(value, small, snapshot), at: snapshot.commit).entry != nil
    }

    private static func hash(_ value: String, _ small: SmallStore, _ snapshot: borrowing Snapshot) throws -> UInt64 {
        var key: [UInt8] = []
        IndexKey.appendValue(try #require(snapshot.catalogue.table.id(of: small.mail)), Array(value.utf8).rawSpan, to: &key)
        return OctetHash.hash(key.rawSpan)
    }

    /// As if two values had one hash.
    @Test func whatIsRememberedWronglyIsNotTaken() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        try small.fill(store)
        let snapshot = try store.snapshot()
        let found = try #require(store.found)
        let right = try #require(try snapshot.firstEntry(with: small.mail, equalTo: Array("p7@example.com".utf8).rawSpan))
        let other = try #require(try snapshot.firstEntry(with: small.mail, equalTo: Array("p3@example.com".utf8).rawSpan))
        func find(_ filter: String, from position: UInt64 = 1) throws -> [EntryID] {
            var ids: [EntryID] = []
            try snapshot.forEachEntry(CompiledFilter(try Filter(filter), snapshot.catalogue), from: EntryID(rawValue: position)) { ids.append($0) }
            return ids
        }
        for wrong in [other, EntryID(rawValue: 1_000_000)] {
            for value in ["p7", "p100"] {
                let value = "\(value)@example.com"
                let truth = value.hasPrefix("p7") ? [right] : []
                func misremember() throws {
                    let hash = try Self.hash(value, small, snapshot)
                    found.noteChange(hash, by: snapshot.commit)
                    found.note(wrong, at: snapshot.commit, found.look(hash, at: snapshot.commit))
                    #expect(found.look(hash, at: snapshot.commit).entry == wrong)
                }
                try misremember()
                #expect(try find("(mail=\(value))") == truth)
                try misremember()
                #expect(try snapshot.firstEntry(with: small.mail, equalTo: Array(value.utf8).rawSpan) == truth.first)
                try misremember()
                #expect(try find("(&(mail=\(value))(cn=*))") == truth)
                try misremember()
                #expect(try find("(|(mail=\(value))(mail=p3@example.com))") == [other] + truth)
                try misremember()
                #expect(try find("(|(mail=\(value))(mail=nobody@example.com))") == truth)
                try misremember()
                #expect(try find("(!(mail=\(value)))").count == 40 - truth.count)
                try misremember()
                #expect(try find("(mail=\(value))", from: 2) == truth)
            }
        }
    }

    /// What is alone in a later block of a set is not alone.
    @Test func aSetOfTwoBlocksIsNotTakenForOneEntry() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        var ids: [EntryID] = []
        do {
            var transaction = try StoreTransaction(store)
            let mail = try transaction.attributeID(small.mail, options: [])
            let cn = try transaction.attributeID(small.cn, options: [])
            for number in 0...BlockSet.capacity {
                var entry = Entry()
                entry.append(Array("n\(number)".utf8), to: cn)
                if number == 0 || number == BlockSet.capacity { entry.append(Array("both@example.com".utf8), to: mail) }
                let rdn = Array("cn=n\(number)".utf8)
                let id = try transaction.add(entry, parent: .root, rdn: rdn, canonicalRDN: rdn, flags: [])
                if number == 0 || number == BlockSet.capacity { ids.append(id) }
            }
            try transaction.commit()
        }
        try #require(ids.count == 2 && ids[0].block != ids[1].block)
        let snapshot = try store.snapshot()
        let value = Array("both@example.com".utf8)
        for exempt in [ids[0], ids[1]] {
            #expect(try snapshot.firstEntry(with: small.mail, equalTo: value.rawSpan, otherThan: exempt) == ids.first { $0 != exempt })
            #expect(try Self.find("both@example.com", small, snapshot) == Set(ids))
        }
        #expect(try !Self.isRecalled("both@example.com", small, snapshot))
    }

    private final class Progress: Sendable {
        let rounds = Atomic<Int>(0)
    }

    /// One address goes from entry to entry, while others ask who has it.
    @Test func besideAWriterEverySnapshotFindsOne() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        try small.fill(store)
        let progress = Progress()
        let rounds = 1500
        let writing = try BackgroundThread {
            var owner: (EntryID, Entry)?
            for round in 1...rounds {
                guard var transaction = try? StoreTransaction(store), let mail = try? transaction.attributeID(small.mail, options: []) else { return }
                if let (id, entry) = owner { try? transaction.replace(id, entry, with: Entry(), flags: []) }
                // A new one each time, named by the round.
                var entry = Entry()
                entry.append(Array("wanted@example.com".utf8), to: mail)
                let rdn = Array("cn=r\(round)".utf8)
                guard let id = try? transaction.add(entry, parent: .root, rdn: rdn, canonicalRDN: rdn, flags: []),
                    (try? transaction.commit()) != nil
                else { return }
                owner = (id, entry)
                progress.rounds.store(round, ordering: .releasing)
            }
        }
        let asking = try (0..<2).map { _ in
            try BackgroundThread {
                do {
                    var asked = 0
                    while progress.rounds.load(ordering: .acquiring) < rounds {
                        let before = progress.rounds.load(ordering: .acquiring)
                        let snapshot = try store.snapshot()
                        let ids = try Self.find("wanted@example.com", small, snapshot)
                        let after = progress.rounds.load(ordering: .acquiring)
                        guard before > 0 else { continue }
                        guard ids.count == 1, let id = ids.first, let record = try snapshot.record(id) else {
                            Issue.record("\(ids) after round \(before)")
                            return
                        }
                        let round = Int(String(decoding: record.rdn.array.dropFirst(4), as: UTF8.self)) ?? 0
                        // The commit of one more may be seen before it is told.
                        #expect(round >= before && round <= after + 1)
                        asked += 1
                    }
                    #expect(asked > 100)
                } catch { Issue.record(error) }
            }
        }
        writing.join()
        progress.rounds.store(rounds, ordering: .releasing)
        for thread in asking { thread.join() }
        #expect(try small.problems(store) == [])
    }
}
