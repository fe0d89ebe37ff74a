import BER
@testable import EntryStore
import SeededRandom
import Testing

/// What the write-ahead log has of index changes: they come out of it as they went in, and nothing else is taken for them.
struct IndexBatchWordsTests {
    private func batch(_ random: inout SeededGenerator) -> IndexBatch {
        var batch = IndexBatch()
        for _ in 0..<random.below(40) {
            let key = (0..<(1 + random.below(30))).map { _ in UInt8(random.below(3)) }
            for _ in 0..<(1 + random.below(20)) {
                let id = EntryID(rawValue: UInt64(1 + random.below(200_000)))
                if random.below(3) == 0 { batch.remove(id, from: key.span.bytes) } else { batch.add(id, to: key.span.bytes) }
            }
        }
        return batch
    }

    /// By key and block, what the changes make of a set in which every other entry is.
    private func made(of batch: IndexBatch) -> [[UInt8]: [Int]] {
        var sets: [[UInt8]: [Int]] = [:]
        batch.forEachBlock { pair, changes in
            var set = BlockSet()
            for offset in 0..<(BlockSet.capacity / 2) { set.insert(offset * 2) }
            changes.apply(to: &set)
            sets[pair.array] = (0..<BlockSet.capacity).filter { set.first(from: $0) == $0 }
        }
        return sets
    }

    @Test(arguments: 0..<20) func changesComeOutAsTheyWentIn(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let batch = batch(&random)
        let words = batch.words
        let read = IndexBatch(words: words.span.bytes)
        let again = try #require(read)
        #expect(again.words == words)
        #expect(made(of: again) == made(of: batch))
    }

    @Test(arguments: 0..<200) func damagedWordsAreNoChangesOrOthers(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var words = batch(&random).words
        for _ in 0..<(1 + random.below(4)) where !words.isEmpty { words[random.below(words.count)] = UInt8(random.below(256)) }
        words.removeLast(random.below(words.count + 1))
        if let read = IndexBatch(words: words.span.bytes) { #expect(read.isEmpty == words.isEmpty) }
    }
}
