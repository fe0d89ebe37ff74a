import BER
import LDAP

/// A value of `userPassword`, taken apart once for all comparisons with it.
public struct StoredPassword: Sendable {
    /// `{SCHEME}…` or clear text.
    let value: [UInt8]
    let form: Form

    enum Form: Sendable {
        /// Without a scheme.
        case clear
        /// The digest, followed by the salt.
        case digest(PasswordScheme, PasswordDigest, [UInt8])
        /// What the scheme is about begins there.
        case scheme(PasswordScheme, Int)
        /// Broken, or of a scheme that is not known: the hash must not serve as a password itself.
        case nothing
    }

    /// - Parameter value: `{SCHEME}…` or clear text. Any octets may be given.
    public init(_ value: [UInt8]) {
        self.value = value
        form = Self.form(value.rawSpan)
    }

    private static func form(_ value: RawSpan) -> Form {
        guard let end = endOfScheme(value) else { return .clear }
        guard let scheme = PasswordScheme(named: value.extracting(1..<end)) else { return .nothing }
        guard let (digest, isSalted) = scheme.digest else { return .scheme(scheme, end + 1) }
        guard let decoded = Base64.decode(value.extracting((end + 1)..<value.byteCount)),
            isSalted ? decoded.count > digest.size : decoded.count == digest.size
        else { return .nothing }
        return .digest(scheme, digest, decoded)
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

    /// The password itself, if it is stored in clear.
    public var clearText: [UInt8]? {
        switch form {
        case .clear: value
        case .scheme(.clear, let start): Array(value[start...])
        case .digest, .scheme, .nothing: nil
        }
    }

    /// What is stored for SCRAM, if it is that.
    var scramKeys: SCRAMKeys? {
        guard case .scheme(.scramSHA256, let start) = form else { return nil }
        return SCRAMKeys(value.rawSpan.extracting(start..<value.count))
    }

    /// Whether comparing takes so little time (microseconds) that handing it to another thread would take longer: clear text and plain digests are
    /// cheap, schemes that are slow on purpose are not.
    func isCheap(for password: [UInt8]) -> Bool {
        if password.count > 512 { return false }
        if case .scheme(let scheme, _) = form { return scheme.isCheap }
        return true
    }

    /// Whether a password is this one. Compares in constant time. Values that ask for more work than the server gives are nobody's password.
    public func verify(_ password: [UInt8]) -> Bool {
        let password = password.rawSpan
        switch form {
        case .clear: return ConstantTime.isEqual(value.rawSpan, password)
        case .digest(_, let digest, let bytes):
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
