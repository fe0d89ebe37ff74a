import BER

/// INTEGER in DER (X.690 section 8.3): two's complement, most significant octet first.
enum DERInteger {
    /// Serial numbers have twenty octets at most (RFC 5280 section 4.1.2.2); some issuers did not know.
    static let maximumOctets = 128

    /// Without octets that say nothing.
    static func shortest(_ octets: [UInt8]) -> [UInt8] {
        var start = 0
        while start + 1 < octets.count, octets[start] == 0 && octets[start + 1] < 0x80 || octets[start] == 0xff && octets[start + 1] >= 0x80 {
            start += 1
        }
        return start == 0 ? octets : Array(octets[start...])
    }

    /// A decimal number's contents; nil for other text and for numbers beyond the limit.
    static func contents(decimal text: [UInt8]) -> [UInt8]? {
        guard let (isNegative, start) = Numbers.digits(text.rawSpan), text.count <= 2 * maximumOctets else { return nil }
        // Little-endian while it grows.
        var octets: [UInt8] = [0]
        for digit in text[start...] {
            var carry = Int(digit &- 0x30)
            for index in octets.indices {
                carry += Int(octets[index]) * 10
                octets[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { octets.append(UInt8(truncatingIfNeeded: carry)) }
        }
        octets.append(0)
        if isNegative {
            var carry = 1
            for index in octets.indices {
                carry += Int(~octets[index])
                octets[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
        }
        let contents = shortest(octets.reversed())
        return contents.count <= maximumOctets ? contents : nil
    }

    /// Whether one number is smaller than another; both as short as can be.
    static func isLess(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        let negative = ((a.first ?? 0) >= 0x80, (b.first ?? 0) >= 0x80)
        if negative.0 != negative.1 { return negative.0 }
        if a.count != b.count { return (a.count < b.count) != negative.0 }
        return a.lexicographicallyPrecedes(b)
    }
}

/// OBJECT IDENTIFIER in DER (X.690 section 8.19).
enum DERObjectIdentifier {
    /// Contents for dotted decimal; nil when the first arcs are none that there can be, or an arc is beyond 128 bits.
    static func contents(dotted: [UInt8]) -> [UInt8]? {
        var arcs: [UInt128] = []
        for part in dotted.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard let arc = UInt128(String(decoding: part, as: UTF8.self)) else { return nil }
            arcs.append(arc)
        }
        guard arcs.count >= 2, arcs[0] <= 2, arcs[0] == 2 || arcs[1] < 40 else { return nil }
        let (first, overflow) = arcs[1].addingReportingOverflow(arcs[0] * 40)
        guard !overflow else { return nil }
        var contents: [UInt8] = []
        for arc in [first] + arcs[2...] {
            var septets = [UInt8(truncatingIfNeeded: arc & 0x7f)]
            var rest = arc >> 7
            while rest > 0 {
                septets.append(UInt8(truncatingIfNeeded: rest & 0x7f) | 0x80)
                rest >>= 7
            }
            contents.append(contentsOf: septets.reversed())
        }
        return contents
    }
}

/// BIT STRING in DER (X.690 section 8.6).
enum DERBitString {
    /// Whether a bit is one; bits behind the end are zero. Nil for contents that are no bit string.
    static func has(_ bit: Int, _ contents: RawSpan) -> Bool? {
        guard !contents.isEmpty else { return nil }
        let unused = Int(contents[at: 0])
        let count = (contents.byteCount - 1) * 8 - unused
        guard unused < 8, count >= 0 else { return nil }
        return bit < count && contents[at: 1 + bit / 8] & 0x80 >> UInt8(bit % 8) != 0
    }
}
