/// A set of entry ids inside one block of 8,192 neighbours, as a bitmap of 1 KiB: what set operations work on.
struct BlockSet: Sendable {
    /// Bits of an id that number it inside its block.
    static let bits = 13
    static let capacity = 1 << bits
    static let wordCount = capacity / 64

    var words: InlineArray<128, UInt64>

    init() { words = InlineArray(repeating: 0) }

    var isEmpty: Bool {
        // Through spans throughout: reading an element of an inline array by itself may copy all of it.
        let words = words.span
        var all: UInt64 = 0
        for index in 0..<Self.wordCount { all |= words[index] }
        return all == 0
    }

    var count: Int {
        let words = words.span
        var total = 0
        for index in 0..<Self.wordCount { total &+= words[index].nonzeroBitCount }
        return total
    }

    mutating func removeAll() { words = InlineArray(repeating: 0) }

    func contains(_ offset: Int) -> Bool {
        let words = words.span
        return words[offset >> 6] & (1 << UInt64(offset & 63)) != 0
    }

    mutating func insert(_ offset: Int) {
        var words = self.words.mutableSpan
        words[offset >> 6] |= 1 << UInt64(offset & 63)
    }

    mutating func remove(_ offset: Int) {
        var words = self.words.mutableSpan
        words[offset >> 6] &= ~(1 << UInt64(offset & 63))
    }

    mutating func formUnion(_ other: borrowing BlockSet) {
        let others = other.words.span
        var words = self.words.mutableSpan
        for index in 0..<Self.wordCount { words[index] |= others[index] }
    }

    mutating func formIntersection(_ other: borrowing BlockSet) {
        let others = other.words.span
        var words = self.words.mutableSpan
        for index in 0..<Self.wordCount { words[index] &= others[index] }
    }

    mutating func subtract(_ other: borrowing BlockSet) {
        let others = other.words.span
        var words = self.words.mutableSpan
        for index in 0..<Self.wordCount { words[index] &= ~others[index] }
    }

    /// The first member at or after an offset.
    func first(from offset: Int) -> Int? { Self.first(in: words.span, from: offset) }

    /// The same of a set's words, for who asks again and again: a set that is variable is copied for each call of a method.
    @inline(__always)
    static func first(in words: borrowing Span<UInt64>, from offset: Int) -> Int? {
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

    /// The first offset at or after one that is no member; the capacity if there is none.
    func firstMissing(from offset: Int) -> Int {
        guard offset < Self.capacity else { return Self.capacity }
        let words = words.span
        var index = offset >> 6
        var word = ~words[index] & (~0 << UInt64(offset & 63))
        while word == 0 {
            index += 1
            guard index < Self.wordCount else { return Self.capacity }
            word = ~words[index]
        }
        return index << 6 | word.trailingZeroBitCount
    }

    /// Adds all offsets of a range.
    mutating func insert(_ range: ClosedRange<Int>) {
        var words = self.words.mutableSpan
        let (first, last) = (range.lowerBound, min(range.upperBound, Self.capacity - 1))
        guard first <= last else { return }
        for index in (first >> 6)...(last >> 6) {
            var mask: UInt64 = ~0
            if index == first >> 6 { mask &= ~0 << UInt64(first & 63) }
            if index == last >> 6 { mask &= ~0 >> UInt64(63 - last & 63) }
            words[index] |= mask
        }
    }

    /// Adds all offsets that another set does not have.
    mutating func formUnion(complementOf other: borrowing BlockSet) {
        let others = other.words.span
        var words = self.words.mutableSpan
        for index in 0..<Self.wordCount { words[index] |= ~others[index] }
    }

    func elementsEqual(_ other: borrowing BlockSet) -> Bool {
        let words = words.span
        let others = other.words.span
        for index in 0..<Self.wordCount where words[index] != others[index] { return false }
        return true
    }
}
