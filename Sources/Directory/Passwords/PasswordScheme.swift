import BER
import CCrypto

/// A way to store passwords in `userPassword` (RFC 2307 section 5.3 and its successors): how new ones are stored, and which stored
/// ones can be verified. One case per scheme; a scheme that is no plain digest brings a file of its own.
public enum PasswordScheme: String, Sendable, CaseIterable {
    case ssha, ssha256, ssha384, ssha512
    case sha, sha256, sha384, sha512
    case clear = "cleartext"

    /// The scheme of a name without braces, in any case.
    public init?(named name: RawSpan) {
        let lowercase = String(decoding: name.array.prefix(32), as: UTF8.self).lowercased()
        self.init(rawValue: lowercase)
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
        case .sha: (.sha1, false)
        case .sha256: (.sha256, false)
        case .sha384: (.sha384, false)
        case .sha512: (.sha512, false)
        case .clear: nil
        }
    }
}

/// A digest of libcrypto. Fetched once: looking one up by name costs more than hashing a password with it.
struct PasswordDigest: @unchecked Sendable {
    // Sound: an EVP_MD is immutable once fetched, and libcrypto lets all threads use one; these are never freed.
    private let algorithm: OpaquePointer?
    /// Bytes.
    let size: Int

    private init(_ name: String, size: Int) {
        algorithm = EVP_MD_fetch(nil, name, nil)
        self.size = size
    }

    static let sha1 = PasswordDigest("SHA1", size: 20)
    static let sha256 = PasswordDigest("SHA2-256", size: 32)
    static let sha384 = PasswordDigest("SHA2-384", size: 48)
    static let sha512 = PasswordDigest("SHA2-512", size: 64)

    /// The digest of a password followed by a salt; nil if libcrypto cannot.
    func hash(_ password: RawSpan, salt: RawSpan) -> [UInt8]? {
        guard let algorithm, let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex2(context, algorithm, nil) == 1 else { return nil }
        let isFed = password.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
            && salt.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
        guard isFed else { return nil }
        let result = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            count = EVP_DigestFinal_ex(context, buffer.baseAddress, &length) == 1 ? Int(length) : 0
        }
        return result.count == size ? result : nil
    }
}
