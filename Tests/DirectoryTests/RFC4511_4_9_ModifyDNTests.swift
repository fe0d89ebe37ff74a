@testable import Directory
import LDAP
import Testing

/// RFC 4511 section 4.9, with the result codes and words of slapd.
struct RFC4511_4_9_ModifyDNTests {
    private func tree() async throws -> TestDirectory {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("n", [("mail", ["n@x.example"])])
        try await directory.add(
            "cn=k,cn=n,ou=people,dc=com", [("objectClass", ["inetOrgPerson"]), ("cn", ["k"]), ("sn", ["k"])])
        return directory
    }

    @Test func namingValues() async throws {
        let directory = try await tree()
        #expect(try await directory.rename("cn=n,ou=people,dc=com", "cn=N").code == .success)
        #expect(try directory.name("cn=n,ou=people,dc=com") == "cn=N,ou=people,dc=com")
        #expect(try directory.values("cn=n,ou=people,dc=com", "cn") == ["N"])
        #expect(try await directory.rename("cn=n,ou=people,dc=com", "cn=n", deleteOld: false).code == .success)
        #expect(try directory.values("cn=n,ou=people,dc=com", "cn") == ["N"])
        #expect(try await directory.rename("cn=n,ou=people,dc=com", "cn=o", deleteOld: false).code == .success)
        #expect(try directory.values("cn=o,ou=people,dc=com", "cn") == ["N", "o"])
        #expect(try await directory.rename("cn=o,ou=people,dc=com", "sn=zz+cn=n").code == .success)
        #expect(try directory.values("cn=n+sn=zz,ou=people,dc=com", "cn") == ["N"])
        #expect(try directory.values("cn=n+sn=zz,ou=people,dc=com", "sn") == ["n", "zz"])
        #expect(try directory.name("cn=k,cn=n+sn=zz,ou=people,dc=com") == "cn=k,sn=zz+cn=n,ou=people,dc=com")
    }

    @Test func moves() async throws {
        let directory = try await tree()
        try await directory.add("ou=other,dc=com", [("objectClass", ["organizationalUnit"])])
        #expect(try await directory.rename("cn=n,ou=people,dc=com", "cn=moved", below: "OU=other,dc=com").code == .success)
        #expect(try directory.values("cn=k,cn=moved,ou=other,dc=com", "sn") == ["k"])
        #expect(try directory.entry("cn=n,ou=people,dc=com") == nil)
        #expect(try await directory.rename("cn=moved,ou=other,dc=com", "cn=moved", below: "").code == .success)
        #expect(try directory.values("cn=k,cn=moved", "sn") == ["k"])
        #expect(try await directory.delete("ou=people,dc=com").code == .success)
    }

    @Test func refusals() async throws {
        let directory = try await tree()
        let n = "cn=n,ou=people,dc=com"
        func expect(_ answer: TestDirectory.Answer, _ code: ResultCode, _ message: String? = nil, _ line: Int = #line) {
            #expect(answer.code == code, "line \(line): \(answer.result)")
            if let message { #expect(answer.result.message == message, "line \(line)") }
        }
        expect(try await directory.rename(n, "sn=zz"), .objectClassViolation, "object class 'inetOrgPerson' requires attribute 'cn'")
        expect(try await directory.rename(n, "dc=x", deleteOld: false), .objectClassViolation, "attribute 'dc' not allowed")
        expect(try await directory.rename(n, "cn=n", below: "cn=k," + n), .unwillingToPerform, "cannot place an entry below itself")
        expect(try await directory.rename(n, "cn=n", below: n), .unwillingToPerform, "cannot place an entry below itself")
        expect(try await directory.rename(n, "cn=n", below: "ou=no,dc=com"), .noSuchObject, "new superior not found")
        expect(try await directory.rename(n, "cn=n", below: "nonsense"), .invalidDNSyntax)
        expect(try await directory.rename("cn=q,dc=com", "cn=n"), .noSuchObject)
        expect(try await directory.rename("cn=k," + n, "cn=n", below: "ou=people,dc=com"), .entryAlreadyExists)
        for rdn in ["", "nonsense", "cn=a,dc=b", "foo=a", "cn=a+cn=b"] { expect(try await directory.rename(n, rdn), .invalidDNSyntax) }
        expect(try await directory.rename("", "cn=n"), .unwillingToPerform, "cannot rename the root DSE")
        expect(try await directory.rename("cn=k," + n, "mail=N@x.example", deleteOld: false), .constraintViolation)
        try await directory.add("dc=dd,dc=com", [("objectClass", ["dcObject", "organization"]), ("o", ["d"])])
        expect(
            try await directory.rename("dc=dd,dc=com", "dc=de", deleteOld: false), .constraintViolation,
            "attribute 'dc' cannot have multiple values")
        expect(try await directory.rename("dc=dd,dc=com", "dc=de"), .success)
        try await directory.add("cn=al,dc=com", [("objectClass", ["alias", "extensibleObject"]), ("aliasedObjectName", ["dc=com"])])
        expect(try await directory.rename(n, "cn=n", below: "cn=al,dc=com"), .aliasProblem, "new superior is an alias")
    }
}
