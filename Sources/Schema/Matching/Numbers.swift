import BER

/// INTEGER (RFC 4517 section 3.3.16) of any size in a form whose bytes sort as the numbers do.
enum Numbers {
    /// Parts of an integer's text: its digits without the sign. Nil when the text is not an integer: a sign other than `-`,
    /// leading zeros or `-0` are not allowed.
    static func digits(_ value: RawSpan) -> (isNegative: Bool, start: Int)? {
        let count = value.byteCount
        guard count > 0 else { return nil }
        let isNegative = value[at: 0] == 0x2d
        let start = isNegative ? 1 : 0
        guard count > start else { return nil }
        for index in start..<count where !CharacterClass.isDigit(value[at: index]) { return nil }
        if value[at: start] == 0x30 && (count > start + 1 || isNegative) { return nil }
        return (isNegative, start)
    }

    /// Appends a sign octet, the number of digits, and the digits; those of negative numbers complemented.
    ///
    /// Sign: 0x7f negative, 0x80 zero, 0x81 positive. Number of digits: one octet up to 254, else 0xff and four octets.
    static func append(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        guard let (isNegative, start) = digits(value) else { return false }
        let count = value.byteCount - start
        if count == 1, value[at: start] == 0x30 {
            out.append(0x80)
            return true
        }
        let flip: UInt8 = isNegative ? 0xff : 0
        out.append(isNegative ? 0x7f : 0x81)
        if count < 0xff {
            out.append(UInt8(count) ^ flip)
        } else {
            out.append(0xff ^ flip)
            for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: count >> shift) ^ flip) }
        }
        for index in start..<value.byteCount { out.append(value[at: index] ^ flip) }
        return true
    }
}
