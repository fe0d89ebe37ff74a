import BER
import LDAP
import Schema
import SeededRandom
import Testing

@testable import MailDirectory

/// How dynamic lists are found: rule 7.10.
@Suite struct ListAnchorsTests {
    private func anchors(_ filter: String) throws -> (any: [String]?, isExact: Bool) {
        let schema = try SampleDirectory.schema.get()
        let types = try #require(ListTypes(schema))
        let found = ListAnchors(try Filter(filter), types, schema)
        return (found.any?.map { "\(schema[$0.type].name)=\(String(decoding: $0.value, as: UTF8.self))" }, found.isExact)
    }

    @Test(arguments: [
        ("(zimbraMemberOf=ABC)", ["zimbraMemberOf=abc"], true),
        ("(|(zimbraMemberOf=abc)(zimbraId=def))", ["zimbraMemberOf=abc", "zimbraId=def"], true),
        ("(&(objectClass=zimbraAccount)(ou=Sales))", ["ou=sales"], false),
        ("(&(zimbraAccountStatus=active)(zimbraCOSId=e00428a1-0c00-11d9-836a-000d93afea2a))", ["zimbraCOSId=e00428a1-0c00-11d9-836a-000d93afea2a"], false),
        ("(&(ou=Sales)(|(l=Rome)(l=Turin and its surroundings)))", ["ou=sales"], false),
        ("(|(ou=Sales)(&(l=Rome)(!(title=x))))", ["ou=sales", "l=rome"], false),
        ("(ou;lang-en=Sales)", ["ou=sales"], false), ("(ou~=Sales)", ["ou=sales"], true),
        // Nobody has what does not exist (RFC 4511 section 4.5.1.7).
        ("(colour=red)", [], true), ("(&(cn=*)(colour=red))", [], true), ("(|(ou=Sales)(colour=red))", ["ou=sales"], true),
    ])
    func rule7_10_whatAnEntryMustHave(filter: String, expected: [String], isExact: Bool) throws {
        let found = try anchors(filter)
        #expect(found.any == expected)
        #expect(found.isExact == isExact)
    }

    @Test(arguments: [
        "(cn=*)", "(cn=a*)", "(!(ou=Sales))", "(|(ou=Sales)(cn=*))", "(objectClass=zimbraAccount)", "(zimbraMailQuota>=5)",
        "(ou:caseExactMatch:=Sales)", "(entryDN=dc=com)", "(memberOf=dc=com)", "(&(cn=*)(objectClass=person))",
    ])
    func rule7_10_filtersThatDemandNoValue(filter: String) throws {
        #expect(try anchors(filter).any == nil)
    }

    /// Whatever the filters of lists are, their lists are found for exactly the entries that they find.
    @Test(arguments: 1...3) func rule7_10_listsOfAnEntryAreThoseThatFindIt(seed: UInt64) throws {
        let sample = try SampleDirectory()
        var random = SeededGenerator(seed: seed)
        let items = [
            "ou=Engineering", "ou=Sales", "l=*", "zimbraAccountStatus=active", "zimbraAccountStatus=locked", "objectClass=person", "objectClass=zimbraAccount",
            "uid=ada.lovelace", "cn=a*", "zimbraMailStatus=enabled", "colour=red", "name=sales", "zimbraIsAdminAccount=TRUE", "description~=x",
            "givenName>=m", "ou:dn:=people", "mail=all@example.com", "entryDN:dnSubtreeMatch:=ou=people,dc=example,dc=com",
        ]
        func filter(_ depth: Int) -> String {
            switch random.below(depth > 2 ? 3 : 7) {
            case 3, 4: "(&\(filter(depth + 1))\(filter(depth + 1)))"
            case 5: "(|\(filter(depth + 1))\(filter(depth + 1)))"
            case 6: "(!\(filter(depth + 1)))"
            default: "(\(items[random.below(items.count)]))"
            }
        }
        let bases = ["", "dc=com", "dc=example,dc=com", "ou=people,dc=example,dc=com", "DC=Example, DC=org", "uid=ada.lovelace,ou=people,dc=example,dc=com", "cn=cos,cn=zimbra"]
        let scopes = ["", "base", "one", "sub", "sub", "sub", "subordinate"]
        for number in 0..<60 {
            var urls = Set<String>()
            for _ in 0...random.below(2) {
                let url = LDAPURL(
                    dn: bases[random.below(bases.count)], scope: nil, filter: filter(0)
                ).description.replacing("???", with: "??\(scopes[random.below(scopes.count)])?")
                urls.insert(url)
            }
            let result = try sample.add("cn=list\(number),cn=groups,dc=example,dc=com", [
                ("objectClass", ["groupOfURLs"]), ("cn", ["list\(number)"]), ("memberURL", urls.sorted().filter { !$0.contains("colour") }),
            ].filter { !$0.1.isEmpty })
            #expect(result.code == .success, "\(result.message)")
        }
        func check() throws {
            var lists: [String: [String]] = [:]
            let groups = try sample.search("", .wholeSubtree, "(objectClass=groupOfURLs)", ["member"])
            for group in groups.entries {
                for member in group["member"] { lists[String(decoding: member, as: UTF8.self), default: []].append(String(decoding: group.name, as: UTF8.self)) }
            }
            #expect(lists.count > 20)
            for name in try sample.search("", .wholeSubtree, "(|(objectClass=organizationalRole)(objectClass=dcObject)(uid=*e*))", ["1.1"]).names {
                let value = name.replacing("\\", with: "\\5c")
                #expect(try sample.search("", .wholeSubtree, "(member=\(value))", ["1.1"]).names == lists[name, default: []].sorted(), "\(name)")
            }
        }
        try check()
        for number in 0..<20 {
            let dn = "cn=list\(random.below(60)),cn=groups,dc=example,dc=com"
            if number % 3 == 0 { try sample.delete(dn) } else { try sample.modify(dn, [(.replace, "memberURL", ["ldap:///dc=com??sub?(ou=Sales)"])]) }
        }
        try check()
    }
}
