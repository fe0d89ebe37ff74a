import BER
import CCrypto

/// Comparisons whose time tells nothing of the bytes.
enum ConstantTime {
    static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { isEqual(a.rawSpan, b.rawSpan) }

    static func isEqual(_ a: RawSpan, _ b: RawSpan) -> Bool {
        guard a.byteCount == b.byteCount else { return false }
        if a.byteCount == 0 { return true }
        return a.withUnsafeBytes { a in b.withUnsafeBytes { b in CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0 } }
    }
}
