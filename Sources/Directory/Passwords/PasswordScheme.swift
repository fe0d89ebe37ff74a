import BER
import LDAP

/// A way to store passwords in `userPassword` (RFC 2307 section 5.3 and its successors): how new ones are stored, and which stored
/// ones can be verified.
public enum PasswordScheme: String, Sendable, CaseIterable {
    /// Digests with a salt.
    case ssha, ssha256, ssha384, ssha512, smd5
    /// Digests without: equal passwords look equal. Only for what is stored so already.
    case sha, sha256, sha384, sha512, md5
    /// PBKDF2 (RFC 8018) in the form of OpenLDAP's module pw-pbkdf2; without a suffix with SHA-1.
    case pbkdf2 = "pbkdf2", pbkdf2SHA1 = "pbkdf2-sha1", pbkdf2SHA256 = "pbkdf2-sha256", pbkdf2SHA512 = "pbkdf2-sha512"
    /// Argon2 (RFC 9106) as a PHC string, as OpenLDAP's module pw-argon2 stores it.
    case argon2
    /// What the system's `crypt` knows.
    case crypt
    /// The keys of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677), as Dovecot stores them: `ITERATIONS,SALT,STORED KEY,SERVER KEY`.
    case scramSHA256 = "scram-sha-256"
    case clear = "cleartext"

    private static let names = allCases.map { (scheme: $0, key: key(Array($0.rawValue.utf8).rawSpan)) }

    /// The scheme of a name without braces, in any case.
    public init?(named name: RawSpan) {
        guard let key = Self.key(name), let known = Self.names.first(where: { $0.key == key }) else { return nil }
        self = known.scheme
    }

    /// A name in lower case as a number: comparing it with all names costs less than comparing octets with some. Nil if it is longer than
    /// any name is.
    private static func key(_ name: RawSpan) -> UInt128? {
        guard name.byteCount <= 15 else { return nil }
        var key: UInt128 = 1
        for index in 0..<name.byteCount {
            let octet = name[at: index]
            key = key << 8 | UInt128(0x41...0x5a ~= octet ? octet | 0x20 : octet)
        }
        return key
    }

    /// What stands in front of stored values: `{SSHA512}`.
    public var prefix: String { "{\(rawValue.uppercased())}" }

    /// The digest of a scheme that is one, and whether a salt is hashed with the password.
    var digest: (digest: PasswordDigest, isSalted: Bool)? {
        switch self {
        case .ssha: (.sha1, true)
        case .ssha256: (.sha256, true)
        case .ssha384: (.sha384, true)
        case .ssha512: (.sha512, true)
        case .smd5: (.md5, true)
        case .sha: (.sha1, false)
        case .sha256: (.sha256, false)
        case .sha384: (.sha384, false)
        case .sha512: (.sha512, false)
        case .md5: (.md5, false)
        default: nil
        }
    }

    /// The digest that PBKDF2 iterates.
    var iterated: PasswordDigest? {
        switch self {
        case .pbkdf2, .pbkdf2SHA1: .sha1
        case .pbkdf2SHA256: .sha256
        case .pbkdf2SHA512: .sha512
        default: nil
        }
    }

    /// Whether verifying takes so little time (microseconds) that handing it to another thread would take longer.
    var isCheap: Bool { self == .clear || digest != nil }
}
