import BER
import LDAP

/// What a server keeps to run SCRAM-SHA-256 (RFC 5802 section 3): not the password, and nothing that logs in elsewhere.
struct SCRAMKeys: Sendable, Equatable {
    var iterations: Int
    var salt: [UInt8]
    var storedKey: [UInt8]
    var serverKey: [UInt8]

    /// RFC 7677 section 4.
    static let defaultIterations = 4096
    static let iterationLimit = 1_000_000

    /// From a password. May take milliseconds.
    /// - Throws: `other` if libcrypto fails.
    init(_ password: RawSpan, salt: [UInt8], iterations: Int) throws(LDAPError) {
        let digest = PasswordDigest.sha256
        guard let salted = digest.derive(password, salt: salt, iterations: iterations),
            let clientKey = digest.authenticate(Array("Client Key".utf8), key: salted),
            let storedKey = digest.hash(clientKey),
            let serverKey = digest.authenticate(Array("Server Key".utf8), key: salted)
        else { throw LDAPError(.other, "the password could not be hashed") }
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// From what stands behind `{SCRAM-SHA-256}`; nil for what is no such value.
    init?(_ stored: RawSpan) {
        guard stored.byteCount <= 512 else { return nil }
        let parts = stored.array.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count == 4, let iterations = Int(String(decoding: parts[0], as: UTF8.self)), 1...Self.iterationLimit ~= iterations,
            let salt = Self.decode(parts[1]), !salt.isEmpty, let storedKey = Self.decode(parts[2]),
            let serverKey = Self.decode(parts[3]), storedKey.count == 32, serverKey.count == 32
        else { return nil }
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    private static func decode(_ text: [UInt8]) -> [UInt8]? { Base64.decode(text.rawSpan) }

    /// What is stored behind the scheme's name.
    var text: [UInt8] {
        Array("\(iterations),\(Base64.encode(salt)),\(Base64.encode(storedKey)),\(Base64.encode(serverKey))".utf8)
    }

    /// Whether a password makes the same keys.
    func verify(_ password: RawSpan) -> Bool {
        guard let found = try? SCRAMKeys(password, salt: salt, iterations: iterations) else { return false }
        return ConstantTime.isEqual(found.storedKey, storedKey)
    }
}
