import BER
import LDAP
import Schema
import Testing

/// Canonical names: what the name tree and the indexes are keyed by.
struct NameNormalizationTests {
    let schema = Fixture.schema

    @Test func typesAndValues() throws {
        #expect(try schema.canonicalDN("UID=Ada.Lovelace , OU=People,DC=Example,DC=COM") == "uid=ada.lovelace,ou=people,dc=example,dc=com")
        #expect(try schema.canonicalDN("0.9.2342.19200300.100.1.1=a,domainComponent=B") == "uid=a,dc=b")
        #expect(try schema.canonicalDN("zimbraPrefIdentityName=Support\\, Level 2,dc=x") == "zimbraprefidentityname=support\\2c level 2,dc=x")
        #expect(try schema.canonicalDN("cn=a\\+b\\\\c\\=d\\23") == "cn=a\\2bb\\5cc=d#")
        #expect(try schema.canonicalDN("") == "")
        #expect(try schema.canonicalDN("cn=Straße") == schema.canonicalDN("CN=STRASSE"))
    }

    @Test func orderWithinAnRDNSaysNothing() throws {
        #expect(try schema.canonicalDN("CN=B+OU=a,dc=x") == schema.canonicalDN("ou=A+cn=b,dc=x"))
        #expect(try schema.canonicalDN("OU=a+CN=B,dc=x") == "cn=b+ou=a,dc=x")
        #expect(try schema.canonicalDN("cn=a\\+ou=b") != schema.canonicalDN("cn=a+ou=b"))
    }

    @Test(arguments: ["nosuch=a", "cn=,dc=x", "dc=é", "zimbraId=", "uidNumber=abc,dc=x", "cn=a,nosuch=b"])
    func invalid(_ name: String) {
        #expect {
            try schema.canonicalDN(name)
        } throws: {
            ($0 as? LDAPError)?.code == .invalidDNSyntax
        }
    }

    @Test func failureLeavesNothingBehind() throws {
        var out: [UInt8] = [1, 2]
        let name = try DistinguishedName(parsing: Array("cn=a,nosuch=b".utf8).rawSpan)
        #expect(throws: LDAPError.self) { try schema.normalizeDN(name, into: &out) }
        #expect(out == [1, 2])
    }
}
