import BER

extension RawSpan {
    /// Whether the bytes are well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF.
    public var isUTF8: Bool {
        let count = byteCount
        var index = 0
        while index < count {
            // Sound: eight bytes from `index` lie inside the span; any bit pattern is a UInt64.
            while index &+ 8 <= count,
                unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index &+= 8
            }
            guard index < count else { break }
            let lead = self[at: index]
            if lead < 0x80 {
                index += 1
                continue
            }
            let length: Int
            // Bounds of the second byte shut out overlong forms, surrogates and what lies beyond U+10FFFF.
            var lowest: UInt8 = 0x80
            var highest: UInt8 = 0xbf
            switch lead {
            case 0xc2...0xdf: length = 2
            case 0xe0: (length, lowest) = (3, 0xa0)
            case 0xed: (length, highest) = (3, 0x9f)
            case 0xe1...0xef: length = 3
            case 0xf0: (length, lowest) = (4, 0x90)
            case 0xf1...0xf3: length = 4
            case 0xf4: (length, highest) = (4, 0x8f)
            default: return false
            }
            guard count - index >= length else { return false }
            let second = self[at: index + 1]
            guard second >= lowest, second <= highest else { return false }
            var next = index + 2
            while next < index + length {
                guard self[at: next] & 0xc0 == 0x80 else { return false }
                next += 1
            }
            index += length
        }
        return true
    }
}

extension String {
    /// The string that these bytes are in UTF-8; nil if they are not UTF-8.
    public init?(utf8 bytes: RawSpan) {
        // `String(validating:as:)` goes through generic code at run time; this way is several times faster.
        guard bytes.isUTF8 else { return nil }
        // Sound: the pointer is used only inside the closure, within the counted bytes.
        self = unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension UInt8 {
    /// The value of an ASCII hexadecimal digit.
    var hexDigitValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x37
        case 0x61...0x66: self - 0x57
        default: nil
        }
    }

    var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }
    var isASCIIDigit: Bool { self &- 0x30 < 10 }
    /// keychar of RFC 4512 section 1.4: letter, digit or hyphen.
    var isKeyCharacter: Bool { isASCIILetter || isASCIIDigit || self == 0x2d }
    /// A capital ASCII letter as a small one, everything else as it is.
    @inlinable public var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}

extension Array where Element == UInt8 {
    /// Appends a byte as two hexadecimal digits.
    mutating func appendHex(_ byte: UInt8, uppercase: Bool) {
        let letters: UInt8 = uppercase ? 0x37 : 0x57
        let high = byte >> 4
        let low = byte & 0x0f
        append(high < 10 ? 0x30 + high : letters + high)
        append(low < 10 ? 0x30 + low : letters + low)
    }
}

extension RawSpan {
    /// Whether the bytes are these ASCII characters (small letters), in any case.
    func equalsIgnoringCase(_ word: StaticString) -> Bool {
        guard byteCount == word.utf8CodeUnitCount else { return false }
        for index in 0..<byteCount {
            // Sound: `index` is below the length of the static string, which lives for ever.
            guard self[at: index].asciiLowercased == (unsafe word.utf8Start[index]) else { return false }
        }
        return true
    }

    /// Whether both hold the same bytes but for the case of ASCII letters.
    public func equalsIgnoringCase(_ other: borrowing RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        for index in 0..<byteCount where self[at: index] != other[at: index] {
            guard self[at: index].asciiLowercased == other[at: index].asciiLowercased else { return false }
        }
        return true
    }
}
