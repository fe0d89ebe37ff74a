import BER
import LDAP

/// A value of `userPassword`, taken apart once for all comparisons with it.
struct StoredPassword: Sendable {
    /// `{SCHEME}…` or clear text.
    let value: [UInt8]
    private let form: Form

    private enum Form: Sendable {
        case clear
        /// The digest, followed by the salt.
        case digest(PasswordDigest, [UInt8])
        /// What the scheme is about begins there.
        case scheme(PasswordScheme, Int)
        /// Broken, or of a scheme that is not known: the hash must not serve as a password itself.
        case nothing
    }

    init(_ value: [UInt8]) {
        self.value = value
        form = Self.form(value.rawSpan)
    }

    private static func form(_ value: RawSpan) -> Form {
        guard let end = PasswordVerifier.endOfScheme(value) else { return .clear }
        guard let scheme = PasswordScheme(named: value.extracting(1..<end)) else { return .nothing }
        guard let (digest, isSalted) = scheme.digest else { return .scheme(scheme, end + 1) }
        guard let decoded = Base64.decode(value.extracting((end + 1)..<value.byteCount)),
            isSalted ? decoded.count > digest.size : decoded.count == digest.size
        else { return .nothing }
        return .digest(digest, decoded)
    }

    /// Whether comparing takes so little time (microseconds) that handing it to another thread would take longer: clear text and plain digests are
    /// cheap, schemes that are slow on purpose are not.
    func isCheap(for password: [UInt8]) -> Bool {
        if password.count > 512 { return false }
        if case .scheme(let scheme, _) = form { return scheme.isCheap }
        return true
    }

    /// Whether a password is this one. Compares in constant time. Values that ask for more work than the server gives are nobody's password.
    func verify(_ password: RawSpan) -> Bool {
        switch form {
        case .clear: return ConstantTime.isEqual(value.rawSpan, password)
        case .digest(let digest, let bytes):
            let expected = bytes.rawSpan.extracting(0..<digest.size)
            return digest.isHash(expected, of: password, salt: bytes.rawSpan.extracting(digest.size..<bytes.count))
        case .scheme(let scheme, let start): return Self.verify(scheme, value.rawSpan.extracting(start..<value.count), password)
        case .nothing: return false
        }
    }

    private static func verify(_ scheme: PasswordScheme, _ rest: RawSpan, _ password: RawSpan) -> Bool {
        if let digest = scheme.iterated { return PBKDF2.verify(rest, password, digest) }
        switch scheme {
        case .argon2: return Argon2(rest)?.verify(password) ?? false
        case .crypt: return UnixCrypt.verify(rest, password)
        case .scramSHA256: return SCRAMKeys(rest)?.verify(password) ?? false
        default: return ConstantTime.isEqual(rest, password)
        }
    }
}
