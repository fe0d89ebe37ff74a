@testable import Directory
import BER
import LDAP
import Testing

/// Stored passwords: RFC 2307 section 5.3 and what OpenLDAP and its modules pw-sha2, pw-pbkdf2 and pw-argon2 made of it.
struct PasswordTests {
    private func verify(_ stored: String, _ password: String) -> Bool {
        StoredPassword(Array(stored.utf8)).verify(Array(password.utf8))
    }

    private func hashing(_ scheme: PasswordScheme) -> PasswordHashing {
        var hashing = PasswordHashing()
        hashing.scheme = scheme
        hashing.argon2 = Argon2Parameters(memory: 64, iterations: 1)
        hashing.iterations = 10
        return hashing
    }

    @Test(arguments: PasswordScheme.allCases) func whatIsHashedIsVerified(_ scheme: PasswordScheme) throws {
        let hashing = hashing(scheme)
        for password in ["secret", "{SSHA}AAAA", "ünï", String(repeating: "x", count: scheme == .crypt ? 500 : 10_000)] {
            let stored = try hashing.hash(Array(password.utf8))
            #expect(StoredPassword(stored).verify(Array(password.utf8)))
            #expect(!StoredPassword(stored).verify(Array((password + "x").utf8)))
            #expect(!StoredPassword(stored).verify([]))
            // What is slow on purpose is not hashed where others wait.
            let isCheap = scheme == .clear || scheme.digest != nil
            for given in [password, password + "x"] where given.utf8.count <= 512 {
                #expect(StoredPassword(stored).isCheap(for: Array(given.utf8)) == isCheap)
            }
            if password.utf8.count > 512 { #expect(!StoredPassword(stored).isCheap(for: Array(password.utf8))) }
            let isCurrent = hashing.isCurrent(StoredPassword(stored))
            #expect(isCurrent)
            if scheme != .clear { #expect(String(decoding: stored, as: UTF8.self).hasPrefix(scheme.prefix)) }
        }
        if scheme.digest?.isSalted == true || [.argon2, .crypt, .pbkdf2SHA512, .scramSHA256].contains(scheme) {
            #expect(try hashing.hash([1]) != hashing.hash([1]))
        }
    }

    /// Made with slappasswd (and its modules), OpenSSL, doveadm, crypt(3) and Python's hashlib.
    @Test(arguments: [
        "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "{sha}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", "{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "{SMD5}prJKb0WwsV76R6e28VL4YbbjdQg=",
        "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$R/2r2lx/Tn4XCw6otNZgiA$PXKQOqu0Y+umDTvn0GAahOXMsOSe+7hr3okdzGxgR/o",
        "{PBKDF2-SHA256}10000$YR8ZvjVp7icSC21jH7z58A$.M4mBgGDjDApz8MBWEH2o8v1NmHDEIAhgEEE6/Ncqdg",
        "{PBKDF2-SHA512}10000$28MrKWJGflJcrX4zbILt1w$W3F6pQqRd9sQ9DNFmvovA42seaAWjJLR7PV8JX1wM0RY4XZqsk/KC1GlZrW/FV4/6B0AmP/xkEMNQZbU7mTGJg",
        "{PBKDF2}10000$CbMloK5RDAoAQYNmb.b/3w$34YEkQ9EKpZuSDsytsE5EeLeQ00",
        "{CRYPT}tjWjQst2NgD.g", 
        "{CRYPT}$1$Uu.2jPe7$04bAG7DIygFsxjqrU9Uuq/", 
        "{CRYPT}$5$HEvY5eqnpEU9ujHl$XjRn1bTPxaCA7WF3mLkjB3aJZK/.L3r1UwopzfCav64", 
        "{CRYPT}$6$Urx2zgidDCZ1uts0$yeCB5rmENZmZEUSK1fThT5Ma7Jc3Il7twmWg/2UTXPqo.evXewTXQI06mQm5kMOG0V6OXLuu5Uld9FQrYkprk.", 
        "{CRYPT}$2b$04$lU.v5HZOYybUjc2YfXc7gOFZ6T4o0tW/rLgJgtGwD.6yifi/qNVcm", 
        "{CRYPT}$y$j9T$OgteOSIoCrUON9P04K0.i1$tobPmWM5uyNPHbnhJPVenRewk0Oru1i4If8hwrbdKTD", 
        "{CRYPT}$gy$j9T$jsYD7yRbqKMM560o5Xqpq1$rMNqmnfIWBO1JDODUR306HP9MYbllSVOM.mNpzxP4G3", 
        "{CRYPT}$7$CU..../....6HOwXHMfnOa7/dnlfcPuH1$X0S5ZWxdnReMHRlmSN2dbBBpcBbDr9GsVXhvxhA/vn3", 
        "{CRYPT}$sha1$222426$8A9RKRyfWKJcRsGWlxUn$AD.a7JXzdVCGrb9XRSmtL/uhMSS8", 
        "{CRYPT}$3$$878d8014606cda29677a44efa1353fc7", 
        "{CRYPT}_J9..RKscoVjbnmA4QjA", 
        "{CRYPT}$md5,rounds=95322$Rav35dgZ$$07H/2GnfXpdtOAwYCbc4h1", "secret", "{CLEARTEXT}secret",
    ]) func knownHashes(_ stored: String) {
        #expect(verify(stored, "secret"))
        #expect(!verify(stored, "Secret"))
    }

    @Test(arguments: [
        "{SSHA512}", "{SSHA512}!!!!", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "{SHA}AAAA", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ", "{FOO}secret",
        "{ARGON2}secret", "{ARGON2}", "{ARGON2}$argon2id$", "{ARGON2}$argon2id$v=19$m=64,t=1,p=1$$", "{ARGON2}$argon2id$v=19$m=,t=,p=$AAAAAAAAAAA$AAAAAA",
        "{CRYPT}", "{CRYPT}*", "{CRYPT}*0", "{CRYPT}secret", "{PBKDF2-SHA256}", "{PBKDF2-SHA256}1$$", "{PBKDF2-SHA256}-1$AAAA$AAAA",
        "{PBKDF2-SHA256}99999999999999999999$AAAA$AAAA", "{SCRAM-SHA-256}", "{SCRAM-SHA-256}4096,,,", "{SCRAM-SHA-256}0,AAAA,AAAA,AAAA", "",
    ]) func brokenFormsVerifyNothing(_ stored: String) {
        #expect(!verify(stored, "secret"))
        // A stored hash is not a password.
        if !stored.isEmpty { #expect(!verify(stored, stored)) }
    }

    /// What is stored may have come from anybody who could write it once: it must not cost minutes or gigabytes.
    @Test(arguments: [
        "{ARGON2}$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "{ARGON2}$argon2id$v=19$m=65536,t=4294967295,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "{ARGON2}$argon2id$v=19$m=134217,t=1,p=16777215$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "{CRYPT}$6$rounds=999999999$saltsalt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "{CRYPT}$2b$31$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "{CRYPT}$y$jTT$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "{CRYPT}_zzzzAAAAAAAAAAAAAAA", "{PBKDF2-SHA512}2000000000$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "{SCRAM-SHA-256}2000000000,AAAAAAAAAAAAAAAAAAAAAA==,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ]) func hostileParametersAreRefusedAtOnce(_ stored: String) {
        let before = ContinuousClock.now
        #expect(!verify(stored, "secret"))
        #expect(ContinuousClock.now - before < .seconds(1))
    }

    /// RFC 7677 section 3: user "user", password "pencil".
    @Test func scramKeysOfTheStandardsExample() throws {
        let encoded = Array("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)
        let salt = Base64.decode(encoded.rawSpan) ?? []
        let password = Array("pencil".utf8)
        let keys = try SCRAMKeys(password.rawSpan, salt: salt, iterations: 4096)
        let text = Array("{SCRAM-SHA-256}".utf8) + keys.text
        #expect(StoredPassword(text).verify(password))
        let stored = keys.text
        let read = SCRAMKeys(stored.rawSpan)
        #expect(read == keys)
    }

    @Test func passwordsOfMadeUpCharacters() throws {
        for _ in 0..<50 { #expect(try RandomBytes.password().count == 12) }
    }
}
