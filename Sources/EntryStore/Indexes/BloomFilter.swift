import Synchronization

/// A set of keys, by their hashes, that never says no of a key that it holds, and seldom yes of one that it does not (Bloom, 1970). All bits
/// of a key are in one word: to ask costs one miss of the processor's caches at most. Keys cannot be taken out.
///
/// Any thread may add and ask at any time.
final class BloomFilter: Sendable {
    private let words: SharedWords<UInt64>

    /// Nil if there is no memory for it.
    /// - Parameter capacity: for so many keys about one in two hundred others is taken for one of them, for twice as many one in thirty.
    init?(capacity: Int) {
        var count = 64
        // Sixteen bits a key.
        while count < capacity / 4 { count *= 2 }
        guard let words = SharedWords<UInt64>(count: count) else { return nil }
        self.words = words
    }

    /// Bytes.
    var size: Int { words.count * 8 }

    private func place(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (words.count - 1) }

    /// Four bits, now and then fewer.
    private func bits(_ hash: UInt64) -> UInt64 {
        1 << (hash >> 40 & 63) | 1 << (hash >> 46 & 63) | 1 << (hash >> 52 & 63) | 1 << (hash >> 58)
    }

    func insert(_ hash: UInt64) {
        let bits = bits(hash)
        let place = place(hash)
        if words[place].load(ordering: .relaxed) & bits != bits { words[place].bitwiseOr(bits, ordering: .releasing) }
    }

    func mayContain(_ hash: UInt64) -> Bool {
        let bits = bits(hash)
        return words[place(hash)].load(ordering: .acquiring) & bits == bits
    }
}
