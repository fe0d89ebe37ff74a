import BER

/// Hashes that nobody outside can foresee, others in each process: nobody can prepare octets that collide.
public enum OctetHash {
    /// Where a hash begins.
    public static let seed = UInt64.random(in: 0 ... .max)

    /// The hash of octets.
    public static func hash(_ octets: RawSpan) -> UInt64 {
        var hash: UInt64 = seed ^ UInt64(octets.byteCount)
        var index = 0
        while index + 8 <= octets.byteCount {
            // Sound: eight bytes are left, and any eight bytes are a UInt64.
            hash = mix(hash, unsafe octets.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
            index += 8
        }
        var tail: UInt64 = 0
        while index < octets.byteCount {
            tail = tail << 8 | UInt64(octets[at: index])
            index += 1
        }
        return mix(hash, tail)
    }

    /// Takes another word into a hash. All bits of the result depend on all of both.
    @inlinable @inline(__always)
    public static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low
    }
}
