@testable import EntryStore
import BER
import LMDB
import SeededRandom
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Change lists give back what was added; batches, applied one after the other, leave the sets that the changes describe.
struct IndexBatchTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func listsGiveBackWhatWasAdded(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var lists = ChangeLists()
        var model: [[UInt64]] = []
        for _ in 0..<50_000 {
            let list = random.below(min(model.count, 40) + 1)
            let last = model.indices.contains(list) ? model[list].last ?? 0 : 0
            let number: UInt64 = switch random.below(8) {
            case 0: random.next()
            case 1: last ^ ChangeLists.mark
            case 2: last
            default: (last & ~ChangeLists.mark) + UInt64(random.below(1 << random.below(30)))
            }
            if list == model.count { model.append([]) }
            if model[list].last != number { model[list].append(number) }
            lists.append(number, to: list)
        }
        var read: [UInt64] = []
        for list in model.indices {
            lists.read(list, into: &read)
            #expect(read == model[list])
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func batchesLeaveTheSetsThatTheyDescribe(_ seed: UInt64) throws {
        let path = "/tmp/muster-batch-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer {
            unlink(path)
            unlink(path + "-lock")
        }
        let environment = try Environment(path: path, mapSize: 1 << 30, flags: [.noSync])
        var random = SeededGenerator(seed: seed)
        var model: [[UInt8]: Set<UInt64>] = [:]
        let first = try environment.beginWrite()
        let database = try environment.database("indexes", in: first, create: true)
        try first.commit()
        for _ in 0..<30 {
            var batch = IndexBatch()
            for _ in 0..<2_000 {
                // Ids in any order, over several blocks; keys of which none is the beginning of another.
                let key = [UInt8(random.below(6)), 0, 1] + (random.below(3) == 0 ? Array("a longer key".utf8) : [])
                let id = UInt64(random.below(random.below(2) == 0 ? 300 : 40_000) + 1)
                if random.below(3) == 0 {
                    batch.remove(EntryID(rawValue: id), from: key.rawSpan)
                    model[key]?.remove(id)
                } else {
                    batch.add(EntryID(rawValue: id), to: key.rawSpan)
                    model[key, default: []].insert(id)
                }
            }
            var transaction = try environment.beginWrite()
            try batch.apply(to: &transaction, database: database) { _, _ in }
            try transaction.commit()
        }
        var found: [[UInt8]: Set<UInt64>] = [:]
        let transaction = try environment.beginRead()
        var pair = try transaction.first(in: database)
        while let current = pair {
            let key = Array(current.key.array.dropLast(4))
            guard let block = current.key.bigEndian32(key.count) else { break }
            var set = BlockSet()
            #expect(Container.decode(current.value, into: &set))
            #expect(!set.isEmpty)
            for offset in 0..<BlockSet.capacity where set.contains(offset) {
                found[key, default: []].insert(EntryID(block: block, offset: offset).rawValue)
            }
            pair = try transaction.next(in: database)
        }
        #expect(found == model.filter { !$0.value.isEmpty })
    }

    /// Sets grow in their stored form, without being unpacked, to the same bytes as if they were made anew.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func storedSetsGrowAsIfMadeAnew(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var grown = 0
        for _ in 0..<3_000 {
            var set = BlockSet()
            var place = random.below(300)
            let density = 1 + random.below(40)
            let count = 1 + random.below(random.below(2) == 0 ? 20 : 900)
            for _ in 0..<count where place < BlockSet.capacity {
                set.insert(place)
                place += random.below(3) == 0 ? 1 + random.below(density) : 1
            }
            var stored: [UInt8] = []
            Container.encode(set, into: &stored)
            // Behind the others, or anywhere.
            let from = random.below(3) == 0 ? 0 : place
            let more = Set((0..<(1 + random.below(12))).map { _ in
                min(from + random.below(1 + random.below(60)) + (from == 0 ? random.below(8000) : 0), BlockSet.capacity - 1)
            }).sorted()
            for offset in more { set.insert(offset) }
            var anew: [UInt8] = []
            Container.encode(set, into: &anew)
            var out: [UInt8] = [42]
            if Container.append(more.map { EntryID(block: 3, offset: $0).rawValue }[...], to: stored.rawSpan, into: &out) {
                grown += 1
                #expect(out.dropFirst() == anew[...])
            } else {
                #expect(out == [42])
            }
            var decoded = BlockSet()
            #expect(Container.decode(anew.rawSpan, into: &decoded))
            #expect(decoded.elementsEqual(set))
        }
        #expect(grown > 1_000)
    }

    @Test func listsAreChangedAsWhatTheyHoldWouldBe() {
        var random = SeededGenerator(seed: 8)
        var (changed, emptied) = (0, 0)
        for _ in 0..<20_000 {
            let range = 1 + random.below(random.below(2) == 0 ? 40 : BlockSet.capacity)
            var set = BlockSet()
            for _ in 0..<(1 + random.below(random.below(4) == 0 ? 300 : 12)) { set.insert(random.below(range)) }
            var stored: [UInt8] = []
            Container.encode(set, into: &stored)
            var changes: [UInt64] = []
            for _ in 0..<(1 + random.below(20)) {
                let known = set.first(from: random.below(range))
                let offset = random.below(3) > 0 ? known ?? 0 : random.below(range)
                let goes = random.below(3) > 0
                changes.append(EntryID(block: 3, offset: offset).rawValue | (goes ? ChangeLists.mark : 0))
                if goes { set.remove(offset) } else { set.insert(offset) }
            }
            var anew: [UInt8] = []
            if !set.isEmpty { Container.encode(set, into: &anew) }
            var out: [UInt8] = [42]
            if Container.change(changes[...], removal: ChangeLists.mark, in: stored.rawSpan, into: &out) {
                if set.isEmpty { emptied += 1 } else { changed += 1 }
                #expect(out.dropFirst() == anew[...])
            } else {
                #expect(out == [42])
            }
        }
        #expect(changed > 5_000 && emptied > 100)
    }
}
