@testable import Directory
import LDAP
import Testing

/// Who may change what, until access rules are configured.
struct WriteAccessTests {
    @Test func changes() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a", [("userPassword", ["old"])])
        try await directory.addPerson("b", [("userPassword", ["old"])])
        let a = try directory.identity("cn=a,ou=people,dc=com")
        let unit = [("objectClass", ["organizationalUnit"])]
        for (identity, code) in [(Identity.anonymous, ResultCode.strongerAuthRequired), (a, .insufficientAccessRights)] {
            #expect(try await directory.add("ou=x,dc=com", unit, as: identity).code == code)
            #expect(try await directory.delete("cn=b,ou=people,dc=com", as: identity).code == code)
            // Everybody who is bound may know what exists.
            #expect(try await directory.delete("cn=nobody,dc=com", as: identity).code == (identity.isAnonymous ? code : .noSuchObject))
            #expect(try await directory.rename("cn=a,ou=people,dc=com", "cn=c", as: identity).code == code)
            #expect(try await directory.modify("cn=a,ou=people,dc=com", [(.replace, "title", ["x"])], as: identity).code == code)
            #expect(try await directory.modify("cn=b,ou=people,dc=com", [(.replace, "userPassword", ["x"])], as: identity).code == code)
            #expect(
                try await directory.modify(
                    "cn=a,ou=people,dc=com", [(.replace, "userPassword", ["x"]), (.replace, "title", ["x"])], as: identity
                ).code == code)
        }
        let own = try await directory.modify(
            "cn=a,ou=people,dc=com", [(.delete, "userPassword", ["old"]), (.add, "userPassword", ["new"])], as: a)
        #expect(own.code == .success)
        #expect(try directory.values("cn=a,ou=people,dc=com", "userPassword") == ["new"])
        let administrator = try directory.identity("cn=b,ou=people,dc=com", isAdministrator: true)
        #expect(try await directory.delete("cn=a,ou=people,dc=com", as: administrator).code == .success)
    }
}
