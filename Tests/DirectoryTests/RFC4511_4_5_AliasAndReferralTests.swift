@testable import Directory
import LDAP
import Testing

@Suite struct RFC4511_4_5_AliasAndReferralTests {
    private func directory() async throws -> TestDirectory {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.add("ou=other,dc=com", [("objectClass", ["organizationalUnit"])])
        try await directory.addPerson("ada")
        try await directory.addPerson("bob")
        return directory
    }

    private func addAlias(_ directory: TestDirectory, _ name: String, _ target: String) async throws {
        let answer = try await directory.add(
            name, [("objectClass", ["alias", "extensibleObject"]), ("cn", [String(name.dropFirst(3).prefix { $0 != "," })]), ("aliasedObjectName", [target])])
        #expect(answer.code == .success)
    }

    @Test func aliasesAreFollowedOnlyWhenAsked() async throws {
        let directory = try await directory()
        try await addAlias(directory, "cn=people,ou=other,dc=com", "ou=people,dc=com")
        let people = ["ou=people,dc=com", "cn=ada,ou=people,dc=com", "cn=bob,ou=people,dc=com"]
        #expect(try directory.search("ou=other,dc=com").names == ["ou=other,dc=com", "cn=people,ou=other,dc=com"])
        #expect(try Set(directory.search("ou=other,dc=com", dereference: .inSearching).names) == Set(["ou=other,dc=com"] + people))
        #expect(try Set(directory.search("cn=people,ou=other,dc=com", dereference: .findingBase).names) == Set(people))
        #expect(try directory.search("cn=ada,cn=people,ou=other,dc=com", .baseObject, dereference: .always).names == [people[1]])
        // Everything is in the scope already: nothing comes twice.
        let all = try directory.search("dc=com", dereference: .always).names
        #expect(all.count == Set(all).count && all.count == 5)
    }

    /// Chains of any length end: by a loop that is found, or by their length.
    @Test(arguments: [1, 2, 14, 15, 16, 40]) func chains(_ length: Int) async throws {
        let directory = try await directory()
        for number in 0..<length {
            let target = number == 0 ? "cn=ada,ou=people,dc=com" : "cn=a\(number - 1),ou=other,dc=com"
            try await addAlias(directory, "cn=a\(number),ou=other,dc=com", target)
        }
        let found = try directory.search("cn=a\(length - 1),ou=other,dc=com", .baseObject, dereference: .always)
        #expect(found.code == (length <= 15 ? .success : .aliasDereferencingProblem))
        #expect(found.names == (length <= 15 ? ["cn=ada,ou=people,dc=com"] : []))
        // In searching, what cannot be followed is passed over.
        #expect(try directory.search("ou=other,dc=com", dereference: .always).code == .success)
    }

    @Test func aliasesAreKnownAsSoonAsTheyAreThere() async throws {
        let directory = try await directory()
        #expect(try directory.search("ou=other,dc=com", dereference: .always).names == ["ou=other,dc=com"])
        try await addAlias(directory, "cn=x,ou=other,dc=com", "cn=ada,ou=people,dc=com")
        #expect(try directory.search("ou=other,dc=com", .singleLevel, dereference: .always).names == ["cn=ada,ou=people,dc=com"])
        try await directory.modify("cn=x,ou=other,dc=com", [(.replace, "aliasedObjectName", ["cn=bob,ou=people,dc=com"])])
        #expect(try directory.search("ou=other,dc=com", .singleLevel, dereference: .always).names == ["cn=bob,ou=people,dc=com"])
        try await directory.delete("cn=x,ou=other,dc=com")
        #expect(try directory.search("ou=other,dc=com", .singleLevel, dereference: .always).names == [])
    }

    @Test func referralsAndReferences() async throws {
        let directory = try await directory()
        let manage = ManageDsaIT().control(isCritical: true)
        try await directory.add(
            "cn=away,ou=other,dc=com", [("objectClass", ["referral", "extensibleObject"]), ("cn", ["away"]), ("ref", ["ldap://elsewhere/ou=there,dc=org", "ldap://b"])],
            controls: [manage])
        let one = try directory.search("ou=other,dc=com", .singleLevel, "(cn=nobody)")
        #expect(one.names == [] && one.references == [["ldap://elsewhere/ou=there,dc=org??base", "ldap://b/cn=away,ou=other,dc=com??base"]])
        #expect(try directory.search("dc=com").references.count == 1)
        #expect(try directory.search("dc=com", controls: [manage]).references.isEmpty)
        #expect(try directory.search("dc=com", controls: [manage]).names.contains("cn=away,ou=other,dc=com"))
        let below = try directory.search("cn=x,cn=away,ou=other,dc=com", .wholeSubtree)
        #expect(below.code == .referral && below.matched == "cn=away,ou=other,dc=com")
        #expect(try directory.search("cn=x,cn=away,ou=other,dc=com", controls: [manage]).code == .noSuchObject)
        #expect(try directory.search("cn=away,ou=other,dc=com", .baseObject, as: .anonymous).code == .noSuchObject)
    }
}
