@testable import EntryStore
import BER
import LDAP
import LMDB
import SeededRandom
import Synchronization
import Testing

/// A record that is read where it was found is the one that the snapshot has.
struct RecordPlacesTests {
    private func place(_ number: UInt64) -> MapPlace { MapPlace(rawValue: number << 20 | 100) }

    @Test func aPlaceIsGoodUntilTheEntryChanges() throws {
        let places = try #require(RecordPlaces(entries: 0, commit: 100))
        let one = EntryID(rawValue: 7)
        // In the same place.
        let rival = EntryID(rawValue: 7 + 1 << 20)
        #expect(places.look(one, at: 105).place == .none && places.look(one, at: 105).foundAt == nil)
        places.note(place(1), of: one, at: 105, places.look(one, at: 105))
        #expect(places.look(one, at: 105).foundAt == 105 && places.look(one, at: 200).foundAt == 105 && places.look(one, at: 200).place == place(1))
        #expect(places.look(one, at: 104).foundAt == nil && places.look(rival, at: 105).foundAt == nil)

        // A change hides it, and from all that is older; what was seen before it is not noted any more. The place is still one to be fetched.
        let before = places.look(one, at: 106)
        places.noteChange(of: one, by: 107)
        #expect(places.look(one, at: 106).foundAt == nil && places.look(one, at: 107).foundAt == nil && places.look(one, at: 107).place == place(1))
        places.note(place(2), of: one, at: 106, before)
        places.note(place(2), of: one, at: 106, places.look(one, at: 106))
        #expect(places.look(one, at: 107).foundAt == nil && places.look(one, at: 107).place == place(1))
        places.note(place(3), of: one, at: 107, places.look(one, at: 107))
        #expect(places.look(one, at: 107).foundAt == 107 && places.look(one, at: 106).foundAt == nil && places.look(one, at: 107).place == place(3))

        // A rival takes the place; what was seen before it is late, and an older commit comes never. Its change is the other's too.
        let late = places.look(one, at: 108)
        places.note(place(4), of: rival, at: 108, places.look(rival, at: 108))
        #expect(places.look(one, at: 108).foundAt == nil && places.look(rival, at: 108).foundAt == 108)
        places.note(place(5), of: one, at: 108, late)
        places.note(place(5), of: one, at: 107, places.look(one, at: 107))
        #expect(places.look(one, at: 108).foundAt == nil && places.look(rival, at: 108).place == place(4))
        places.noteChange(of: one, by: 109)
        #expect(places.look(rival, at: 109).foundAt == nil)

        // What has no room is not noted.
        let far = 100 + 1 << 31
        places.note(.none, of: one, at: 110, places.look(one, at: 110))
        places.note(place(6), of: EntryID(rawValue: 7 + 1 << 32), at: 110, places.look(one, at: 110))
        places.note(place(6), of: one, at: far, places.look(one, at: 110))
        places.note(place(6), of: one, at: 99, places.look(one, at: 99))
        places.note(place(6), of: .root, at: 110, places.look(.root, at: 110))
        #expect(places.look(one, at: 110).foundAt == nil && places.look(one, at: far).foundAt == nil && places.look(.root, at: 110).foundAt == nil)
        places.noteChange(of: one, by: far)
        places.note(place(7), of: one, at: 110, places.look(one, at: 110))
        #expect(places.look(one, at: 110).foundAt == 110)
    }

    /// Changes entries of a store in rounds: all know what each entry's `cn` is at each round.
    private struct Rounds {
        static let entries = 60
        let small: SmallStore
        let store: EntryStore

        /// The last round up to one that changed an entry; each changes a fifth of them, some neighbours together, and two fifths never change.
        static func last(_ entry: Int, _ round: Int) -> Int {
            var last = round
            while last > 0, (entry / 4 &+ last &* last) % 5 != 0 { last -= 1 }
            return last
        }

        /// Of different lengths, so that records move, some to pages of their own.
        static func text(_ entry: Int, _ round: Int) -> [UInt8] {
            Array("e\(entry)r\(round) ".utf8) + [UInt8](repeating: 0x78, count: 40 + (entry &* 31 &+ round &* 17) % 9 * (entry % 10 == 0 ? 700 : 60))
        }

        func entry(_ entry: Int, _ round: Int, _ transaction: inout StoreTransaction) throws(EntryStoreError) -> Entry {
            var made = Entry()
            made.append(Self.text(entry, round), to: try transaction.attributeID(small.cn, options: []))
            return made
        }

        init(_ small: SmallStore) throws {
            self.small = small
            store = try small.open()
            var transaction = try StoreTransaction(store)
            for number in 0..<Self.entries {
                let rdn = Array("cn=e\(number)".utf8)
                _ = try transaction.add(try entry(number, 0, &transaction), parent: .root, rdn: rdn, canonicalRDN: rdn, flags: [])
            }
            try transaction.commit()
        }

        func id(_ entry: Int) -> EntryID { EntryID(rawValue: UInt64(entry + 1)) }

        /// - Parameter isGivenUp: whether it is not committed; what it changed is then done again by the next.
        func change(_ round: Int, isGivenUp: Bool = false) throws(EntryStoreError) {
            var transaction = try StoreTransaction(store)
            for number in 0..<Self.entries where Self.last(number, round) == round {
                let before = try entry(number, Self.last(number, round - 1), &transaction)
                try transaction.replace(id(number), before, with: entry(number, round, &transaction), flags: [])
                #expect(try Self.isWhole(number, round, transaction.snapshot, id(number)))
            }
            if !isGivenUp { _ = try transaction.commit() }
        }

        static func isWhole(_ entry: Int, _ round: Int, _ snapshot: borrowing Snapshot, _ id: EntryID) throws(EntryStoreError) -> Bool {
            guard let record = try snapshot.record(id), record.attributeCount > 0 else { return false }
            var values = record.values(at: 0)
            return values.next()?.array == text(entry, last(entry, round))
        }
    }

    private struct Seen: ~Copyable {
        var snapshot: Snapshot
        let round: Int
    }

    @Test func everySnapshotReadsItsOwnRecords() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let rounds = try Rounds(small)
        let store = rounds.store
        let places = try #require(store.places)
        store.kept.advance()
        var random = SeededGenerator(seed: 5)
        var older = Seen(snapshot: try store.snapshot(), round: 0)
        var oldest = Seen(snapshot: try store.snapshot(), round: 0)
        var known = 0
        for round in 1...400 {
            if random.below(6) == 0 { try rounds.change(round, isGivenUp: true) }
            try rounds.change(round)
            let newest = try store.snapshot()
            for _ in 0..<150 {
                let entry = random.below(Rounds.entries)
                let id = rounds.id(entry)
                if let at = places.look(id, at: newest.commit).foundAt, at >= store.kept.hold().since { known += 1 }
                #expect(try Rounds.isWhole(entry, round, newest, id), "round \(round)")
                if random.below(4) == 0 { #expect(try Rounds.isWhole(entry, older.round, older.snapshot, id), "round \(round), older") }
                if random.below(4) == 0 { #expect(try Rounds.isWhole(entry, oldest.round, oldest.snapshot, id), "round \(round), oldest") }
            }
            if random.below(4) == 0 { older = Seen(snapshot: try store.snapshot(), round: round) }
            if random.below(25) == 0 { oldest = Seen(snapshot: try store.snapshot(), round: round) }
            if random.below(8) == 0 { store.kept.advance() }
        }
        #expect(known > 20_000, "\(known)")
        #expect(try small.problems(store) == [])
    }

    /// Nothing is looked up where a place is known and its page is kept: as if the place were that of another entry.
    @Test func aRecordIsReadWhereItIsSaidToLie() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let rounds = try Rounds(small)
        let (store, places) = (rounds.store, try #require(rounds.store.places))
        let (one, other) = (rounds.id(1), rounds.id(2))
        func misplace(_ snapshot: borrowing Snapshot) throws {
            _ = try snapshot.record(other)
            let wrong = places.look(other, at: snapshot.commit).place
            places.noteChange(of: one, by: snapshot.commit)
            places.note(wrong, of: one, at: snapshot.commit, places.look(one, at: snapshot.commit))
            #expect(places.look(one, at: snapshot.commit).place == wrong)
        }
        let before = try store.snapshot()
        try misplace(before)
        // Nothing is kept: the place is only fetched ahead, and put right.
        #expect(try Rounds.isWhole(1, 0, before, one))
        #expect(places.look(one, at: before.commit).place != places.look(other, at: before.commit).place)
        store.kept.advance()
        let after = try store.snapshot()
        try misplace(after)
        #expect(try Rounds.isWhole(2, 0, after, one))
        // The writer's word is above all.
        places.noteChange(of: one, by: after.commit)
        #expect(try Rounds.isWhole(1, 0, after, one))
    }

    @Test func allPlacesAreNotedAtOnce() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let rounds = try Rounds(small)
        let places = try #require(rounds.store.places)
        let snapshot = try rounds.store.snapshot()
        try rounds.store.notePlaces { false }
        #expect(places.look(rounds.id(0), at: snapshot.commit).foundAt == nil)
        try rounds.store.notePlaces { true }
        for entry in 0..<Rounds.entries {
            #expect(places.look(rounds.id(entry), at: snapshot.commit).foundAt == snapshot.commit)
            #expect(try Rounds.isWhole(entry, 0, snapshot, rounds.id(entry)))
        }
        var next: EntryID? = rounds.id(0)
        var parts = 0
        while let first = next {
            next = try snapshot.notePlaces(from: first, count: 25)
            parts += 1
        }
        #expect(parts == 3)
    }

    private final class Progress: Sendable {
        let round = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
    }

    /// Readers with snapshots of all ages, while pages are written over as soon as nobody keeps them.
    @Test func besideAWriterEverySnapshotReadsItsOwnRecords() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let rounds = try Rounds(small)
        let store = rounds.store
        store.kept.advance()
        let progress = Progress()
        // The round that a commit made: one each.
        let first = try store.snapshot().commit
        let writing = try BackgroundThread {
            do throws(EntryStoreError) {
                for round in 1...1200 {
                    try rounds.change(round)
                    if round % 5 == 0 { store.kept.advance() }
                    store.kept.letGo()
                }
            } catch { Issue.record(error) }
            progress.isOver.store(true, ordering: .releasing)
        }
        let reading = try (0..<3).map { number in
            try BackgroundThread {
                do {
                    var random = SeededGenerator(seed: UInt64(number))
                    var snapshot = try store.snapshot()
                    var read = 0
                    while !progress.isOver.load(ordering: .acquiring) {
                        switch random.below(3) {
                        case 0: snapshot.release()
                        case 1: snapshot.putAside()
                        default: break
                        }
                        try snapshot.renew()
                        let round = snapshot.commit - first
                        for _ in 0..<(1 + random.below(40)) {
                            let entry = random.below(Rounds.entries)
                            if try !Rounds.isWhole(entry, round, snapshot, rounds.id(entry)) {
                                Issue.record("entry \(entry), round \(round)")
                                return
                            }
                            read += 1
                        }
                    }
                    #expect(read > 1000)
                } catch { Issue.record(error) }
            }
        }
        writing.join()
        for thread in reading { thread.join() }
        #expect(try small.problems(store) == [])
    }
}
