import BER

/// Character classes of the grammars in RFC 4512 section 1.4 and RFC 4517 section 3.2.
enum CharacterClass {
    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    @inline(__always) static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
    @inline(__always) static func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }

    /// PrintableCharacter, RFC 4517 section 3.2.
    static func isPrintable(_ byte: UInt8) -> Bool {
        if isDigit(byte) || isLetter(byte) { return true }
        switch byte {
        // ' ( ) + , - . / : ? = and space
        case 0x27, 0x28, 0x29, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x3a, 0x3f, 0x3d, 0x20: return true
        default: return false
        }
    }

    /// The value of a hexadecimal digit; the caller has checked that it is one.
    @inline(__always) static func hexValue(_ byte: UInt8) -> UInt8 {
        isDigit(byte) ? byte &- 0x30 : (byte | 0x20) &- 0x61 &+ 10
    }
}

extension RawSpan {
    func allBytes(_ test: (UInt8) -> Bool) -> Bool {
        for index in 0..<byteCount where !test(self[at: index]) { return false }
        return true
    }

    /// Dotted decimal (RFC 4512 section 1.4, numericoid): at least two arcs, no leading zeros.
    var isNumericOID: Bool {
        var index = 0
        var arcs = 0
        while true {
            let start = index
            while index < byteCount, CharacterClass.isDigit(self[at: index]) { index += 1 }
            guard index > start, index == start + 1 || self[at: start] != 0x30 else { return false }
            arcs += 1
            if index == byteCount { return arcs >= 2 }
            guard self[at: index] == 0x2e else { return false }
            index += 1
        }
    }

    /// A short name (RFC 4512 section 1.4, descr): a letter, then letters, digits and hyphens.
    var isDescriptor: Bool {
        guard byteCount > 0, CharacterClass.isLetter(self[at: 0]) else { return false }
        return allBytes { CharacterClass.isLetter($0) || CharacterClass.isDigit($0) || $0 == 0x2d }
    }

    var isASCII: Bool { allBytes { $0 < 0x80 } }

    /// The code point that begins at a place and how many bytes it takes; nil when it is not UTF-8 (RFC 3629).
    func scalar(at index: Int) -> (value: UInt32, length: Int)? {
        let first = self[at: index]
        let length: Int
        var value: UInt32
        let least: UInt32
        switch first {
        case 0..<0x80: return (UInt32(first), 1)
        case 0xc2...0xdf: (length, value, least) = (2, UInt32(first & 0x1f), 0x80)
        case 0xe0...0xef: (length, value, least) = (3, UInt32(first & 0x0f), 0x800)
        case 0xf0...0xf4: (length, value, least) = (4, UInt32(first & 0x07), 0x1_0000)
        default: return nil
        }
        guard byteCount - index >= length else { return nil }
        for offset in 1..<length {
            let byte = self[at: index + offset]
            guard byte & 0xc0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3f)
        }
        guard value >= least, value <= 0x10_ffff, value & 0xffff_f800 != 0xd800 else { return nil }
        return (value, length)
    }
}
