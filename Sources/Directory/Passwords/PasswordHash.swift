import BER
import CCrypto
import LDAP

extension PasswordScheme {
    /// What to store of a password: `{SCHEME}…`, with a fresh salt where the scheme has one; clear text as it is, unless it looks
    /// like a scheme itself.
    /// - Throws: `other` if libcrypto fails.
    public func hash(_ password: [UInt8]) throws(LDAPError) -> [UInt8] {
        guard let (digest, isSalted) = digest else {
            return password.first == UInt8(ascii: "{") ? Array(prefix.utf8) + password : password
        }
        let salt = isSalted ? try RandomBytes.make(16) : []
        guard let hash = digest.hash(password.rawSpan, salt: salt.rawSpan) else {
            throw LDAPError(.other, "the password could not be hashed")
        }
        var stored = Array(prefix.utf8)
        Base64.encode((hash + salt).rawSpan, into: &stored)
        return stored
    }
}

/// Random bytes for secrets.
enum RandomBytes {
    /// - Throws: `other` if the system has none.
    static func make(_ count: Int) throws(LDAPError) -> [UInt8] {
        var isGood = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            isGood = RAND_bytes(buffer.baseAddress, Int32(count)) == 1
            initialized = isGood ? count : 0
        }
        guard isGood else { throw LDAPError(.other, "no random numbers") }
        return bytes
    }

    /// A password for people: 12 characters out of 64 that are hard to mistake, 72 bits.
    static func password() throws(LDAPError) -> [UInt8] {
        let characters = Array("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789+-=_.:#".utf8)
        return try make(12).map { characters[Int($0) % 64] }
    }
}
