/// A set of entry ids inside one block of 8,192 neighbours, as a bitmap of 1 KiB: what set operations work on.
struct BlockSet: Sendable {
    /// Bits of an id that number it inside its block.
    static let bits = 13
    static let capacity = 1 << bits
    static let wordCount = capacity / 64

    var words: InlineArray<128, UInt64>

    init() { words = InlineArray(repeating: 0) }

    var isEmpty: Bool {
        var all: UInt64 = 0
        for index in 0..<Self.wordCount { all |= words[index] }
        return all == 0
    }

    var count: Int {
        var total = 0
        for index in 0..<Self.wordCount { total &+= words[index].nonzeroBitCount }
        return total
    }

    mutating func removeAll() { words = InlineArray(repeating: 0) }

    func contains(_ offset: Int) -> Bool { words[offset >> 6] & (1 << UInt64(offset & 63)) != 0 }
    mutating func insert(_ offset: Int) { words[offset >> 6] |= 1 << UInt64(offset & 63) }
    mutating func remove(_ offset: Int) { words[offset >> 6] &= ~(1 << UInt64(offset & 63)) }

    mutating func formUnion(_ other: borrowing BlockSet) {
        for index in 0..<Self.wordCount { words[index] |= other.words[index] }
    }

    mutating func formIntersection(_ other: borrowing BlockSet) {
        for index in 0..<Self.wordCount { words[index] &= other.words[index] }
    }

    /// The first member at or after an offset.
    func first(from offset: Int) -> Int? {
        guard offset < Self.capacity else { return nil }
        var index = offset >> 6
        var word = words[index] & (~0 << UInt64(offset & 63))
        while word == 0 {
            index += 1
            guard index < Self.wordCount else { return nil }
            word = words[index]
        }
        return index << 6 | word.trailingZeroBitCount
    }

    /// Adds all offsets of a range.
    mutating func insert(_ range: ClosedRange<Int>) {
        for offset in range { insert(offset) }
    }
}
