@testable import Directory
import LDAP
import Testing

/// RFC 4511 section 4.7, with the result codes and words of slapd.
struct RFC4511_4_7_AddTests {
    /// Attributes of an organizational unit and what they make an add answer.
    struct Case: Sendable, CustomTestStringConvertible {
        let dn: String
        let attributes: [(String, [String])]
        let code: ResultCode
        let message: String
        var testDescription: String { "\(dn) \(attributes.map(\.0))" }

        init(_ dn: String, _ attributes: [(String, [String])], _ code: ResultCode, _ message: String = "") {
            self.dn = dn
            self.attributes = attributes
            self.code = code
            self.message = message
        }
    }

    static let unit = [("objectClass", ["organizationalUnit"])]

    @Test(arguments: [
        Case("ou=x,dc=com", unit, .success),
        Case(" OU = x , dc = com", unit, .success),
        Case("ou=x,dc=com", unit + [("ou", ["other"])], .success),
        Case("ou=x+description=y,dc=com", unit, .success),
        Case("ou=x,dc=com", unit + [("description;lang-de", ["a"]), ("description", ["a"])], .success),
        Case("ou=x,dc=com", [("objectClass", ["2.5.6.5"])], .success),
        Case("ou=x,dc=com", [("objectClass", ["organizationalUnit", "extensibleObject"]), ("mail", ["a@b"])], .success),
        Case("dc=com", unit + [("ou", ["x"])], .objectClassViolation, "attribute 'dc' not allowed"),
        Case("ou=people,dc=com", unit, .entryAlreadyExists),
        Case("ou=x,ou=y,dc=com", unit, .noSuchObject),
        Case("", unit, .entryAlreadyExists, "root DSE already exists"),
        Case("cn=Subschema", unit, .entryAlreadyExists, "subschema subentry already exists"),
        Case("nonsense", unit, .invalidDNSyntax),
        Case("nonsense=x,dc=com", unit, .invalidDNSyntax),
        Case("ou=x+ou=y,dc=com", unit, .invalidDNSyntax),
        Case("entryUUID=11111111-1111-1111-1111-111111111111,dc=com", unit, .namingViolation, "naming attribute 'entryUUID' is operational"),
        Case("facsimileTelephoneNumber=1,dc=com", unit, .namingViolation, "naming attribute 'facsimileTelephoneNumber' has no equality matching rule"),
        Case("ou=x,dc=com", unit + [("foo", ["a"])], .undefinedAttributeType, "foo: attribute type undefined"),
        Case("ou=x,dc=com", unit + [("description;foo", ["a"])], .undefinedAttributeType, "description;foo: unrecognized option"),
        Case("ou=x,dc=com", unit + [("description;lang-", ["a"])], .undefinedAttributeType, "description;lang-: inappropriate use of tag range option"),
        Case("ou=x,dc=com", unit + [("description;binary", ["a"])], .undefinedAttributeType, "description;binary: option \"binary\" not supported with type"),
        Case("ou=x,dc=com", unit + [("userCertificate", ["a"])], .undefinedAttributeType, "userCertificate: requires ;binary transfer"),
        Case("ou=x,dc=com", unit + [("userCertificate;binary", ["a"])], .invalidAttributeSyntax, "userCertificate;binary: value #0 invalid per syntax"),
        Case("ou=x,dc=com", unit + [("description", [""])], .invalidAttributeSyntax, "description: value #0 invalid per syntax"),
        Case("ou=x,dc=com", unit + [("seeAlso", ["dc=com", "foo"])], .invalidAttributeSyntax, "seeAlso: value #1 invalid per syntax"),
        Case("ou=x,dc=com", unit + [("description", ["a", "b", " A "])], .attributeOrValueExists, "description: value #0 provided more than once"),
        Case("ou=x,dc=com", unit + [("description", ["a"]), ("Description", ["b"])], .attributeOrValueExists, "attribute 'Description' provided more than once"),
        Case("ou=x,dc=com", unit + [("entryUUID", ["11111111-1111-1111-1111-111111111111"])], .constraintViolation, "entryUUID: no user modification allowed"),
        Case("dc=x,dc=com", [("objectClass", ["dcObject", "organization"]), ("dc", ["x", "y"]), ("o", ["x"])], .constraintViolation, "dc: multiple values provided"),
        Case("ou=x,dc=com", [("ou", ["x"])], .objectClassViolation, "no objectClass attribute"),
        Case("ou=x,dc=com", [("objectClass", ["fooBar"])], .invalidAttributeSyntax, "objectClass: value #0 invalid per syntax"),
        Case("ou=x,dc=com", [("objectClass", ["top"])], .objectClassViolation, "no structural object class provided"),
        Case("ou=x,dc=com", [("objectClass", ["extensibleObject"])], .objectClassViolation, "no structural object class provided"),
        Case("ou=x,dc=com", [("objectClass", ["organizationalUnit", "organization"]), ("o", ["x"])], .objectClassViolation,
            "invalid structural object class chain (organizationalUnit/organization)"),
        Case("cn=x,dc=com", [("objectClass", ["person"])], .objectClassViolation, "object class 'person' requires attribute 'sn'"),
        Case("ou=x,dc=com", unit + [("mail", ["a@b"])], .objectClassViolation, "attribute 'mail' not allowed"),
        Case("cn=x,cn=alias,dc=com", unit + [("ou", ["x"])], .objectClassViolation, "attribute 'cn' not allowed"),
        Case("ou=x,cn=alias,dc=com", unit, .aliasProblem, "parent is an alias"),
        Case("ou=x,cn=subentry,dc=com", unit, .objectClassViolation, "parent is a subentry"),
        Case("ou=x,cn=referral,dc=com", unit, .referral),
    ])
    func answers(_ test: Case) async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.add("cn=alias,dc=com", [("objectClass", ["alias", "extensibleObject"]), ("aliasedObjectName", ["dc=com"])])
        try await directory.add("cn=subentry,dc=com", [("objectClass", ["subentry"]), ("subtreeSpecification", ["{}"])])
        try await directory.add(
            "cn=referral,dc=com", [("objectClass", ["referral", "extensibleObject"]), ("ref", ["ldap://x.example/dc=org The label"])])
        let answer = try await directory.add(test.dn, test.attributes)
        #expect(answer.code == test.code, "\(answer.result)")
        if !test.message.isEmpty { #expect(answer.result.message == test.message) }
        if test.code == .noSuchObject { #expect(answer.result.matchedDN == Array("dc=com".utf8)) }
        if test.code == .referral {
            #expect(answer.result.referrals == ["ldap://x.example/ou=x,dc=org"])
            #expect(answer.result.matchedDN == Array("cn=referral,dc=com".utf8))
        }
    }

    @Test func namingValuesAreAdded() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        #expect(try await directory.add("ou=a+description=b,dc=com", Self.unit + [("ou", ["x", "A"])]).code == .success)
        #expect(try directory.values("description=b+ou=a,dc=com", "ou") == ["x", "A"])
        #expect(try directory.values("description=b+ou=a,dc=com", "description") == ["b"])
        #expect(try directory.name("OU=A + Description=B,dc=com") == "ou=a+description=b,dc=com")
    }

    @Test func operationalAttributesAreMade() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        let entry = try #require(try directory.entry("ou=people,dc=com"))
        #expect(entry["structuralobjectclass"] == ["organizationalUnit"])
        #expect(entry["creatorsname"] == ["cn=config"] && entry["modifiersname"] == ["cn=config"])
        let uuid = try #require(entry["entryuuid"]?.first)
        #expect(uuid.count == 36 && uuid == uuid.lowercased() && Array(uuid)[14] == "4" && "89ab".contains(Array(uuid)[19]))
        let created = try #require(entry["createtimestamp"]?.first)
        #expect(created.count == 15 && created.hasPrefix("2") && created.hasSuffix("Z") && entry["modifytimestamp"] == [created])
        let csn = try #require(entry["entrycsn"]?.first)
        #expect(csn.count == 40 && csn.hasSuffix("Z#000000#000#000000") && csn.hasPrefix(created.dropLast()))
        #expect(try directory.values("dc=com", "structuralObjectClass") == ["organization"])
        #expect(try directory.values("dc=com", "entryCSN")[0] < csn)
    }

    @Test func namingContextsStandSideBySide() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        #expect(try await directory.add("cn=zimbra", [("objectClass", ["organizationalRole"])]).code == .success)
        #expect(try await directory.add("dc=org", [("objectClass", ["dcObject", "organization"]), ("o", ["x"])]).code == .success)
    }

    @Test func uniqueValues() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        #expect(try await directory.addPerson("a", [("mail", ["a@x.example"])]).code == .success)
        let answer = try await directory.addPerson("b", [("mail", ["b@x.example", "A@X.example"])])
        #expect(answer.code == .constraintViolation)
        #expect(answer.result.message == "some attributes not unique: mail=a@x.example")
        // slapd: an entry does not stand in its own way.
        #expect(try await directory.addPerson("A", [("mail", ["a@x.example"])]).code == .entryAlreadyExists)
        // Before what the schema says of the whole.
        #expect(try await directory.add("ou=c,dc=com", Self.unit + [("mail", ["a@x.example"])]).code == .constraintViolation)
    }

    @Test func longNames() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        let name = String(repeating: "n", count: 20_000)
        #expect(try await directory.add("ou=\(name),dc=com", Self.unit).code == .success)
        #expect(try await directory.add("ou=\(name),dc=com", Self.unit).code == .entryAlreadyExists)
        #expect(try directory.values("ou=\(name),dc=com", "ou") == [name])
        #expect(try await directory.add("ou=\(name)\(name),dc=com", Self.unit).code == .unwillingToPerform)
    }
}
