import BER
import CCrypto
import LDAP

/// Compares passwords with what is stored of them.
public enum PasswordVerifier {
    /// Whether a password is the stored one, which is `{SCHEME}…` or clear text.
    ///
    /// Compares in constant time. Broken and unknown forms are false: the hash of a scheme that is not supported must not serve as a
    /// password itself. So are values that ask for more work than the server gives.
    public static func verify(stored: [UInt8], password: [UInt8]) -> Bool { StoredPassword(stored).verify(password.rawSpan) }

    /// The scheme of a stored value and where what follows it begins; nil for clear text and unknown schemes.
    static func split(_ stored: RawSpan) -> (scheme: PasswordScheme, rest: Int)? {
        guard let end = endOfScheme(stored), let scheme = PasswordScheme(named: stored.extracting(1..<end)) else { return nil }
        return (scheme, end + 1)
    }

    /// The password itself, of a value that is stored in clear; nil if it is hashed.
    public static func clearText(_ stored: [UInt8]) -> [UInt8]? {
        guard let end = endOfScheme(stored.rawSpan) else { return stored }
        guard let (scheme, rest) = split(stored.rawSpan), end + 1 == rest, scheme == .clear else { return nil }
        return Array(stored[rest...])
    }

    /// Where the closing brace of `{SCHEME}` is; nil for clear text.
    static func endOfScheme(_ stored: RawSpan) -> Int? {
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
}

/// Comparisons whose time tells nothing of the bytes.
enum ConstantTime {
    static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { isEqual(a.rawSpan, b.rawSpan) }

    static func isEqual(_ a: RawSpan, _ b: RawSpan) -> Bool {
        guard a.byteCount == b.byteCount else { return false }
        if a.byteCount == 0 { return true }
        return a.withUnsafeBytes { a in b.withUnsafeBytes { b in CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0 } }
    }
}
