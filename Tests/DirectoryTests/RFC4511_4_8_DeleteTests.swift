@testable import Directory
import EntryStore
import LDAP
import Testing

/// RFC 4511 section 4.8 and the tree delete control.
struct RFC4511_4_8_DeleteTests {
    @Test func answers() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a")
        let nonLeaf = try await directory.delete("dc=com")
        #expect(nonLeaf.code == .notAllowedOnNonLeaf && nonLeaf.result.message == "subordinate objects must be deleted first")
        let missing = try await directory.delete("cn=x,cn=y,dc=com")
        #expect(missing.code == .noSuchObject && missing.result.matchedDN == Array("dc=com".utf8))
        #expect(try await directory.delete("").code == .unwillingToPerform)
        #expect(try await directory.delete("nonsense").code == .invalidDNSyntax)
        #expect(try await directory.delete("CN=A, ou=people, dc=com").code == .success)
        #expect(try directory.entry("cn=a,ou=people,dc=com") == nil)
        #expect(try await directory.delete("cn=a,ou=people,dc=com").code == .noSuchObject)
        #expect(try await directory.addPerson("a").code == .success)
    }

    @Test func wholeTree() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        for name in ["a", "b", "c"] { try await directory.addPerson(name, [("mail", ["\(name)@x.example"])]) }
        // An entry with a higher number than those that come to stand below it.
        try await directory.add("ou=deep,ou=people,dc=com", [("objectClass", ["organizationalUnit"])])
        try await directory.rename("cn=a,ou=people,dc=com", "cn=a", below: "ou=deep,ou=people,dc=com")
        try await directory.rename("cn=b,ou=people,dc=com", "cn=b", below: "cn=a,ou=deep,ou=people,dc=com")
        #expect(try await directory.delete("ou=people,dc=com", controls: [TreeDelete().control()]).code == .success)
        let snapshot = try directory.directory.store.snapshot()
        #expect(try snapshot.entryCount() == 1)
        try await directory.add("ou=people,dc=com", [("objectClass", ["organizationalUnit"])])
        #expect(try await directory.addPerson("z", [("mail", ["a@x.example", "b@x.example"])]).code == .success)
    }

    /// RFC 3296 section 5.2.
    @Test func referrals() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.add(
            "cn=r,dc=com", [("objectClass", ["referral", "extensibleObject"]), ("ref", ["ldap://x.example/dc=org??sub"])])
        let answer = try await directory.delete("cn=r,dc=com")
        #expect(answer.code == .referral && answer.result.referrals == ["ldap://x.example/dc=org"])
        #expect(try await directory.delete("cn=b,cn=a,cn=r,dc=com").result.referrals == ["ldap://x.example/cn=b,cn=a,dc=org"])
        #expect(try await directory.delete("cn=r,dc=com", controls: [ManageDsaIT().control()]).code == .success)
    }
}
