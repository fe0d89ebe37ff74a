import BER
import LDAP

/// Stored values of OpenLDAP's module pw-pbkdf2: `ITERATIONS$SALT$KEY`, both in base64 with `.` for `+` and without padding.
enum PBKDF2 {
    /// More would keep a thread for many seconds: a stored value must not be a weapon.
    static let iterationLimit = 10_000_000
    private static let saltLength = 16

    static func verify(_ stored: RawSpan, _ password: RawSpan, _ digest: PasswordDigest) -> Bool {
        let parts = stored.array.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 3, let iterations = Int(String(decoding: parts[0], as: UTF8.self)), 1...iterationLimit ~= iterations,
            let salt = UnpaddedBase64.decode(adapted(parts[1])), let key = UnpaddedBase64.decode(adapted(parts[2])),
            let found = digest.derive(password, salt: salt, iterations: iterations)
        else { return false }
        return ConstantTime.isEqual(found.rawSpan, key.rawSpan)
    }

    /// - Throws: `other` if libcrypto fails.
    static func hash(_ password: [UInt8], _ digest: PasswordDigest, iterations: Int) throws(LDAPError) -> [UInt8] {
        let salt = try RandomBytes.make(saltLength)
        guard let key = digest.derive(password.rawSpan, salt: salt, iterations: iterations) else {
            throw LDAPError(.other, "the password could not be hashed")
        }
        let text = UnpaddedBase64.encode(salt) + [UInt8(ascii: "$")] + UnpaddedBase64.encode(key)
        return Array("\(iterations)$".utf8) + text.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: ".") : $0 }
    }

    private static func adapted(_ text: ArraySlice<UInt8>) -> [UInt8] { text.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "+") : $0 } }
}

/// Base64 (RFC 4648 section 3.2) without padding.
enum UnpaddedBase64 {
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        let padded = text + [UInt8](repeating: UInt8(ascii: "="), count: (4 - text.count % 4) % 4)
        return Base64.decode(padded.rawSpan)
    }

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        Base64.encode(bytes.rawSpan, into: &text)
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        return text
    }
}
