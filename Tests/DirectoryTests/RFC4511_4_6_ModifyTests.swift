@testable import Directory
import EntryStore
import LDAP
import Schema
import Testing

/// RFC 4511 section 4.6 and RFC 4525, with the result codes and words of slapd.
struct RFC4511_4_6_ModifyTests {
    typealias Change = (ModifyRequest.Operation, String, [String])

    struct Case: Sendable, CustomTestStringConvertible {
        let changes: [Change]
        let code: ResultCode
        let message: String
        var testDescription: String { "\(changes)" }

        init(_ changes: [Change], _ code: ResultCode, _ message: String = "") {
            self.changes = changes
            self.code = code
            self.message = message
        }
    }

    static let name = "cn=m,ou=people,dc=com"

    private func person() async throws -> TestDirectory {
        let directory = try TestDirectory()
        try await directory.plant()
        let answer = try await directory.addPerson(
            "m", [("description", ["a", "b"]), ("facsimileTelephoneNumber", ["1"]), ("mail", ["m@x.example"])])
        #expect(answer.code == .success)
        try await directory.addPerson("other", [("mail", ["o@x.example"])])
        return directory
    }

    @Test(arguments: [
        Case([], .success),
        Case([(.add, "foo", ["x"])], .undefinedAttributeType, "foo: attribute type undefined"),
        Case([(.add, "description", [""])], .invalidAttributeSyntax, "description: value #0 invalid per syntax"),
        Case([(.delete, "mail", ["ä"])], .invalidAttributeSyntax, "mail: value #0 invalid per syntax"),
        Case([(.delete, "description", ["zz"])], .noSuchAttribute, "modify/delete: description: no such value"),
        Case([(.delete, "title", [])], .noSuchAttribute, "modify/delete: title: no such attribute"),
        Case([(.delete, "title", ["x"])], .noSuchAttribute, "modify/delete: title: no such attribute"),
        Case([(.add, "description", ["A"])], .attributeOrValueExists, "modify/add: description: value #0 already exists"),
        Case([(.add, "description", ["new", "B"])], .attributeOrValueExists, "modify/add: description: value #1 already exists"),
        Case([(.add, "description", ["n", "N"])], .attributeOrValueExists, "description: value #0 provided more than once"),
        Case([(.replace, "description", ["n", "N"])], .attributeOrValueExists, "description: value #0 provided more than once"),
        Case([(.delete, "description", ["a", "A"])], .success),
        Case([(.replace, "title", [])], .success),
        Case([(.add, "title", ["x"]), (.delete, "title", ["X"])], .success),
        Case([(.delete, "description", ["a"]), (.add, "description", ["A"])], .success),
        Case([(.delete, "description", ["a"]), (.delete, "description", ["a"])], .noSuchAttribute),
        Case([(.add, "facsimileTelephoneNumber", ["2"])], .inappropriateMatching, "modify/add: facsimileTelephoneNumber: no equality matching rule"),
        Case([(.delete, "facsimileTelephoneNumber", ["1"])], .inappropriateMatching, "modify/delete: facsimileTelephoneNumber: no equality matching rule"),
        Case([(.delete, "facsimileTelephoneNumber", [])], .success),
        Case([(.replace, "facsimileTelephoneNumber", ["3", "3"])], .attributeOrValueExists),
        Case([(.delete, "cn", ["M"])], .notAllowedOnRDN, "naming attribute 'cn' is not present in entry"),
        Case([(.replace, "cn", ["x"])], .notAllowedOnRDN, "value of naming attribute 'cn' is not present in entry"),
        Case([(.delete, "cn", [])], .notAllowedOnRDN),
        Case([(.replace, "cn", ["x", "M"])], .success),
        Case([(.delete, "cn", ["m"]), (.add, "cn", ["m"])], .success),
        Case([(.delete, "sn", [])], .objectClassViolation, "object class 'inetOrgPerson' requires attribute 'sn'"),
        Case([(.delete, "sn", []), (.add, "sn", ["q"])], .success),
        Case([(.add, "dc", ["q"])], .objectClassViolation, "attribute 'dc' not allowed"),
        Case([(.delete, "objectClass", [])], .objectClassViolation, "no objectClass attribute"),
        Case([(.replace, "objectClass", ["organizationalPerson"])], .objectClassModsProhibited,
            "structural object class modification from 'inetOrgPerson' to 'organizationalPerson' not allowed"),
        Case([(.replace, "objectClass", ["organizationalUnit"])], .objectClassModsProhibited),
        Case([(.add, "objectClass", ["organizationalUnit"])], .objectClassViolation,
            "invalid structural object class chain (inetOrgPerson/organizationalUnit)"),
        Case([(.add, "objectClass", ["person"])], .success),
        Case([(.add, "objectClass", ["dcObject"])], .objectClassViolation, "object class 'dcObject' requires attribute 'dc'"),
        Case([(.add, "objectClass", ["dcObject"]), (.add, "dc", ["q"])], .success),
        Case([(.add, "objectClass", ["foo"])], .invalidAttributeSyntax, "objectClass: value #0 invalid per syntax"),
        Case([(.add, "dc", ["a", "b"])], .constraintViolation, "dc: multiple values provided"),
        Case([(.add, "preferredLanguage", ["de"]), (.add, "preferredLanguage", ["en"])], .constraintViolation,
            "attribute 'preferredLanguage' cannot have multiple values"),
        Case([(.replace, "entryUUID", ["11111111-1111-1111-1111-111111111111"])], .constraintViolation, "entryUUID: no user modification allowed"),
        Case([(.replace, "modifyTimestamp", [])], .constraintViolation, "modifyTimestamp: no user modification allowed"),
        Case([(.add, "mail", ["O@x.example"])], .constraintViolation, "some attributes not unique: mail=o@x.example"),
        Case([(.replace, "mail", ["M@x.example"])], .success),
        Case([(.add, "description;lang-de", ["a"]), (.delete, "description", [])], .success),
        Case([(.increment, "sn", ["1"])], .constraintViolation, "sn: attribute syntax inappropriate for increment"),
    ])
    func answers(_ test: Case) async throws {
        let directory = try await person()
        let before = try directory.entry(Self.name)
        let answer = try await directory.modify(Self.name, test.changes)
        #expect(answer.code == test.code, "\(answer.result)")
        if !test.message.isEmpty { #expect(answer.result.message == test.message) }
        if answer.code != .success { #expect(try directory.entry(Self.name) == before) }
    }

    @Test func targets() async throws {
        let directory = try await person()
        let change: [Change] = [(.replace, "description", ["x"])]
        let missing = try await directory.modify("cn=q,cn=z,dc=com", change)
        #expect(missing.code == .noSuchObject && missing.result.matchedDN == Array("dc=com".utf8))
        #expect(try await directory.modify("", change).code == .unwillingToPerform)
        #expect(try await directory.modify("cn=subschema", change).code == .unwillingToPerform)
        #expect(try await directory.modify("nonsense", change).code == .invalidDNSyntax)
    }

    /// RFC 4514 section 2.4: names whose values hold what parts names, in whatever spelling.
    @Test(arguments: [
        (#"cn=a\, b\+c\\d,ou=people,dc=com"#, #"CN=A\2c B\2Bc\5Cd , OU=People,DC=com"#, ["a, b+c\\d"], "s"),
        (#"cn=x+sn=y\,z,ou=people,dc=com"#, #"SN=Y\2CZ+cn=X,ou=people, dc=com"#, ["x"], "y,z"),
    ])
    func namesThatHoldSeparators(dn: String, other: String, cn: [String], sn: String) async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        #expect(try await directory.add(dn, [("objectClass", ["person"]), ("cn", cn), ("sn", [sn])]).code == .success)
        for (number, name) in [dn, other].enumerated() {
            #expect(try await directory.modify(name, [(.replace, "description", ["\(number)"])]).code == .success)
            #expect(try directory.values(dn, "description") == ["\(number)"])
        }
        let below = try await directory.modify("cn=nobody,\(other)", [(.replace, "description", ["x"])])
        #expect(below.code == .noSuchObject && String(decoding: below.result.matchedDN, as: UTF8.self) == dn)
        #expect(try await directory.delete(other).code == .success)
    }

    @Test func changesAreInSequence() async throws {
        let directory = try await person()
        try await directory.modify(
            Self.name,
            [
                (.delete, "description", ["A"]), (.add, "description", ["c", "A"]), (.replace, "title", ["x"]), (.add, "title", ["y"]),
                (.delete, "title", ["X"]), (.add, "cn;lang-de", ["M"]),
            ])
        let entry = try #require(try directory.entry(Self.name))
        #expect(entry["description"] == ["b", "c", "A"] && entry["title"] == ["y"] && entry["cn;lang-de"] == ["M"] && entry["cn"] == ["m"])
    }

    @Test func operationalAttributesFollow() async throws {
        let directory = try await person()
        let before = try #require(try directory.entry(Self.name))
        let administrator = try directory.identity("cn=other,ou=people,dc=com", isAdministrator: true)
        try await directory.modify(Self.name, [(.replace, "title", ["x"])], as: administrator)
        let after = try #require(try directory.entry(Self.name))
        #expect(after["modifiersname"] == ["cn=administrator,cn=admins,cn=zimbra"] && after["creatorsname"] == ["cn=config"])
        #expect((after["entrycsn"]?.first ?? "") > (before["entrycsn"]?.first ?? ""))
        #expect(after["entryuuid"] == before["entryuuid"] && after["createtimestamp"] == before["createtimestamp"])
    }

    /// RFC 4525.
    @Test func increment() async throws {
        let directory = try await person()
        try await directory.modify(Self.name, [(.add, "objectClass", ["extensibleObject"]), (.add, "zimbraMailQuota", ["9223372036854775800"])])
        #expect(try await directory.modify(Self.name, [(.increment, "zimbraMailQuota", ["7"])]).code == .success)
        #expect(try directory.values(Self.name, "zimbraMailQuota") == ["9223372036854775807"])
        #expect(try await directory.modify(Self.name, [(.increment, "zimbraMailQuota", ["1"])]).code == .constraintViolation)
        #expect(try await directory.modify(Self.name, [(.increment, "zimbraMailQuota", ["99999999999999999999"])]).code == .constraintViolation)
        #expect(try await directory.modify(Self.name, [(.increment, "zimbraMailQuota", ["-9"])]).code == .success)
        #expect(try directory.values(Self.name, "zimbraMailQuota") == ["9223372036854775798"])
        #expect(try await directory.modify(Self.name, [(.increment, "departmentNumber", ["1"])]).code == .constraintViolation)
        #expect(try await directory.modify(Self.name, [(.increment, "zimbraAccountCalendarUserType", ["1"])]).code == .constraintViolation)
    }

    /// Ten times the values take about ten times as long, not a hundred times.
    @Test func manyValuesAreNotQuadratic() throws {
        let directory = try TestDirectory()
        let table = directory.directory.store.catalogue.table
        let checker = directory.directory.checker
        let type = try #require(directory.directory.schema.attributeType(named: "description"))
        let id = try #require(table.id(of: type))
        func time(_ count: Int) throws -> Duration {
            func values(_ range: Range<Int>) -> [String] { range.map { "Value number \($0)" } }
            var entry = Entry()
            entry[id] = values(0..<count).map { Array($0.utf8) }
            let start = ContinuousClock.now
            var revision = EntryRevision(entry, directory.directory, table)
            func apply(_ operation: ModifyRequest.Operation, _ range: Range<Int>) throws {
                let change = ModifyRequest.Change(operation, PartialAttribute("description", values(range)))
                try revision.apply(try Modification(change, checker))
            }
            try apply(.add, count..<2 * count)
            try apply(.delete, 0..<count)
            for number in 0..<count / 10 { try apply(.add, number..<number + 1) }
            #expect(revision.values(of: type).count == count + count / 10)
            return ContinuousClock.now - start
        }
        _ = try time(1_000)
        let small = try time(10_000)
        let large = try time(100_000)
        #expect(large < small * 40, "10,000 values: \(small), 100,000 values: \(large)")
    }

    @Test func aHundredThousandValuesThroughTheStore() async throws {
        let directory = try await person()
        let values = (0..<100_000).map { "Value number \($0)" }
        #expect(try await directory.modify(Self.name, [(.replace, "description", values)]).code == .success)
        #expect(try await directory.modify(Self.name, [(.add, "description", ["one more"]), (.delete, "description", ["value  number 77777"])]).code == .success)
        #expect(try await directory.modify(Self.name, [(.add, "description", ["VALUE number 5"])]).code == .attributeOrValueExists)
        #expect(try directory.values(Self.name, "description").count == 100_000)
    }
}
