import Synchronization

/// A set of keys, by their hashes, that never says no of a key that it holds, and seldom yes of one that it does not (Bloom, 1970). All bits
/// of a key are in one word: to ask costs one miss of the processor's caches at most. Keys cannot be taken out.
///
/// Any thread may add and ask at any time.
@safe final class BloomFilter: @unchecked Sendable {
    // Sound: the words are atomic; the pointer is set in init, and what it points to is freed in deinit.
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    /// A power of two.
    private let count: Int

    /// - Parameter capacity: for so many keys about one in two hundred others is taken for one of them, for twice as many one in thirty.
    init(capacity: Int) {
        var count = 64
        // Sixteen bits a key.
        while count < capacity / 4 { count *= 2 }
        self.count = count
        unsafe words = .allocate(capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize(count: count)
        unsafe words.deallocate()
    }

    /// Bytes.
    var size: Int { count * 8 }

    private func place(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (count - 1) }

    /// Four bits, now and then fewer.
    private func bits(_ hash: UInt64) -> UInt64 {
        1 << (hash >> 40 & 63) | 1 << (hash >> 46 & 63) | 1 << (hash >> 52 & 63) | 1 << (hash >> 58)
    }

    func insert(_ hash: UInt64) {
        let bits = bits(hash)
        // Sound: the place is below the count.
        let word = unsafe words + place(hash)
        if unsafe word.pointee.load(ordering: .relaxed) & bits != bits { unsafe word.pointee.bitwiseOr(bits, ordering: .releasing) }
    }

    func mayContain(_ hash: UInt64) -> Bool {
        let bits = bits(hash)
        // Sound: as above.
        return unsafe (words + place(hash)).pointee.load(ordering: .acquiring) & bits == bits
    }
}
