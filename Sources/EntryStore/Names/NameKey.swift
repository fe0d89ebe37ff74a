import BER

/// Keys of the name tree: the parent's id, then the RDN in canonical form.
/// An RDN too long for a key is cut and gets a digest of the whole behind it.
enum NameKey {
    /// Longest canonical RDN that goes into a key whole.
    static let limit = 440

    static func append(parent: EntryID, rdn: RawSpan, to out: inout [UInt8]) {
        out.appendBigEndian(parent.rawValue)
        if rdn.byteCount <= limit {
            out.append(rdn)
        } else {
            out.append(rdn.slice(ByteRange(start: 0, count: limit)))
            // A cut key is longer than any whole one, so the two are never taken for each other.
            out.append(0xff)
            Digest.append(rdn, to: &out)
        }
    }
}

/// A 128-bit digest that stands for a value too long for a key. Not cryptographic: whoever relies on it for more than finding
/// candidates compares the value itself.
enum Digest {
    static func append(_ bytes: RawSpan, to out: inout [UInt8]) {
        var a: UInt64 = 0xcbf2_9ce4_8422_2325
        var b: UInt64 = 0x9e37_79b9_7f4a_7c15
        for index in 0..<bytes.byteCount {
            let byte = UInt64(bytes[at: index])
            a = (a ^ byte) &* 0x0000_0100_0000_01b3
            b = (b &+ byte) &* 0xff51_afd7_ed55_8ccd
            b ^= b >> 32
        }
        out.appendBigEndian(a)
        out.appendBigEndian(b)
    }
}

extension [UInt8] {
    mutating func appendBigEndian(_ number: UInt64) {
        // Sound: the bytes of an integer are initialised and have no padding.
        unsafe Swift.withUnsafeBytes(of: number.bigEndian) { unsafe append(contentsOf: $0) }
    }

    mutating func appendBigEndian(_ number: UInt32) {
        // Sound: the bytes of an integer are initialised and have no padding.
        unsafe Swift.withUnsafeBytes(of: number.bigEndian) { unsafe append(contentsOf: $0) }
    }
}

extension RawSpan {
    /// Whether a byte is zero; eight at a time.
    var containsZero: Bool {
        var index = 0
        while index <= byteCount - 8 {
            // Sound: eight bytes are left; any eight bytes are a UInt64.
            let word = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            if (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 { return true }
            index += 8
        }
        while index < byteCount {
            if self[at: index] == 0 { return true }
            index += 1
        }
        return false
    }

    /// A big-endian 64-bit number; nil outside the bytes.
    func bigEndian64(_ offset: Int = 0) -> UInt64? {
        guard offset >= 0, offset <= byteCount - 8 else { return nil }
        // Sound: the place was just checked; any eight bytes are a UInt64.
        return UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// A big-endian 32-bit number; nil outside the bytes.
    func bigEndian32(_ offset: Int) -> UInt32? {
        guard offset >= 0, offset <= byteCount - 4 else { return nil }
        // Sound: the place was just checked; any four bytes are a UInt32.
        return UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    }
}
