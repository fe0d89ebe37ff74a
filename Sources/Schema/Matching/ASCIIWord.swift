import BER

/// Eight bytes at a time: what the loops over ASCII strings do in one step instead of eight.
enum ASCIIWord {
    @inline(__always) private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    @inline(__always) private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// Eight bytes from a place. The place is checked.
    @inline(__always)
    static func load(_ span: borrowing RawSpan, _ offset: Int) -> UInt64 {
        span.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// The last one to seven bytes, filled up with zeros.
    @inline(__always)
    static func loadTail(_ span: borrowing RawSpan, _ offset: Int) -> UInt64 {
        var word: UInt64 = 0
        var shift: UInt64 = 0
        for index in offset..<span.byteCount {
            word |= UInt64(span[at: index]) << shift
            shift &+= 8
        }
        return UInt64(littleEndian: word)
    }

    /// Whether each byte is a visible ASCII character: neither space nor control, and nothing beyond ASCII.
    @inline(__always)
    static func isVisible(_ word: UInt64) -> Bool {
        // Below 0x80 each: taking 0x21 away borrows from a smaller byte, adding one to 0x7f carries into its high bit.
        word & highs == 0 && (word &- ones &* 0x21) & highs == 0 && (word &+ ones) & highs == 0
    }

    /// ASCII letters in lower case; all other bytes as they are.
    @inline(__always)
    static func lowercased(_ word: UInt64) -> UInt64 {
        let low = word & ~highs
        let upper = (low &+ ones &* (0x80 - 0x41)) & ~(low &+ ones &* (0x80 - 0x5b)) & ~word & highs
        return word | upper >> 2
    }
}
