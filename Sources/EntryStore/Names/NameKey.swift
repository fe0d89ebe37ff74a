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
        for shift in stride(from: UInt64(56), through: 0, by: -8) { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func appendBigEndian(_ number: UInt32) {
        for shift in stride(from: UInt32(24), through: 0, by: -8) { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}

extension RawSpan {
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
