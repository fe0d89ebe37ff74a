@testable import Directory
import LDAP
import Testing

/// Stored passwords: RFC 2307 section 5.3 and the salted schemes that OpenLDAP and its pw-sha2 module brought.
struct PasswordTests {
    private func verify(_ stored: String, _ password: String) -> Bool {
        PasswordVerifier.verify(stored: Array(stored.utf8), password: Array(password.utf8))
    }

    @Test(arguments: PasswordScheme.allCases) func whatIsHashedIsVerified(_ scheme: PasswordScheme) throws {
        for password in ["secret", "{SSHA}AAAA", "ünï", String(repeating: "x", count: 10_000)] {
            let stored = try scheme.hash(Array(password.utf8))
            #expect(PasswordVerifier.verify(stored: stored, password: Array(password.utf8)))
            #expect(!PasswordVerifier.verify(stored: stored, password: Array((password + "x").utf8)))
            #expect(!PasswordVerifier.verify(stored: stored, password: []))
            if scheme != .clear { #expect(String(decoding: stored, as: UTF8.self).hasPrefix(scheme.prefix)) }
        }
        if scheme.digest?.isSalted == true { #expect(try scheme.hash([1]) != scheme.hash([1])) }
    }

    /// Made with slappasswd and OpenSSL.
    @Test(arguments: [
        "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "{sha}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
        "secret", "{CLEARTEXT}secret",
    ]) func knownHashes(_ stored: String) {
        #expect(verify(stored, "secret"))
        #expect(!verify(stored, "Secret"))
    }

    @Test(arguments: [
        "{SSHA512}", "{SSHA512}!!!!", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "{SHA}AAAA", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ", "{FOO}secret",
        "{ARGON2}secret", "",
    ]) func brokenFormsVerifyNothing(_ stored: String) {
        #expect(!verify(stored, "secret"))
        // A stored hash is not a password.
        if !stored.isEmpty { #expect(!verify(stored, stored)) }
    }
}
