import BER
import LDAP
import Testing

/// RFC 4512 sections 1.4 (oid) and 2.5 (attribute descriptions).
@Suite struct RFC4512_DescriptionTests {
    private func parse(_ string: String) -> (type: String, options: [String])? {
        let bytes = Array(string.utf8)
        guard let description = AttributeDescription(parsing: bytes.rawSpan) else { return nil }
        return (text(bytes, description.type), description.options.map { text(bytes, $0) })
    }

    private func isValid(_ string: String) -> Bool {
        let bytes = Array(string.utf8)
        return AttributeDescription.isValid(bytes.rawSpan)
    }

    @Test func wellFormed() throws {
        for (string, type, options) in [
            ("cn", "cn", []), ("2.5.4.0", "2.5.4.0", []), ("cn;lang-de;lang-en", "cn", ["lang-de", "lang-en"]),
            ("userCertificate;binary", "userCertificate", ["binary"]), ("x-1;1", "x-1", ["1"]), ("0.9", "0.9", []),
        ] as [(String, String, [String])] {
            let found = try #require(parse(string))
            #expect(found.type == type && found.options == options)
            #expect(isValid(string))
        }
    }

    @Test func malformed() {
        for string in ["", ";", "cn;", "cn;;x", ";x", "1", "1.", ".1", "1.02", "1..2", "c n", "cn ", "cn;a b", "-a", "a_b", "é", "cn;é", "*"] {
            #expect(parse(string) == nil, "\(string)")
            #expect(!isValid(string), "\(string)")
        }
    }
}
