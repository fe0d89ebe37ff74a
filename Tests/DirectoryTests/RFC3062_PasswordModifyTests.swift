@testable import Directory
import LDAP
import Testing

/// RFC 3062, with the result codes of slapd.
struct RFC3062_PasswordModifyTests {
    private let name = "cn=a,ou=people,dc=com"

    private func tree() async throws -> TestDirectory {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a", [("userPassword", ["old"])])
        try await directory.addPerson("b", [("userPassword", ["old"])])
        return directory
    }

    private func verify(_ directory: TestDirectory, _ password: String) throws -> Bool {
        let stored = try directory.values(name, "userPassword")
        return stored.count == 1 && StoredPassword(Array(stored[0].utf8)).verify(Array(password.utf8))
    }

    @Test func ownPassword() async throws {
        let directory = try await tree()
        let a = try directory.identity(name)
        #expect(try await directory.setPassword(new: "one", as: a).code == .success)
        #expect(try verify(directory, "one"))
        #expect(try directory.values(name, "userPassword")[0].hasPrefix("{ARGON2}$argon2id$"))
        #expect(try await directory.setPassword(old: "wrong", new: "two", as: a).code == .unwillingToPerform)
        #expect(try await directory.setPassword(of: name, old: "one", new: "two", as: a).code == .success)
        #expect(try verify(directory, "two"))
        #expect(try directory.values(name, "modifiersName") == [name])
    }

    @Test func generatedPassword() async throws {
        let directory = try await tree()
        let answer = try await directory.setPassword(of: name)
        let password = try #require(try answer.result.value.flatMap { try PasswordModify.generatedPassword(decoding: $0) })
        #expect(password.count == 12 && answer.code == .success)
        #expect(try verify(directory, String(decoding: password, as: UTF8.self)))
        #expect(try await directory.setPassword(of: name, new: "x").result.value == nil)
    }

    @Test func refusals() async throws {
        let directory = try await tree()
        let a = try directory.identity(name)
        #expect(try await directory.setPassword(of: name, new: "x", as: .anonymous).code == .strongerAuthRequired)
        #expect(try await directory.setPassword(of: "cn=b,ou=people,dc=com", old: "old", new: "x", as: a).code == .insufficientAccessRights)
        #expect(try await directory.setPassword(of: "cn=nobody,dc=com", new: "x", as: a).code == .insufficientAccessRights)
        #expect(try await directory.setPassword(of: "cn=nobody,dc=com", new: "x").code == .noSuchObject)
        for user in ["u:a", "dn:" + name, "a"] {
            #expect(try await directory.setPassword(of: user, new: "x").code == .invalidAttributeSyntax)
        }
        #expect(try await directory.setPassword(of: name, new: "").code == .unwillingToPerform)
        #expect(try await directory.setPassword(new: "x").code == .unwillingToPerform)
        #expect(try await directory.setPassword(of: "CN=Config", new: "x").code == .unwillingToPerform)
        #expect(try verify(directory, "old"))
    }
}
