@testable import Directory
import LDAP
import Schema
import SeededRandom
import Testing

/// The language of access rules (slapd.access(5)): what is read, and what is said of rules that cannot be used.
@Suite struct AccessRuleParserTests {
    private let schema: Schema

    init() throws { schema = try TestDirectory.schema.get() }

    private func rules(_ lines: String...) throws -> AccessRules {
        try AccessRules(lines.enumerated().map { AccessRuleText($1, place: "test:\($0 + 1)") }, schema)
    }

    /// What is said of a rule.
    private func error(_ text: String) -> String? {
        do throws(AccessRuleError) {
            _ = try AccessRules([AccessRuleText("to * by * none", place: "f:1"), AccessRuleText(text, place: "f:2")], schema)
            return nil
        } catch { return error.description }
    }

    // MARK: What is read

    @Test func prefixesOfRules() throws {
        for text in ["to * by * read", "access to * by * read", "{0}to * by * read", "{12} to * by * read", "ACCESS TO * BY * read", "to\t*\n by  *\tread"] {
            #expect(try rules(text).rules.count == 1, "\(text)")
        }
    }

    @Test func privileges() throws {
        let wanted: [(String, AccessRule.Grant.Mode, AccessPrivileges)] = [
            ("none", .assign, []), ("disclose", .assign, .disclose), ("auth", .assign, [.disclose, .auth]), ("read", .assign, [.disclose, .auth, .compare, .search, .read]),
            ("manage", .assign, .all), ("=rscxd", .assign, [.disclose, .auth, .compare, .search, .read]), ("=0", .assign, []), ("+w", .add, .write),
            ("-a", .remove, .add), ("+0", .add, []), ("=z", .assign, .delete),
        ]
        for (text, mode, privileges) in wanted {
            let grant = try #require(try rules("to * by users \(text)").rules.first?.clauses.first?.grant)
            #expect(grant.mode == mode && grant.privileges == privileges, "\(text)")
        }
        // Without rights a clause adds nothing; without a control it ends the rules.
        let clause = try #require(try rules("to * by users").rules.first?.clauses.first)
        #expect(clause.grant.mode == .add && clause.grant.privileges.isEmpty && clause.control == .stop)
    }

    @Test func privilegesAsText() {
        for (text, privileges) in [("none(=0)", AccessPrivileges()), ("read(=rscxd)", [.read, .search, .compare, .auth, .disclose]), ("=rs", [.read, .search]), ("=z", .delete)] {
            #expect(privileges.description == text)
        }
    }

    @Test func sameConditionsAreKeptOnce() throws {
        let rules = try rules(
            "to dn.subtree=\"cn=zimbra\" by dn.children=\"cn=admins,cn=zimbra\" write by users read",
            "to dn.subtree=\"CN = Zimbra\" attrs=mail by dn.children=\"CN=admins, cn=zimbra\" write by users read",
            "to filter=(cn=*) by users read", "to filter=(cn=*) attrs=sn by anonymous auth")
        #expect(rules.subjectConditions.count == 3)
        #expect(rules.entryConditions.count == 2)
    }

    @Test func attributesOfClassesAndSubtypes() throws {
        func data(_ list: String) throws -> AccessDataSet { try #require(try rules("to attrs=\(list) by * read").rules.first?.data) }
        func datum(_ name: String) throws -> AccessDatum { AccessDatum(try #require(schema.attributeType(named: name))) }
        let person = try data("@person")
        #expect(try person.contains(datum("sn")) && person.contains(datum("userPassword")) && !person.contains(datum("mail")))
        let others = try data("!person")
        #expect(try !others.contains(datum("sn")) && others.contains(datum("mail")) && others.contains(.entry))
        let names = try data("name")
        #expect(try names.contains(datum("cn")) && names.contains(datum("sn")) && !names.contains(datum("mail")))
        let pseudo = try data("entry,children")
        #expect(try pseudo.contains(.entry) && pseudo.contains(.children) && !pseudo.contains(datum("cn")))
        #expect(try data("commonName,2.5.4.4").contains(datum("sn")))
    }

    // MARK: What is said of what is wrong

    @Test(arguments: [
        ("by * read", "does not begin with \"to\""),
        ("to by * read", "nothing follows \"to\""),
        ("to *", "has no \"by\" clause"),
        ("to * by", "nothing follows \"by\""),
        ("to * by * reed", "reed: neither somebody"),
        ("to * by nobody read", "nobody: neither somebody"),
        ("to * by read", "says nobody"),
        ("to cn by * read", "cn: not something that a rule can be about"),
        ("to dn.under=\"cn=a\" by * read", "unknown style \"under\""),
        ("to dn=\"no name\" by * read", "dn=no name:"),
        ("to dn by * read", "\"=\" and a value are missing"),
        ("to dn.regex=\"(\" by * read", "dn.regex=(:"),
        ("to filter=(cn by * read", "filter=(cn:"),
        ("to attrs=cnn by * read", "the schema has no attribute type or object class \"cnn\""),
        ("to attrs=@nothing by * read", "the schema has no object class \"nothing\""),
        ("to attrs=cn,,sn by * read", "a name is missing"),
        ("to attrs=cn attrs=sn by * read", "names attributes twice"),
        ("to attrs=cn;lang-en by * read", "attribute options are not supported"),
        ("to attrs=cn,!person by * read", "!person must stand alone"),
        ("to val=x by * read", "needs attrs= with exactly one attribute type"),
        ("to attrs=cn,sn val=x by * read", "needs attrs= with exactly one attribute type"),
        ("to attrs=cn val/nothing=x by * read", "matching rule \"nothing\" is not one for cn"),
        ("to attrs=cn val.subtree=x by * read", "for names only"),
        ("to attrs=member val=x by * read", "not a value of member"),
        ("to * by dn.level{x}=\"cn=a\" read", "not a number of levels"),
        ("to * by self.subtree read", "unknown style \"subtree\""),
        ("to * by dnattr=cn read", "not an attribute of names"),
        ("to * by users selfwrite", "need dnattr="),
        ("to * by group/nothing=\"cn=a\" read", "the schema has no object class \"nothing\""),
        ("to * by group/groupOfNames/nothing=\"cn=a\" read", "the schema has no attribute type \"nothing\""),
        ("to * by set=\"this/\" read", "set=this/:"),
        ("to * by peername.ip=1.2.3 read", "not an address"),
        ("to * by peername.ip=::1 read", "not an address of this kind"),
        ("to * by peername.ip=1.2.3.4%5 read", "not a mask"),
        ("to * by peername.ip=1.2.3.4{0} read", "not a port"),
        ("to * by ssf=0 read", "not a strength above 0"),
        ("to * by ssf=many read", "not a strength above 0"),
        ("to * by sockname read", "\"=\" and a value are missing"),
        ("to * by sockname.ip=1 read", "not an address"),
        ("to * by sockurl.path=/run/ldapi read", "unknown style"),
        ("to * by sockurl.regex=( read", "sockurl.regex=(:"),
        ("to * by domain=example.com read", "domain is not supported: addresses are not looked up in the DNS"),
        ("to * by domain.subtree=example.com read", "domain is not supported"),
        ("to * by dynacl/aci=entry read", "dynacl is not supported"),
        ("to * by aci=entry read", "aci is not supported"),
        ("to * by peername.expand=\"IP=$1\" read", "unknown style"),
        ("to * by set=\"[ldap:///ou=a??sub?(cn=a]/cn\" read", "set: "),
        ("to * by set=\"[ldap:///cn=a?nothing?sub]/cn\" read", "the schema has no attribute type \"nothing\""),
        ("to * by set=\"[ldap:///cn=a??sub??bindname=cn=a]/cn\" read", "extensions of URLs are not supported"),
        ("to * by set=\"this/-101\" read", "not a number of levels"),
        ("to * by set=\"this/-x\" read", "the schema has no attribute type \"-x\""),
        ("to * by dn.exact,expand=\"uid=$1\" read", "has no dn to take parts from"),
        ("to dn.regex=\"^(.*)$\" by dn.exact,expand=\"${v1}\" read", "parts of values"),
        ("to * by \"dn=x read", "a quotation mark is missing"),
        ("to * by * read\\", "backslash at the end"),
    ])
    func whatIsWrong(_ text: String, _ reason: String) {
        let found = error(text)
        #expect(found?.hasPrefix("access rule 2 (f:2): ") == true && found?.contains(reason) == true, "\(text): \(found ?? "was accepted")")
    }

    @Test func conditionsAreLimited() throws {
        let many = (0..<65).map { "by dn=\"cn=\($0)\" read" }.joined(separator: " ")
        #expect(error("to * \(many)")?.contains("more than 64 different conditions of the client") == true)
        let entries = (0..<65).map { AccessRuleText("to dn=\"cn=\($0)\" by * read", place: "f:\($0)") }
        #expect { try AccessRules(entries, schema) } throws: {
            "\($0)" == "access rule 65 (f:64): the rules have more than 64 different conditions that depend on the entry"
        }
    }

    // MARK: Files

    private func read(_ text: String) throws -> [AccessRuleText] { try AccessRuleText.rules(inFile: Array(text.utf8), named: "f") }

    @Test func filesInBothForms() throws {
        let text = "# a comment\naccess to *\n  by users read\n# another\n\tby * none\n\nolcAccess: {1}to attrs=c\n n by * read\nOLCACCESS: {2}to * by * none\n"
        let texts = try read(text)
        #expect(texts.map(\.place) == ["f:2", "f:7", "f:9"])
        #expect(try texts.map { try $0.words() } == [
            ["access", "to", "*", "by", "users", "read", "by", "*", "none"], ["{1}to", "attrs=cn", "by", "*", "read"],
            ["{2}to", "*", "by", "*", "none"],
        ])
        #expect(try AccessRules(texts, schema).rules.count == 3)
    }

    @Test func filesThatCannotBeRead() {
        for (bytes, description) in [
            (Array(" by * read".utf8), "f:1: goes on with no rule"), (Array("\n\nolcAccess:: eA==".utf8), "f:3: a value in base64 is not read here: write it as text"),
            ([0xff, 0x0a], "f: the file is not UTF-8"),
        ] {
            #expect { try AccessRuleText.rules(inFile: bytes, named: "f") } throws: { "\($0)" == description }
        }
    }

    /// Whatever a file holds, it is rules or an error with a place.
    @Test func mutatedRules() {
        var generator = SeededGenerator(seed: 41)
        let valid = Array(
            """
            access to dn.regex="^(.+,)?uid=([^,]+),(ou=[^,]+)$" attrs=cn val/caseIgnoreMatch.regex="a.*"
              by dn.exact,expand="uid=$2,${3}" =wrscd continue
              by set="this/manager* & user | [cn=x]/member" read break
              by set="[ldap:///cn=x?cn?sub?(sn=a)]/cn & this/-1 | user/-*" sockname="IP=10.0.0.1:389" sockurl.regex="^ldap:" read break
              by peername.ip=10.0.0.0%255.0.0.0{389} tls_ssf=128 +w
              by group/groupOfNames/member.expand="cn=$2" write by dnattr=member selfwrite by * none
            access to filter="(|(cn=a*)(!(sn=b)))" attrs=@person,entry by self.level{1} =w by users ssf=1 read
            """.utf8)
        var accepted = 0
        for _ in 0..<200 {
            let bytes = generator.mutated(valid)
            guard let texts = try? AccessRuleText.rules(inFile: bytes, named: "f") else { continue }
            do throws(AccessRuleError) {
                let rules = try AccessRules(texts, schema)
                accepted += 1
                for rule in rules.rules { #expect(!rule.clauses.isEmpty) }
            } catch { #expect(error.rule.contains("f:") && !error.reason.isEmpty) }
        }
        #expect(accepted > 0)
    }
}
