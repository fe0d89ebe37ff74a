import BER
import LDAP
import SeededRandom
import Testing

/// RFC 4514: string representation of distinguished names.
@Suite struct RFC4514_NameTests {
    private func flat(_ string: String) throws -> [[String]] {
        try DistinguishedName(string).rdns.map { $0.values.map { "\($0.type)=\(String(decoding: $0.value, as: UTF8.self))" } }
    }

    private func isRefused(_ string: String) -> Bool {
        do {
            _ = try DistinguishedName(string)
            return false
        } catch {
            return error.code == .invalidDNSyntax
        }
    }

    @Test func section4Examples() throws {
        #expect(try flat("UID=jsmith,DC=example,DC=net") == [["UID=jsmith"], ["DC=example"], ["DC=net"]])
        #expect(
            try flat("OU=Sales+CN=J.  Smith,DC=example,DC=net") == [["OU=Sales", "CN=J.  Smith"], ["DC=example"], ["DC=net"]])
        #expect(
            try flat(#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#)
                == [[#"CN=James "Jim" Smith, III"#], ["DC=example"], ["DC=net"]])
        #expect(try flat(#"CN=Before\0dAfter,DC=example,DC=net"#) == [["CN=Before\rAfter"], ["DC=example"], ["DC=net"]])
        #expect(try flat("1.3.6.1.4.1.1466.0=#04024869") == [["1.3.6.1.4.1.1466.0=Hi"]])
        #expect(try flat(#"CN=Lu\C4\8Di\C4\87"#) == [["CN=Lučić"]])
    }

    @Test func section4ExamplesAreWrittenBack() throws {
        for string in [
            "UID=jsmith,DC=example,DC=net", "OU=Sales+CN=J.  Smith,DC=example,DC=net",
            #"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#, "1.3.6.1.4.1.1466.0=#04024869", "CN=Lučić", "",
        ] {
            #expect(try DistinguishedName(string).description == string)
        }
        #expect(try DistinguishedName(#"CN=Before\0dAfter"#).description == #"CN=Before\0DAfter"#)
    }

    @Test func section2_4Escaping() {
        func escaped(_ value: [UInt8]) -> String {
            var bytes: [UInt8] = []
            AttributeTypeAndValue.escape(value.rawSpan, into: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(escaped(Array(" a b ".utf8)) == #"\ a b\ "#)
        #expect(escaped(Array(" ".utf8)) == #"\ "#)
        #expect(escaped(Array("#1 #2".utf8)) == "\\#1 #2")
        #expect(escaped(Array(#"",+;<>\="#.utf8)) == #"\"\,\+\;\<\>\\="#)
        #expect(escaped([0x00, 0x41]) == #"\00A"#)
        #expect(escaped([0x41, 0xff]) == #"A\FF"#)
        #expect(escaped(Array("é".utf8)) == "é")
    }

    @Test func spacesAroundSeparators() throws {
        #expect(try flat(" cn = a b , dc = c + ou= d ") == [["cn=a b"], ["dc=c", "ou=d"]])
        #expect(try flat(#"cn=a\ "#) == [["cn=a "]])
        #expect(try flat(#"cn=a \20 , dc=b"#) == [["cn=a  "], ["dc=b"]])
        #expect(try flat(#"cn=a\, b  "#) == [["cn=a, b"]])
    }

    @Test func formsOfLDAPv2() throws {
        #expect(try flat(#"cn="a, b;c\"d" ; oid.2.5.4.10=x"#) == [[#"cn=a, b;c"d"#], ["2.5.4.10=x"]])
        #expect(try flat("cn=\"\"") == [["cn="]])
    }

    @Test func hexValues() throws {
        #expect(try DistinguishedName("cn=#0C03C3A941").rdns[0].values[0].value == [0xc3, 0xa9, 0x41])
        #expect(try DistinguishedName("cn=#020105").rdns[0].values[0].value == [0x02, 0x01, 0x05])
        for string in ["cn=#", "cn=#0", "cn=#04", "cn=#0405", "cn=#0401410", "cn=#04014100", "cn=#0401zz", "cn=#0401 41"] {
            #expect(isRefused(string), "\(string)")
        }
    }

    @Test func emptyValuesAreNames() throws {
        #expect(try flat("cn=,dc=a") == [["cn="], ["dc=a"]])
    }

    @Test func malformed() {
        for string in [
            " ", ",", "cn", "=a", "cn=a,", ",cn=a", "cn=a,,dc=b", "cn=a+", "cn=a+,dc=b", "+", #"cn=a\"#, #"cn=a\4"#, #"cn=a\zz"#,
            #"cn="a"#, #"cn="a"b"#, #"cn=a"b"#, "cn=a<b", "cn=a>b", "c n=a", "-cn=a", "1=a", "1.=a", "1..2=a", "01.2=a", "cn;x=a",
            "cn=a\u{0}b", "oid.=a", "c_n=a",
        ] {
            #expect(isRefused(string), "\(string)")
        }
    }

    private func isUTF8(_ bytes: [UInt8]) -> Bool { bytes.rawSpan.isUTF8 }

    @Test func bytesThatAreNotUTF8() {
        for tail: [UInt8] in [
            [0xff], [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc3], [0xe2, 0x82],
        ] {
            let bytes = Array("cn=".utf8) + tail
            #expect(throws: LDAPError.self) { try DistinguishedName(parsing: bytes.rawSpan) }
            #expect(!isUTF8(tail))
        }
        #expect(isUTF8(Array("aé€😀 and eight more bytes".utf8)))
    }

    @Test func levelsAreBounded() throws {
        let thousand = Array(repeating: "dc=a", count: 1000).joined(separator: ",")
        #expect(try DistinguishedName(thousand).rdns.count == 1000)
        #expect(isRefused(thousand + ",dc=a"))
        #expect(isRefused(Array(repeating: "dc=a", count: 10_000).joined(separator: "+")))
    }

    @Test func aMegabyteOfValue() throws {
        let value = String(repeating: "x", count: 1 << 20)
        #expect(try DistinguishedName("cn=\(value)").rdns[0].values[0].value.count == 1 << 20)
    }

    @Test func newRDN() throws {
        let bytes = Array("cn=a+sn=b".utf8)
        #expect(try RelativeDistinguishedName(parsing: bytes.rawSpan).description == "cn=a+sn=b")
        for string in ["", "cn=a,dc=b"] {
            let bytes = Array(string.utf8)
            #expect(throws: LDAPError.self) { try RelativeDistinguishedName(parsing: bytes.rawSpan) }
        }
    }

    @Test func everyNameSurvivesARoundTrip() throws {
        var generator = SeededGenerator(seed: 5)
        let alphabet = Array(#" #,+"\<>;=ab0é€😀"#.unicodeScalars)
        for _ in 0..<5000 {
            let rdns = (0..<generator.below(4)).map { _ in
                RelativeDistinguishedName(
                    values: (0...generator.below(2)).map { _ in
                        let type = ["cn", "x-Y-1", "2.5.4.3"][generator.below(3)]
                        if generator.below(4) == 0 { return AttributeTypeAndValue(type: type, value: generator.bytes(generator.below(9))) }
                        var text = ""
                        for _ in 0..<generator.below(9) { text.unicodeScalars.append(alphabet[generator.below(alphabet.count)]) }
                        return AttributeTypeAndValue(type: type, value: Array(text.utf8))
                    })
            }
            let name = DistinguishedName(rdns: rdns)
            #expect(try DistinguishedName(name.description) == name)
        }
    }

    @Test func mutatedNamesNeverTrap() {
        var generator = SeededGenerator(seed: 6)
        let seeds = [
            #"CN=James \"Jim\" Smith\, III + OU=#04024869 ; DC="a b",DC=net"#, "OU=Sales+CN=J.  Smith,DC=example,OID.2.5.4.3=é",
        ].map { Array($0.utf8) }
        var accepted = 0
        for index in 0..<30_000 {
            let bytes = generator.mutated(seeds[index % seeds.count])
            if let name = try? DistinguishedName(parsing: bytes.rawSpan) {
                accepted += 1
                #expect((try? DistinguishedName(name.description)) == name)
            }
        }
        #expect(accepted > 100)
    }
}
