@testable import MailDirectory
import Testing

/// How names become those of another server: semantics 4.3.6, pitfall 32.
@Suite struct Semantics4_NameTemplateTests {
    private let name = Array("grace.hopper@navy.example.com".utf8)

    @Test(arguments: [
        ("uid=%u,ou=people,%D", "uid=grace.hopper,ou=people,dc=navy,dc=example,dc=com"), ("%n", "grace.hopper@navy.example.com"),
        ("", "grace.hopper@navy.example.com"), ("%u@%d", "grace.hopper@navy.example.com"), ("NAVY\\%u", "NAVY\\grace.hopper"),
        ("cn=100%%,cn=%xyz,cn=%", "cn=100%,cn=xyz,cn=%"),
    ]) func rule4_3_6_namesToBindWith(_ template: String, _ expected: String) {
        #expect(NameTemplate(template).bindName(name) == expected)
    }

    @Test func rule4_3_6_aNameWithoutADomain() {
        #expect(NameTemplate("uid=%u,o=%d").bindName(Array("grace".utf8)) == "uid=grace,o=")
    }

    @Test(arguments: [
        ("a,ou=x@example.com", "uid=%u,dc=x", "uid=a\\,ou=x,dc=x"), ("a+b@example.com", "uid=%u", "uid=a\\+b"),
        ("a+b@example.com", "%u@other.example", "a+b@other.example"),
    ]) func pitfall32_namesInNames(_ name: String, _ template: String, _ expected: String) {
        #expect(NameTemplate(template).bindName(Array(name.utf8)) == expected)
    }

    @Test func pitfall32_namesInFilters() {
        #expect(NameTemplate("(|(uid=%u)(mail=%n))").filter(Array("*)(uid=b\\@x".utf8)) == #"(|(uid=\2a\29\28uid=b\5c)(mail=\2a\29\28uid=b\5c@x))"#)
    }

    @Test func rule4_5_1_commonPasswords() {
        let list = CommonPasswords(Array("#! comment\npassword\r\n\nLetMeIn\n".utf8))
        #expect(list.count == 2)
        for common in ["password", "PassWord", "letmein"] { #expect(list.contains(Array(common.utf8))) }
        for other in ["password1", "", "#! comment", "passwor"] { #expect(!list.contains(Array(other.utf8))) }
    }
}
