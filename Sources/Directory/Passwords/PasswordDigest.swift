import BER
import CCrypto

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

    static let md5 = PasswordDigest("MD5", size: 16)
    static let sha1 = PasswordDigest("SHA1", size: 20)
    static let sha256 = PasswordDigest("SHA2-256", size: 32)
    static let sha384 = PasswordDigest("SHA2-384", size: 48)
    static let sha512 = PasswordDigest("SHA2-512", size: 64)

    /// The digest of a password followed by a salt; nil if libcrypto cannot.
    func hash(_ password: RawSpan, salt: RawSpan) -> [UInt8]? { withHash(password, salt) { $0.array } }

    /// Whether the digest of a password followed by a salt is the expected one; takes the same time whatever the difference.
    func isHash(_ expected: RawSpan, of password: RawSpan, salt: RawSpan) -> Bool {
        withHash(password, salt) { ConstantTime.isEqual($0, expected) } ?? false
    }

    /// Calls `body` with the digest of a password followed by a salt; nil if libcrypto cannot.
    private func withHash<T>(_ password: RawSpan, _ salt: RawSpan, _ body: (RawSpan) -> T) -> T? {
        guard let algorithm, let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex2(context, algorithm, nil) == 1 else { return nil }
        let isFed = password.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
            && salt.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
        guard isFed else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: Int(EVP_MAX_MD_SIZE), alignment: 16) { buffer in
            var length: UInt32 = 0
            let start = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard EVP_DigestFinal_ex(context, start, &length) == 1, Int(length) == size else { return nil }
            return body(UnsafeRawBufferPointer(rebasing: buffer[..<size]).bytes)
        }
    }

    /// The digest of some bytes.
    func hash(_ bytes: [UInt8]) -> [UInt8]? { hash(bytes.rawSpan, salt: RawSpan()) }

    /// PBKDF2 (RFC 8018 section 5.2) with HMAC of this digest; as many bytes as the digest has. Nil if libcrypto cannot.
    func derive(_ password: RawSpan, salt: [UInt8], iterations: Int) -> [UInt8]? {
        guard let algorithm, let iterations = Int32(exactly: iterations), iterations > 0, let count = Int32(exactly: password.byteCount),
            let saltCount = Int32(exactly: salt.count)
        else { return nil }
        var isGood = false
        let key = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            isGood = password.withUnsafeBytes { bytes in
                PKCS5_PBKDF2_HMAC(
                    bytes.baseAddress?.assumingMemoryBound(to: CChar.self), count, salt, saltCount, iterations, algorithm, Int32(size),
                    buffer.baseAddress) == 1
            }
            filled = isGood ? size : 0
        }
        return isGood ? key : nil
    }

    /// HMAC (RFC 2104); nil if libcrypto cannot.
    func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8]? {
        guard let algorithm, let keyCount = Int32(exactly: key.count) else { return nil }
        let code = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            count = HMAC(algorithm, key, keyCount, message, message.count, buffer.baseAddress, &length) == nil ? 0 : Int(length)
        }
        return code.count == size ? code : nil
    }
}
