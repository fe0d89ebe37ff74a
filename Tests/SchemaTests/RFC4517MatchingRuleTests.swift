import BER
import LDAP
import Schema
import SeededRandom
import Testing

/// Each rule of RFC 4517 section 4.2, and those from elsewhere.
struct RFC4517MatchingRuleTests {
    let schema = Fixture.schema

    @Test func booleanMatch() {
        #expect(schema.matches("TRUE", "TRUE", .booleanMatch))
        #expect(!schema.matches("TRUE", "FALSE", .booleanMatch))
        for bad in ["true", "", "TRUE ", "1", "FALSE\0"] { #expect(schema.canonical(bad, .booleanMatch) == nil) }
    }

    @Test func caseIgnoreMatch() {
        #expect(schema.matches("  Foo   BAR ", "foo bar", .caseIgnoreMatch))
        #expect(schema.text("  Foo   BAR ", .caseIgnoreMatch) == "foo bar")
        #expect(schema.text("   ", .caseIgnoreMatch) == " ")
        #expect(schema.canonical("", .caseIgnoreMatch) == nil)
        #expect(!schema.matches("foobar", "foo bar", .caseIgnoreMatch))
        #expect(!schema.matches("foo bar", "foo ba", .caseIgnoreMatch))
        #expect(!schema.matches("foo", "foo bar", .caseIgnoreMatch))
    }

    @Test func caseExactMatch() {
        #expect(schema.matches(" Foo  Bar", "Foo Bar", .caseExactMatch))
        #expect(!schema.matches("foo bar", "Foo Bar", .caseExactMatch))
        #expect(schema.text("Ǆ", .caseExactMatch) == "DŽ")
    }

    @Test func ia5Strings() {
        #expect(schema.matches("John@Example.COM", "john@example.com", .caseIgnoreIA5Match))
        #expect(!schema.matches("John@Example.COM", "john@example.com", .caseExactIA5Match))
        #expect(schema.canonical("jörg@example.com", .caseIgnoreIA5Match) == nil)
        #expect(schema.text("", .caseIgnoreIA5Match) == "")
    }

    @Test func numericStringMatch() {
        #expect(schema.matches("12 34 5", " 123 45", .numericStringMatch))
        #expect(schema.canonical("12a", .numericStringMatch) == nil)
        #expect(schema.canonical("", .numericStringMatch) == nil)
    }

    @Test func telephoneNumberMatch() {
        #expect(schema.matches("+1 512 315-0280", "+15123150280", .telephoneNumberMatch))
        #expect(schema.matches("+1 555 CALL", "+1-555-call", .telephoneNumberMatch))
        #expect(schema.text("- -", .telephoneNumberMatch) == " ")
        #expect(schema.canonical("", .telephoneNumberMatch) == nil)
    }

    @Test func integerMatch() {
        #expect(schema.matches("1321", "1321", .integerMatch))
        #expect(schema.matches("-17", "-17", .integerMatch))
        for bad in ["", "-", "+1", "01", "-0", "-01", "1 ", "1.0", "0x10", "１"] { #expect(schema.canonical(bad, .integerMatch) == nil, "\(bad)") }
        let huge = "9" + String(repeating: "0", count: 400)
        #expect(schema.matches(huge, huge, .integerMatch))
    }

    @Test func integersOrderAsNumbers() {
        var generator = SeededGenerator(seed: 4517)
        var numbers: [Int] = [0, 1, -1, 9, 10, -9, -10, 99, 100, .max, .min, .max - 1, .min + 1]
        for _ in 0..<2000 {
            let bits = Int.random(in: 1...62, using: &generator)
            numbers.append(Int.random(in: (-1 << bits)...((1 << bits) - 1), using: &generator))
        }
        let keys = numbers.map { schema.canonical(String($0), .integerOrderingMatch) ?? [] }
        for index in 1..<numbers.count {
            let (a, b) = (numbers[index - 1], numbers[index])
            #expect(keys[index - 1].precedes(keys[index]) == (a < b), "\(a) and \(b)")
            #expect((keys[index - 1] == keys[index]) == (a == b))
        }
        // Beyond 254 digits the count takes more octets.
        let texts = ["-1" + String(repeating: "0", count: 300), "-" + String(repeating: "9", count: 255), "-" + String(repeating: "9", count: 254),
                     "-1", "0", "1", String(repeating: "9", count: 254), "1" + String(repeating: "0", count: 254), String(repeating: "9", count: 255),
                     "1" + String(repeating: "0", count: 300)]
        let long = texts.map { schema.canonical($0, .integerOrderingMatch) ?? [] }
        for index in 1..<long.count { #expect(long[index - 1].precedes(long[index]), "\(texts[index])") }
    }

    @Test func generalizedTimeMatch() {
        // RFC 4517 section 3.3.13 gives the first two as the same moment.
        #expect(schema.matches("199412161032Z", "199412160532-0500", .generalizedTimeMatch))
        #expect(schema.text("19941216103200Z", .generalizedTimeMatch) == "19941216103200")
        #expect(schema.matches("20240229235959.500Z", "20240301005959,5+01", .generalizedTimeMatch))
        #expect(schema.text("2024010112.5Z", .generalizedTimeMatch) == "20240101123000")
        #expect(schema.text("202401011230.25Z", .generalizedTimeMatch) == "20240101123015")
        #expect(schema.text("2024010112.001Z", .generalizedTimeMatch) == "20240101120003.6")
        #expect(schema.text("20240101000000.000Z", .generalizedTimeMatch) == "20240101000000")
        #expect(schema.text("20240101000000+0130", .generalizedTimeMatch) == "20231231223000")
        #expect(schema.text("20231231233000-0130", .generalizedTimeMatch) == "20240101010000")
        #expect(schema.text("20161231235960Z", .generalizedTimeMatch) == "20161231235960")
        for bad in ["", "2024", "20240101", "2024010100", "20240230000000Z", "20230229000000Z", "20241301000000Z", "20240100000000Z",
                    "20240101240000Z", "20240101006000Z", "20240101000061Z", "20240101000000", "20240101000000z", "20240101000000Z ",
                    "20240101000000.Z", "20240101000000+24", "20240101000000+0060", "00000101000000+01", "99991231235959-01"] {
            #expect(schema.canonical(bad, .generalizedTimeMatch) == nil, "\(bad)")
        }
    }

    @Test func timesOrderAsMoments() {
        let texts = ["19991231235959Z", "20000101000000Z", "20000101000000.001Z", "20000101000000.01Z", "20000101000000.9999Z", "20000101000001Z",
                     "20000101010000+0030", "2000010101Z"]
        let keys = texts.map { schema.canonical($0, .generalizedTimeOrderingMatch) ?? [] }
        for index in 1..<keys.count { #expect(keys[index - 1].precedes(keys[index]), "\(texts[index])") }
    }

    @Test func octetStringsAreComparedAsTheyAre() {
        #expect(schema.canonical([0, 255, 32, 32], .octetStringMatch) == [0, 255, 32, 32])
        #expect(schema.canonical([UInt8](), .octetStringMatch) == [])
        #expect(!schema.matches("Secret", "secret", .octetStringMatch))
    }

    @Test func bitStringMatch() {
        #expect(schema.matches("'0101'B", "'0101'B", .bitStringMatch))
        #expect(!schema.matches("'0101'B", "'010'B", .bitStringMatch))
        for bad in ["0101", "'0102'B", "'01'b", "''", "'B"] { #expect(schema.canonical(bad, .bitStringMatch) == nil) }
    }

    @Test func caseIgnoreListMatch() {
        #expect(schema.matches("10 Main St.$ Anytown, CA 12345 $USA", "10 main st.$anytown,  ca 12345$usa", .caseIgnoreListMatch))
        #expect(!schema.matches("a$b", "a b", .caseIgnoreListMatch))
    }

    @Test func objectIdentifierMatch() {
        #expect(schema.matches("inetOrgPerson", "2.16.840.1.113730.3.2.2", .objectIdentifierMatch))
        #expect(schema.matches("INETORGPERSON", "inetorgperson", .objectIdentifierMatch))
        #expect(schema.text("commonName", .objectIdentifierMatch) == "2.5.4.3")
        #expect(schema.text("1.2.3", .objectIdentifierMatch) == "1.2.3")
        for bad in ["noSuchName", "1", "1..2", "1.02", "", "1.2."] { #expect(schema.canonical(bad, .objectIdentifierMatch) == nil, "\(bad)") }
    }

    @Test func firstComponents() {
        let description = "( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name )"
        #expect(schema.matches(description, "2.5.4.3", .objectIdentifierFirstComponentMatch))
        #expect(schema.matches(description, "cn", .objectIdentifierFirstComponentMatch))
        #expect(schema.matches("( 5 FORM x )", "5", .integerFirstComponentMatch))
    }

    @Test func distinguishedNameMatch() {
        #expect(schema.matches("CN=Steve  Kille, O=Isode Limited ,C=GB", "cn=steve kille,o=isode limited,c=gb", .distinguishedNameMatch))
        #expect(schema.matches("2.5.4.3=a", "commonName=A", .distinguishedNameMatch))
        #expect(schema.text("", .distinguishedNameMatch) == "")
        #expect(schema.canonical("nosuchtype=x", .distinguishedNameMatch) == nil)
        #expect(schema.canonical("cn", .distinguishedNameMatch) == nil)
    }

    @Test func uniqueMemberMatch() {
        #expect(schema.matches("cn=A,c=DE#'0101'B", "CN=a,C=de#'0101'B", .uniqueMemberMatch))
        #expect(!schema.matches("cn=A,c=DE#'0101'B", "CN=a,C=de", .uniqueMemberMatch))
    }

    @Test func uuidsAndSequenceNumbers() {
        #expect(schema.matches("597ae2f6-16a6-1027-98f4-d28b5365dc14", "597AE2F6-16A6-1027-98F4-D28B5365DC14", .uuidMatch))
        #expect(schema.canonical("597ae2f6-16a6-1027-98f4-d28b5365dc14", .uuidMatch)?.count == 16)
        #expect(schema.canonical("597ae2f616a6102798f4d28b5365dc14", .uuidMatch) == nil)
        let older = schema.canonical("20240101000000.000001Z#000000#000#000000", .csnOrderingMatch) ?? []
        let newer = schema.canonical("20240101000000.000001Z#00000A#000#000000", .csnOrderingMatch) ?? []
        #expect(!older.isEmpty && older.precedes(newer))
        #expect(schema.canonical("20240101000000.000001Z#00000#000#000000", .csnMatch) == nil)
        #expect(schema.text("20240101000000.000001Z#000000#0A1#000000", .csnSIDMatch) == "0a1")
    }

    @Test func substringsKeepOneSpaceAtTheCuts() {
        let rule = MatchingRule.caseIgnoreSubstringsMatch
        #expect(schema.piece("  Foo  ", .initial, rule) == "foo ")
        #expect(schema.piece("  Foo  ", .any, rule) == " foo ")
        #expect(schema.piece("  Foo  ", .final, rule) == " foo")
        #expect(schema.piece("   ", .any, rule) == " ")
        #expect(schema.piece("   ", .final, rule) == "")
        for part in [Schema.SubstringPart.initial, .any, .final] {
            #expect(schema.piece("  Foo  Bar  ", part, .caseIgnoreIA5SubstringsMatch) == "foo bar")
            #expect(schema.piece("  ", part, .caseIgnoreIA5SubstringsMatch) == "")
        }
        #expect(schema.piece("A   B", .any, rule) == "a b")
        #expect(schema.piece("  É  ", .any, rule) == " é ")
        #expect(schema.piece("12 3", .any, .numericStringSubstringsMatch) == "123")
        #expect(schema.piece("512-3", .initial, .telephoneNumberSubstringsMatch) == "5123")
        #expect(schema.piece("12", .any, .integerMatch) == nil)
        #expect(schema.piece("ö", .any, .caseIgnoreIA5SubstringsMatch) == nil)
    }

    @Test func everyRuleIsFoundByNameAndOID() {
        var oids: Set<String> = []
        for rule in MatchingRule.allCases {
            #expect(MatchingRule.named(rule.name) == rule)
            #expect(MatchingRule.named(rule.name.uppercased()) == rule)
            #expect(MatchingRule.named(rule.oid) == rule)
            #expect(oids.insert(rule.oid).inserted)
        }
        #expect(MatchingRule.named("noSuchMatch") == nil)
        #expect(MatchingRule.named("") == nil)
    }

    /// ``Schema/equals(_:normalized:by:scratch:)`` is another way to what ``Schema/normalize(_:by:into:)`` says; `matches` compares them.
    @Test func bothWaysOfComparingAgree() {
        var generator = SeededGenerator(seed: 2)
        let pieces = ["a", "B", " ", "  ", "ß", "SS", "é", "e\u{301}", "\t", "\u{ad}", "1", "-", ",", "k", "\u{212a}", "\u{1}", "Σ", "ς"]
        let rules: [MatchingRule] = [.caseIgnoreMatch, .caseExactMatch, .caseIgnoreIA5Match, .caseExactIA5Match, .telephoneNumberMatch, .caseIgnoreListMatch, .octetStringMatch]
        for _ in 0..<4000 {
            func word() -> String { (0..<Int.random(in: 0...4, using: &generator)).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &generator)] }.joined() }
            let (a, b) = (word(), word())
            for rule in rules { _ = schema.matches(a, b, rule) }
            // What is canonical stays as it is.
            for rule in rules where rule != .caseIgnoreListMatch {
                if let once = schema.canonical(a, rule), !once.isEmpty { #expect(schema.canonical(once, rule) == once, "\(a) by \(rule)") }
            }
        }
    }
}
