import BER
import CCrypto
import LDAP

/// Compares passwords with what is stored of them.
public enum PasswordVerifier {
    /// Whether a password is the stored one, which is `{SCHEME}…` or clear text.
    ///
    /// Compares in constant time. Broken and unknown forms are false: the hash of a scheme that is not supported must not serve as a
    /// password itself.
    public static func verify(stored: [UInt8], password: [UInt8]) -> Bool { verify(stored: stored.rawSpan, password: password.rawSpan) }

    /// The same with borrowed bytes.
    public static func verify(stored: RawSpan, password: RawSpan) -> Bool {
        guard let end = endOfScheme(stored) else { return isEqual(stored, password) }
        guard let scheme = PasswordScheme(named: stored.extracting(1..<end)) else { return false }
        let rest = stored.extracting((end + 1)..<stored.byteCount)
        guard let (digest, isSalted) = scheme.digest else { return isEqual(rest, password) }
        guard let decoded = Base64.decode(rest), isSalted ? decoded.count > digest.size : decoded.count == digest.size else { return false }
        let expected = decoded.rawSpan.extracting(0..<digest.size)
        let salt = decoded.rawSpan.extracting(digest.size..<decoded.count)
        guard let found = digest.hash(password, salt: salt) else { return false }
        return isEqual(found.rawSpan, expected)
    }

    /// Whether comparing takes so little time (microseconds) that handing it to another thread would take longer: clear text and
    /// plain digests are cheap, schemes that are slow on purpose are not.
    public static func isCheap(stored: [UInt8], password: [UInt8]) -> Bool {
        guard password.count <= 512 else { return false }
        guard let end = endOfScheme(stored.rawSpan) else { return true }
        // A scheme that is not known is refused without hashing.
        guard let scheme = PasswordScheme(named: stored.rawSpan.extracting(1..<end)) else { return true }
        return scheme == .clear || scheme.digest != nil
    }

    /// Where the closing brace of `{SCHEME}` is; nil for clear text.
    private static func endOfScheme(_ stored: RawSpan) -> Int? {
        guard stored.byteCount > 2, stored[at: 0] == UInt8(ascii: "{") else { return nil }
        for index in 1..<min(stored.byteCount, 40) {
            switch stored[at: index] {
            case UInt8(ascii: "}"): return index > 1 ? index : nil
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "."):
                continue
            default: return nil
            }
        }
        return nil
    }

    private static func isEqual(_ a: RawSpan, _ b: RawSpan) -> Bool {
        guard a.byteCount == b.byteCount else { return false }
        if a.byteCount == 0 { return true }
        return a.withUnsafeBytes { a in b.withUnsafeBytes { b in CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0 } }
    }
}
