import CCrypto
import LDAP

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

    /// A password for people: 12 characters out of 64 that are hard to mistake, 72 bits, with letters of both cases, a digit and a
    /// punctuation mark among them, so that policies like it.
    static func password() throws(LDAPError) -> [UInt8] {
        let characters = Array("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789+-=_.:#".utf8)
        while true {
            let password = try make(12).map { characters[Int($0) % 64] }
            let hasAll = [UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9")]
                .allSatisfy { kind in password.contains { kind.contains($0) } }
            if hasAll, password.contains(where: { Array("+-=_.:#".utf8).contains($0) }) { return password }
        }
    }
}
