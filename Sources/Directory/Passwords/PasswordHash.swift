import BER
import LDAP

/// How new passwords are stored.
public struct PasswordHashing: Sendable, Hashable {
    public var scheme = PasswordScheme.argon2
    public var argon2 = Argon2Parameters()
    /// Of PBKDF2; OWASP's advice for SHA-512.
    public var iterations = 210_000

    public init() {}

    /// Whether a stored value is as a new one would be, but for the salt.
    func isCurrent(_ stored: StoredPassword) -> Bool {
        switch stored.form {
        case .clear: return scheme == .clear
        case .digest(let found, _, _): return found == scheme
        case .scheme(.argon2, let start) where scheme == .argon2:
            return Argon2(stored.value.rawSpan.extracting(start..<stored.value.count)).map { $0.parameters == argon2 } ?? false
        case .scheme(let found, _): return found == scheme
        case .nothing: return false
        }
    }

    /// What to store of a password: `{SCHEME}…`, with a fresh salt where the scheme has one; clear text as it is, unless it looks
    /// like a scheme itself. Takes tens of milliseconds with slow schemes.
    /// - Throws: `other` if a library fails; `constraintViolation` for a password that the scheme cannot take.
    public func hash(_ password: [UInt8]) throws(LDAPError) -> [UInt8] {
        let prefix = Array(scheme.prefix.utf8)
        switch scheme {
        case .clear: return password.first == UInt8(ascii: "{") ? prefix + password : password
        case .argon2: return prefix + (try Argon2(password, argon2).text)
        case .crypt: return prefix + (try UnixCrypt.hash(password))
        case .scramSHA256:
            return prefix
                + (try SCRAMKeys(password.rawSpan, salt: RandomBytes.make(16), iterations: SCRAMKeys.defaultIterations).text)
        case .pbkdf2, .pbkdf2SHA1, .pbkdf2SHA256, .pbkdf2SHA512:
            return prefix + (try PBKDF2.hash(password, scheme.iterated ?? .sha1, iterations: iterations))
        case .ssha, .ssha256, .ssha384, .ssha512, .smd5, .sha, .sha256, .sha384, .sha512, .md5:
            guard let (digest, isSalted) = scheme.digest else { throw LDAPError(.other, "the scheme has no digest") }
            let salt = isSalted ? try RandomBytes.make(16) : []
            guard let hash = digest.hash(password.rawSpan, salt: salt.rawSpan) else {
                throw LDAPError(.other, "the password could not be hashed")
            }
            var stored = prefix
            Base64.encode((hash + salt).rawSpan, into: &stored)
            return stored
        }
    }
}
