import BER

/// A byte string of at most eight octets, held in a register.
struct ShortKey: Equatable {
    static let limit = 8

    /// The octets from the top down; zeros below them.
    let word: UInt64
    /// How many octets count.
    let count: Int

    @inline(__always)
    init(word: UInt64, count: Int) {
        self.word = word
        self.count = count
    }

    /// Nil if the bytes are too many.
    init?(_ bytes: RawSpan) {
        guard bytes.byteCount <= Self.limit else { return nil }
        var word: UInt64 = 0
        for index in 0..<bytes.byteCount { word |= UInt64(bytes[at: index]) << UInt64(56 - index * 8) }
        self.init(word: word, count: bytes.byteCount)
    }

    func append(to out: inout [UInt8]) {
        for index in 0..<count { out.append(UInt8(truncatingIfNeeded: word >> UInt64(56 - index * 8))) }
    }
}
