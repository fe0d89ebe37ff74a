import BER
import LDAP
import SeededRandom
import Testing

/// RFC 4515 (string form) and RFC 4511 section 4.5.1.7 (BER form) of filters; RFC 4526 (absolute true and false).
@Suite struct RFC4515_FilterTests {
    private func encoded(_ filter: Filter) -> [UInt8] { written { filter.encode(into: &$0) } }

    @Test func section4Examples() throws {
        for string in [
            "(cn=Babs Jensen)", "(!(cn=Tim Howes))", "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))", "(o=univ*of*mich*)",
            "(seeAlso=)", "(cn:caseExactMatch:=Fred Flintstone)", "(cn:=Betty Rubble)", "(sn:dn:2.4.6.8.10:=Barney Rubble)",
            "(o:dn:=Ace Industry)", "(:1.2.3:=Wilma Flintstone)", "(:dn:2.4.6.8.10:=Dino)",
            #"(o=Parens R Us \28for all your parenthetical needs\29)"#, #"(cn=*\2a*)"#, #"(filename=C:\5cMyFile)"#,
            #"(bin=\00\00\00\04)"#, "(cn=*)", "(&)", "(|)", "(a>=1)", "(a<=1)", "(a~=1)", "(cn=*a)", "(cn=a*)", "(cn=*a*)", "(cn=a*b)",
        ] {
            let filter = try Filter(string)
            #expect(filter.description == string)
            let bytes = encoded(filter)
            #expect(try Filter(decoding: bytes) == filter, "\(string)")
        }
        #expect(try Filter(#"(sn=Lu\c4\8di\c4\87)"#).description == "(sn=Lučić)")
        #expect(try Filter(#"(1.3.6.1.4.1.1466.0=\04\02\48\69)"#).description == #"(1.3.6.1.4.1.1466.0=\04\02Hi)"#)
    }

    @Test func flatNodesInPreOrder() throws {
        let filter = try Filter("(&(|(a=1)(b=2*3))(!(c=*)))")
        #expect(filter.nodes.map(\.kind) == [.and, .or, .equality, .substrings, .initial, .final, .not, .present])
        #expect(filter.nodes.map(\.end) == [8, 6, 3, 6, 5, 6, 8, 8])
        let decoded = try Filter(decoding: encoded(filter))
        #expect(decoded.nodes.map(\.end) == [8, 6, 3, 6, 5, 6, 8, 8])
        #expect(decoded.nodes.map { text(decoded.bytes, $0.value) } == ["", "", "1", "", "2", "3", "", ""])
        #expect(decoded.nodes.map { text(decoded.bytes, $0.attribute) } == ["", "", "a", "b", "", "", "", "c"])
    }

    @Test func knownEncoding() throws {
        #expect(encoded(try Filter("(cn=a)")) == [0xa3, 0x07, 0x04, 0x02, 0x63, 0x6e, 0x04, 0x01, 0x61])
        #expect(encoded(try Filter("(cn=a*b)")) == [0xa4, 0x0c, 0x04, 0x02, 0x63, 0x6e, 0x30, 0x06, 0x80, 0x01, 0x61, 0x82, 0x01, 0x62])
        #expect(encoded(try Filter("(:dn:1.2:=x)")) == [0xa9, 0x0b, 0x81, 0x03, 0x31, 0x2e, 0x32, 0x83, 0x01, 0x78, 0x84, 0x01, 0xff])
        #expect(encoded(try Filter("(&)")) == [0xa0, 0x00])
    }

    @Test func whatOpenLDAPAccepts() throws {
        #expect(try Filter("cn=a").description == "(cn=a)")
        #expect(try Filter(" ( & (a=1) (b=2) ) ").description == "(&(a=1)(b=2))")
        #expect(try Filter(#"(cn=\(x\*\)\\)"#).description == #"(cn=\28x\2a\29\5c)"#)
        #expect(try Filter("(cn=a**b)").description == "(cn=a*b)")
    }

    @Test func malformedStrings() {
        for string in [
            "", "(", ")", "()", "(cn)", "(=a)", "(cn=a", "cn=a)", "(cn=a))", "(cn=a)(cn=b)", "(!)", "(!(a=1)(b=2))", "(&(a=1)", "(a=1)x",
            "(cn=a(b)", "(cn=**)", #"(cn=\)"#, #"(cn=\4)"#, #"(cn=\zz)"#, "(c n=a)", "(:=a)", "(:dn:=a)", "(cn:x:y:=a)", "(cn::=a)",
            "(cn:dn:dn:=a)", "(&a=1)", "(~=a)", "(cn=a\u{0}b)", "(cn;=a)", "(cn:dn:x:y:=a)",
        ] {
            let expected: ResultCode? = string == "(cn:dn:dn:=a)" ? nil : .protocolError
            #expect(code { _ = try Filter(string) } == expected, "\(string)")
        }
    }

    @Test func malformedEncodings() {
        let term = element(0xa3, octets("a"), octets("1"))
        for bytes: [UInt8] in [
            [], [0xa0], [0x30, 0x00], octets("a"), element(0xa2), element(0xa2, term, term), element(0xa3, octets("a")),
            element(0xa3, octets("a"), octets("b"), octets("c")), element(0xa4, octets("a"), element(0x30)),
            element(0xa4, octets("a"), element(0x30, element(0x81), element(0x80))),
            element(0xa4, octets("a"), element(0x30, element(0x82), element(0x81))),
            element(0xa4, octets("a"), element(0x30, element(0x80), element(0x80))),
            element(0xa4, octets("a"), element(0x30, element(0x83))), element(0xa9, element(0x83)), element(0xa9, element(0x81)),
            element(0xa0, term) + [0], element(0xa0, term, [0x00]), element(0xa0, [0xa1, 0x7f]),
        ] {
            #expect(code { _ = try Filter(decoding: bytes) } == .protocolError, "\(bytes)")
        }
    }

    @Test func unknownChoicesAreUndefined() throws {
        let filter = try Filter(decoding: element(0xa0, element(0xaa, [1, 2, 3]), element(0x87, bytes("cn"))))
        #expect(filter.nodes.map(\.kind) == [.and, .undefined, .present])
        #expect(filter.description == "(&(?=undefined)(cn=*))")
        #expect(try Filter(decoding: encoded(filter)) == filter)
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            // Written from inside out; minimal lengths.
            var bytes = element(0x87, [0x61])
            for _ in 0..<depth { bytes = element(0xa2, bytes) }
            return bytes
        }
        #expect(try Filter(decoding: nested(100)).nodes.count == 101)
        #expect(code { _ = try Filter(decoding: nested(101)) } == .adminLimitExceeded)
        #expect(try Filter(decoding: nested(500), limits: DecodingLimits(filterDepth: 500)).nodes.count == 501)
        let deep = String(repeating: "(!", count: 1_000_000)
        #expect(code { _ = try Filter(deep) } == .adminLimitExceeded)
        var claims: [UInt8] = []
        for index in 0..<1_000_000 {
            let left = (1_000_000 - index) * 6
            claims += [0xa0, 0x84, UInt8(left >> 24), UInt8(left >> 16 & 0xff), UInt8(left >> 8 & 0xff), UInt8(left & 0xff)]
        }
        claims += [0xa0, 0x84, 0, 0, 0, 0]
        #expect(code { _ = try Filter(decoding: claims) } == .adminLimitExceeded)
        // The same without a limit: no recursion.
        let unlimited = DecodingLimits(filterDepth: .max, filterNodes: .max)
        #expect(try Filter(deep + "(a=*)" + String(repeating: ")", count: 1_000_000), limits: unlimited).nodes.count == 1_000_001)
    }

    @Test func termsAreBounded() throws {
        let term = element(0x87, [0x61])
        #expect(try Filter(decoding: element(0xa1, Array(repeating: term, count: 4095).flatMap { $0 })).nodes.count == 4096)
        #expect(code { _ = try Filter(decoding: element(0xa1, Array(repeating: term, count: 100_000).flatMap { $0 })) } == .adminLimitExceeded)
        let parts = Array(repeating: element(0x81, [0x61]), count: 10_000).flatMap { $0 }
        #expect(code { _ = try Filter(decoding: element(0xa4, octets("a"), element(0x30, parts))) } == .adminLimitExceeded)
        #expect(code { _ = try Filter("(|" + String(repeating: "(a=*)", count: 4096) + ")") } == .adminLimitExceeded)
        #expect(code { _ = try Filter("(a=" + String(repeating: "*b", count: 10_000) + ")") } == .adminLimitExceeded)
    }

    /// A random filter in string form.
    private func random(_ generator: inout SeededGenerator, depth: Int) -> String {
        func value(_ minimum: Int) -> String {
            var bytes: [UInt8] = []
            let raw = generator.bytes(minimum + generator.below(5)).map { generator.below(2) == 0 ? $0 : $0 & 0x7f }
            Filter.escape(raw.rawSpan, into: &bytes)
            return text(bytes)
        }
        if depth > 0, generator.below(2) == 0 {
            let count = generator.below(4)
            switch generator.below(3) {
            case 0: return "(&" + (0..<count).map { _ in random(&generator, depth: depth - 1) }.joined() + ")"
            case 1: return "(|" + (0..<count).map { _ in random(&generator, depth: depth - 1) }.joined() + ")"
            default: return "(!" + random(&generator, depth: depth - 1) + ")"
            }
        }
        let name = ["cn", "cn;lang-de", "2.5.4.3"][generator.below(3)]
        switch generator.below(8) {
        case 0: return "(\(name)=\(value(0)))"
        case 1: return "(\(name)>=\(value(0)))"
        case 2: return "(\(name)<=\(value(0)))"
        case 3: return "(\(name)~=\(value(0)))"
        case 4: return "(\(name)=*)"
        case 5: return "(\(name)=\(value(1))*\(value(1))*\(value(1)))"
        case 6: return "(\(name):dn:caseExactMatch:=\(value(0)))"
        default: return "(\(name)=*\(value(1))*)"
        }
    }

    @Test func everyFilterSurvivesBothRoundTrips() throws {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<3000 {
            let string = random(&generator, depth: 5)
            let filter = try Filter(string)
            #expect(filter.description == string)
            #expect(try Filter(decoding: encoded(filter)) == filter)
        }
    }

    @Test func mutatedFiltersNeverTrap() throws {
        var generator = SeededGenerator(seed: 9)
        var accepted = 0
        for _ in 0..<10_000 {
            let string = random(&generator, depth: 3)
            let mutated = generator.mutated(Array(string.utf8))
            if let filter = try? Filter(parsing: mutated.rawSpan) {
                accepted += 1
                #expect(try Filter(filter.description) == filter)
            }
            let bytes = generator.mutated(encoded(try Filter(string)))
            if let filter = try? Filter(decoding: bytes) {
                _ = filter.description
                _ = encoded(filter)
            }
        }
        #expect(accepted > 500)
    }
}
