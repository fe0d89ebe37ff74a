import BER
import CCrypto
import LDAP

/// Compares passwords with what is stored of them.
public enum PasswordVerifier {
    /// Whether a password is the stored one, which is `{SCHEME}…` or clear text.
    ///
    /// Compares in constant time. Broken and unknown forms are false: the hash of a scheme that is not supported must not serve as a
    /// password itself. So are values that ask for more work than the server gives.
    public static func verify(stored: [UInt8], password: [UInt8]) -> Bool { verify(stored: stored.rawSpan, password: password.rawSpan) }

    /// The same with borrowed bytes.
    public static func verify(stored: RawSpan, password: RawSpan) -> Bool {
        guard let end = endOfScheme(stored) else { return ConstantTime.isEqual(stored, password) }
        guard let scheme = PasswordScheme(named: stored.extracting(1..<end)) else { return false }
        return verify(scheme, stored.extracting((end + 1)..<stored.byteCount), password)
    }

    /// The same where it takes so little time (microseconds) that handing it to another thread would take longer: clear text and plain
    /// digests are cheap, schemes that are slow on purpose are not. Nil, and nothing is compared, if it would take long.
    public static func verifyIfCheap(stored: [UInt8], password: [UInt8]) -> Bool? {
        guard password.count <= 512 else { return nil }
        let stored = stored.rawSpan
        guard let end = endOfScheme(stored) else { return ConstantTime.isEqual(stored, password.rawSpan) }
        // A scheme that is not known is refused without hashing.
        guard let scheme = PasswordScheme(named: stored.extracting(1..<end)) else { return false }
        guard scheme.isCheap else { return nil }
        return verify(scheme, stored.extracting((end + 1)..<stored.byteCount), password.rawSpan)
    }

    private static func verify(_ scheme: PasswordScheme, _ rest: RawSpan, _ password: RawSpan) -> Bool {
        if let (digest, isSalted) = scheme.digest { return verify(digest, isSalted, rest, password) }
        if let digest = scheme.iterated { return PBKDF2.verify(rest, password, digest) }
        switch scheme {
        case .argon2: return Argon2(rest)?.verify(password) ?? false
        case .crypt: return UnixCrypt.verify(rest, password)
        case .scramSHA256: return SCRAMKeys(rest)?.verify(password) ?? false
        default: return ConstantTime.isEqual(rest, password)
        }
    }

    private static func verify(_ digest: PasswordDigest, _ isSalted: Bool, _ stored: RawSpan, _ password: RawSpan) -> Bool {
        guard let decoded = Base64.decode(stored), isSalted ? decoded.count > digest.size : decoded.count == digest.size else { return false }
        let expected = decoded.rawSpan.extracting(0..<digest.size)
        let salt = decoded.rawSpan.extracting(digest.size..<decoded.count)
        return digest.isHash(expected, of: password, salt: salt)
    }

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
