import LDAP
import Synchronization

/// What the password of an unknown name is compared with, so that it takes as long as a wrong password of a known one: the stored password
/// that was compared with last, whose scheme and cost are those of the directory at large. What comes out is not looked at.
final class Decoy: Sendable {
    private let last: Mutex<StoredPassword>
    /// What salts for unknown names are made with (SCRAM shows them): the same for a name each time.
    private let secret: [UInt8]

    /// - Throws: `other` if there are no random numbers.
    init(_ hashing: PasswordHashing) throws(LDAPError) {
        secret = try RandomBytes.make(32)
        last = Mutex(StoredPassword(try hashing.hash(RandomBytes.make(16))))
    }

    var stored: StoredPassword { last.withLock { $0 } }

    func learn(_ stored: StoredPassword) { last.withLock { $0 = stored } }

    /// 16 bytes that look random and are the same for a name each time.
    func salt(for name: [UInt8]) -> [UInt8] {
        Array((PasswordDigest.sha256.authenticate(name, key: secret) ?? secret).prefix(16))
    }

    /// A password that nobody has.
    var password: [UInt8] { secret }
}
