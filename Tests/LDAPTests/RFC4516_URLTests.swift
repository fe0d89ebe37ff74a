import BER
import LDAP
import SeededRandom
import Testing

/// RFC 4516: LDAP URLs.
@Suite struct RFC4516_URLTests {
    @Test func section4Examples() throws {
        #expect(try LDAPURL("ldap:///o=University%20of%20Michigan,c=US").dn == "o=University of Michigan,c=US")
        let second = try LDAPURL("ldap://ldap1.example.net/o=University%20of%20Michigan,c=US")
        #expect(second.host == "ldap1.example.net" && second.port == nil)
        let third = try LDAPURL(
            "ldap://ldap1.example.net/o=University%20of%20Michigan,c=US?postalAddress")
        #expect(third.attributes == ["postalAddress"])
        let fourth = try LDAPURL("ldap://ldap1.example.net:6666/o=University%20of%20Michigan,c=US??sub?(cn=Babs%20Jensen)")
        #expect(fourth.port == 6666 && fourth.scope == .wholeSubtree && fourth.filter == "(cn=Babs Jensen)")
        #expect(fourth.attributes.isEmpty)
        let fifth = try LDAPURL("LDAP://ldap1.example.com/c=GB?objectClass?ONE")
        #expect(fifth.attributes == ["objectClass"] && fifth.scope == .singleLevel)
        #expect(try LDAPURL("ldap://ldap2.example.com/o=Question%3f,c=US?mail").dn == "o=Question?,c=US")
        let bytes = try LDAPURL("ldap://ldap3.example.com/o=Babsco,c=US???(four-octet=%5c00%5c00%5c00%5c04)")
        #expect(bytes.filter == #"(four-octet=\00\00\00\04)"#)
        #expect(try Filter(bytes.filter ?? "").nodes.count == 1)
        #expect(try LDAPURL(#"ldap://ldap.example.com/o=An%20Example%5C2C%20Inc.,c=US"#).dn == #"o=An Example\2C Inc.,c=US"#)
        let empty = try LDAPURL("ldap://ldap.example.net/??sub??e-bindname=cn=Manager%2cdc=example%2cdc=com")
        #expect(empty.extensions == [.init(type: "e-bindname", value: "cn=Manager,dc=example,dc=com")])
        let critical = try LDAPURL("ldap:///??sub??!e-bindname=cn=Manager%2cdc=example%2cdc=com")
        #expect(critical.extensions.first?.isCritical == true)
        for same in ["ldap://ldap.example.net", "ldap://ldap.example.net/", "ldap://ldap.example.net/?"] {
            #expect(try LDAPURL(same) == LDAPURL(host: "ldap.example.net"))
        }
    }

    @Test func hosts() throws {
        let six = try LDAPURL("ldaps://[2001:db8::7]:1636/")
        #expect(six.host == "2001:db8::7" && six.port == 1636 && six.scheme == .ldaps)
        #expect(six.description == "ldaps://[2001:db8::7]:1636")
        let socket = try LDAPURL("ldapi://%2Frun%2Fmuster.sock")
        #expect(socket.host == "/run/muster.sock" && socket.scheme == .ldapi)
        #expect(socket.description == "ldapi://%2Frun%2Fmuster.sock")
        #expect(try LDAPURL("ldap://127.0.0.1:0").port == 0)
        #expect(try LDAPURL("ldap://host:").port == nil)
        #expect(try LDAPURL("ldap:///??sub?(objectClass=zimbraAccount)").scope == .wholeSubtree)
    }

    @Test func malformed() {
        for string in [
            "", "ldap", "ldap:", "ldap:/", "http://x", "ldap://h:x", "ldap://h:65536", "ldap://h:-1", "ldap://[::1", "ldap://[::1]x",
            "ldap:///%", "ldap:///%4", "ldap:///%zz", "ldap:///%ff", "ldap:///nodn", "ldap:///??all", "ldap:///???(bad",
            "ldap:///????", "ldap:///????!", "ldap:///????a,", "ldap:///?a,,b", "ldap://h?x",
        ] {
            let expected: ResultCode = .invalidAttributeSyntax
            #expect(code { _ = try LDAPURL(string) } == expected, "\(string)")
        }
    }

    @Test func everyURLSurvivesARoundTrip() throws {
        var generator = SeededGenerator(seed: 10)
        let words = ["a", "a b", "ä?", "50%", "x,y", "#", "a=b"]
        for _ in 0..<3000 {
            let word = words[generator.below(words.count)]
            let value = AttributeTypeAndValue(type: "cn", value: Array(word.utf8))
            let dn = DistinguishedName(rdns: Array(repeating: RelativeDistinguishedName(values: [value]), count: generator.below(3)))
            let url = LDAPURL(
                scheme: [.ldap, .ldaps, .ldapi][generator.below(3)], host: ["", "h.example", "10.0.0.1", "a b"][generator.below(4)],
                port: nil, dn: dn.description, attributes: generator.below(2) == 0 ? [] : ["cn", "sn;lang-de", "*"],
                scope: [nil, .baseObject, .singleLevel, .wholeSubtree, .subordinateSubtree][generator.below(5)],
                filter: generator.below(2) == 0 ? nil : "(&(cn=\(word.filter { $0 != "%" }))(!(a=*b?*)))",
                extensions: generator.below(2) == 0
                    ? [] : [.init(isCritical: true, type: "x-a", value: word), .init(type: "1.2.3")])
            #expect(try LDAPURL(url.description) == url)
        }
    }

    @Test func mutatedURLsNeverTrap() throws {
        var generator = SeededGenerator(seed: 11)
        let seed = Array("ldap://[::1]:389/o=A%20b,c=US?cn,sn?sub?(&(cn=a*)(!(b=c)))?!x=1,y=%2c".utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            let string = text(generator.mutated(seed))
            if let url = try? LDAPURL(string) {
                accepted += 1
                _ = url.description
            }
        }
        #expect(accepted > 100)
    }
}
