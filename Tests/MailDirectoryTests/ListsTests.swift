import Directory
import LDAP
import Testing

/// Members of dynamic lists on the sample organisation: semantics section 7.
@Suite struct ListMembersTests {
    static let groups = "cn=groups,dc=example,dc=com"
    static let people = "ou=people,dc=example,dc=com"
    static func person(_ name: String) -> String { "uid=\(name),\(people)" }

    /// Adds a custom list and gives its name.
    static func add(_ sample: SampleDirectory, _ name: String, _ urls: [String], _ more: [(String, [String])] = []) throws -> String {
        let dn = "cn=\(name),\(groups)"
        let result = try sample.add(dn, [("objectClass", ["groupOfURLs"] + (more.isEmpty ? [] : ["extensibleObject"])), ("cn", [name]), ("memberURL", urls)] + more)
        #expect(result.code == .success, "\(result.message)")
        return dn
    }

    static func members(_ sample: SampleDirectory, _ dn: String, _ attributes: [String] = ["member"], controls: [Control] = []) throws -> [String] {
        try sample.search(dn, .baseObject, attributes, controls).values("member").sorted()
    }

    @Test func rule7_4_rule7_5_generatedListAndItsUnits() throws {
        let sample = try SampleDirectory()
        for list in ["sales", "release"] {
            let dn = "cn=\(list),\(Self.groups)"
            let id = try sample.search(dn, .baseObject, ["zimbraId"]).values("zimbraId")[0]
            let carriers = try sample.search("", .wholeSubtree, "(zimbraMemberOf=\(id))").names
            let external = "cn=external,\(dn)"
            #expect(try Self.members(sample, dn) == (carriers + [external]).sorted())
            // 7.5: the dynamic unit reaches the internal members only; the static unit is no query.
            #expect(try Self.members(sample, "cn=internal,\(dn)") == carriers)
            #expect(try Self.members(sample, external) == [])
        }
        #expect(try Self.members(sample, "cn=sales,\(Self.groups)").count > 1)
    }

    @Test func rule7_11_namesOfMembersEverywhere() throws {
        let sample = try SampleDirectory()
        // Neighbours with the same superior, with another, with none, and the list's own unit.
        let dn = try Self.add(sample, "everything", ["ldap:///??sub?(objectClass=*)"])
        #expect(try sample.add("cn=unit,\(dn)", [("objectClass", ["device"]), ("cn", ["unit"])]).code == .success)
        let everything = try sample.search("", .wholeSubtree, "(objectClass=*)", ["1.1"]).names
        #expect(everything.contains("cn=unit,\(dn)") && everything.contains("dc=com"))
        #expect(try Self.members(sample, dn) == everything.sorted())
    }

    @Test func rule7_11_membersAreGivenWithAllUserAttributes() throws {
        let sample = try SampleDirectory()
        let dn = "cn=engineering,\(Self.groups)"
        let named = try Self.members(sample, dn)
        #expect(!named.isEmpty)
        #expect(try Self.members(sample, dn, []) == named)
        #expect(try Self.members(sample, dn, ["*"]) == named)
        #expect(try Self.members(sample, dn, ["cn"]) == [])
        #expect(try Self.members(sample, dn, ["member"], controls: [RealAttributesOnly().control()]) == [])
        #expect(try Self.members(sample, dn, ["member"], controls: [VirtualAttributesOnly().control()]) == named)
    }

    @Test func rule7_11_compare() throws {
        let sample = try SampleDirectory()
        let dn = "cn=engineering,\(Self.groups)"
        let member = try Self.members(sample, dn)[0]
        #expect(try sample.compare(dn, "member", member) == .compareTrue)
        #expect(try sample.compare(dn, "member", member.uppercased()) == .compareTrue)
        #expect(try sample.compare(dn, "member", "uid=reception,\(Self.people)") == .compareFalse)
        #expect(try sample.compare(dn, "member", "uid=nobody,\(Self.people)") == .compareFalse)
    }

    @Test func rule7_7_scopes() throws {
        let sample = try SampleDirectory()
        func expect(_ name: String, _ url: String, _ filter: String, _ scope: SearchScope, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let dn = try Self.add(sample, name, [url])
            let found = try sample.search("dc=example,dc=com", scope, filter).names
            #expect(try Self.members(sample, dn) == found, sourceLocation: sourceLocation)
        }
        try expect("sub", "ldap:///dc=example,dc=com??sub?(ou=Engineering)", "(ou=Engineering)", .wholeSubtree)
        try expect("one", "ldap:///dc=example,dc=com??one?(objectClass=organizationalRole)", "(objectClass=organizationalRole)", .singleLevel)
        try expect("base", "ldap:///dc=example,dc=com??base?(objectClass=zimbraDomain)", "(objectClass=zimbraDomain)", .baseObject)
        // RFC 4516 section 2: without a scope, base.
        try expect("none", "ldap:///dc=example,dc=com???(objectClass=zimbraDomain)", "(objectClass=zimbraDomain)", .baseObject)
        try expect("below", "ldap:///dc=example,dc=com??subordinate?(objectClass=dcObject)", "(&(objectClass=dcObject)(!(dc=example)))", .wholeSubtree)
        try expect("coded", "ldap:///dc%3Dexample%2Cdc=com??sub?(ou=Engin%65ering)", "(ou=Engineering)", .wholeSubtree)
        let one = try Self.add(sample, "one-person", ["ldap:///\(Self.person("ada.lovelace"))"])
        #expect(try Self.members(sample, one) == [Self.person("ada.lovelace")])
        #expect(try Self.members(sample, try Self.add(sample, "nowhere", ["ldap:///dc=nowhere??sub?(ou=Engineering)"])) == [])
    }

    @Test func rule7_7_severalURLsAndStoredMembersGiveEachMemberOnce() throws {
        let sample = try SampleDirectory()
        let ada = Self.person("ada.lovelace")
        let zoe = Self.person("zoe.lefevre")
        let dn = try Self.add(
            sample, "mixed", ["ldap:///\(Self.people)??sub?(uid=ada.lovelace)", "ldap:///\(Self.people)??one?(|(uid=ada.lovelace)(uid=zoe.lefevre))"],
            [("member", [zoe, "cn=nobody,dc=nowhere"])])
        #expect(try Self.members(sample, dn) == [ada, zoe, "cn=nobody,dc=nowhere"].sorted())
        #expect(try Self.members(sample, dn, ["member"], controls: [RealAttributesOnly().control()]) == [zoe, "cn=nobody,dc=nowhere"].sorted())
        for member in [ada, zoe, "cn=nobody,dc=nowhere"] {
            #expect(try sample.search("", .wholeSubtree, "(member=\(member))").names.contains(dn))
        }
    }

    @Test func rule7_11_followsChangesAtOnce() throws {
        let sample = try SampleDirectory()
        let dn = try Self.add(sample, "seniors", ["ldap:///\(Self.people)??sub?(title=Senior)"])
        let ada = Self.person("ada.lovelace")
        #expect(try Self.members(sample, dn) == [])
        #expect(try sample.modify(ada, [(.replace, "title", ["Senior"])]).code == .success)
        #expect(try Self.members(sample, dn) == [ada])
        #expect(try sample.search("", .wholeSubtree, "(member=\(ada))").names.contains(dn))
        // The list itself changes, and goes.
        #expect(try sample.modify(dn, [(.replace, "memberURL", ["ldap:///\(Self.people)??sub?(uid=zoe.lefevre)"])]).code == .success)
        #expect(try Self.members(sample, dn) == [Self.person("zoe.lefevre")])
        #expect(try !sample.search("", .wholeSubtree, "(member=\(ada))").names.contains(dn))
        #expect(try sample.modify(dn, [(.delete, "memberURL", [])]).code == .success)
        #expect(try Self.members(sample, dn) == [])
        #expect(try sample.modify(dn, [(.add, "memberURL", ["ldap:///\(Self.people)??sub?(title=Senior)"])]).code == .success)
        #expect(try sample.search("", .wholeSubtree, "(member=\(ada))").names.contains(dn))
        #expect(try sample.delete(dn).code == .success)
        #expect(try !sample.search("", .wholeSubtree, "(member=\(ada))").names.contains(dn))
    }

    @Test func rule7_11_filtersOnMember() throws {
        let sample = try SampleDirectory()
        let groups = try sample.search("", .wholeSubtree, "(objectClass=groupOfURLs)").names
        let people = try sample.search("dc=com", .wholeSubtree, "(objectClass=zimbraAccount)").names
        for person in people {
            // What a client would find by reading all lists.
            let expected = try groups.filter { try Self.members(sample, $0).contains(person) }
            #expect(try sample.search("", .wholeSubtree, "(member=\(person))").names == expected)
            #expect(try sample.search(Self.groups, .singleLevel, "(member=\(person))").names == expected.filter { $0.split(separator: ",").count == 4 && $0.hasSuffix(Self.groups) })
            #expect(
                try sample.search("", .wholeSubtree, "(&(objectClass=groupOfURLs)(!(member=\(person))))").names
                    == groups.filter { !expected.contains($0) })
        }
        #expect(try sample.search("", .wholeSubtree, "(&(objectClass=groupOfURLs)(member=*))").names == groups.filter { try !Self.members(sample, $0).isEmpty })
        // RFC 4511 section 4.5.1.7: what is no name is Undefined, and so is its negation.
        #expect(try sample.search("", .wholeSubtree, "(member=no name)").names == [])
        #expect(try sample.search("", .wholeSubtree, "(!(member=no name))").names == [])
        #expect(try sample.search("", .wholeSubtree, "(member=uid=nobody,\(Self.people))").names == [])
    }

    @Test func rule7_8_membersAreReadByTheirNames() throws {
        let sample = try SampleDirectory()
        // Classic: accounts that carry the list's id, and the addresses of the static unit.
        let dn = "cn=sales,\(Self.groups)"
        let id = try sample.search(dn, .baseObject, ["zimbraId"]).values("zimbraId")[0]
        let addresses = try sample.search("", .wholeSubtree, "(zimbraMemberOf=\(id))", ["zimbraMailDeliveryAddress"]).entries.flatMap { $0["zimbraMailDeliveryAddress"] }
        var read: [[UInt8]] = []
        var external: [[UInt8]] = []
        for member in try Self.members(sample, dn) {
            let entry = try #require(try sample.search(member, .baseObject, ["zimbraMailDeliveryAddress", "zimbraMailForwardingAddress"]).entries.first)
            read += entry["zimbraMailDeliveryAddress"]
            if entry["zimbraMailDeliveryAddress"].isEmpty { external += entry["zimbraMailForwardingAddress"] }
        }
        #expect(Set(read) == Set(addresses))
        #expect(external == [Array("agent@partner.example".utf8)])
    }

    @Test func rule5_3_5_postfixFollowsTheMembersOfAList() throws {
        let sample = try SampleDirectory()
        let postfix = "uid=zmpostfix,cn=appaccts,cn=zimbra"
        #expect(try sample.modify(postfix, [(.replace, "userPassword", ["secret"])]).code == .success)
        #expect(try sample.bind(postfix, "secret").code == .success)
        let results = ["zimbraMailDeliveryAddress", "zimbraMailForwardingAddress", "zimbraPrefMailForwardingAddress", "zimbraMailCatchAllForwardingAddress", "member"]
        func expand(_ address: String) throws -> Set<String> {
            let filter = "(&(|(zimbraMailDeliveryAddress=\(address))(zimbraMailAlias=\(address))(zimbraOldMailAddress=\(address))(zimbraMailCatchAllAddress=\(address)))(zimbraMailStatus=enabled))"
            let list = try #require(try sample.search("", .wholeSubtree, filter, results).entries.first)
            var found = Set<String>()
            for member in list["member"] {
                let entry = try #require(try sample.search(String(decoding: member, as: UTF8.self), .baseObject, "(objectClass=*)", results).entries.first)
                for attribute in results.dropLast() { found.formUnion(entry[attribute].map { String(decoding: $0, as: UTF8.self) }) }
            }
            return found
        }
        let sales = try expand("sales@example.com")
        #expect(sales.contains("agent@partner.example") && sales.count > 1)
        // The dynamic unit reaches the internal members only (rules 7.5 and 7.12).
        #expect(try expand("sales.__internal__@example.com") == sales.subtracting(["agent@partner.example"]))
        // Nobody who would refuse (pitfall 17).
        let refusing = Set(
            try sample.search("", .wholeSubtree, "(zimbraMailStatus=disabled)", ["zimbraMailDeliveryAddress"]).entries
                .flatMap { $0["zimbraMailDeliveryAddress"] }.map { String(decoding: $0, as: UTF8.self) })
        #expect(!refusing.isEmpty && sales.isDisjoint(with: refusing))
    }

    @Test func rule7_16_listsWithoutADomain() throws {
        let sample = try SampleDirectory()
        let dn = "cn=everybody,cn=zimbra"
        #expect(try sample.add(dn, [("objectClass", ["groupOfURLs"]), ("cn", ["everybody"]), ("memberURL", ["ldap:///??sub?(objectClass=zimbraAccount)"])]).code == .success)
        #expect(try Self.members(sample, dn) == sample.search("", .wholeSubtree, "(objectClass=zimbraAccount)").names)
    }

    @Test func attributesOfFiltersAreTakenAsStored() throws {
        let sample = try SampleDirectory()
        // The class is derived from another (RFC 4512 section 3.3), and lists do not depend on lists.
        let dn = try Self.add(sample, "persons", ["ldap:///\(Self.people)??sub?(&(objectClass=person)(!(member=*)))"])
        #expect(try Self.members(sample, dn) == sample.search(Self.people, .wholeSubtree, "(objectClass=inetOrgPerson)").names)
        let entry = try Self.add(sample, "named", ["ldap:///??sub?(entryDN=\(Self.person("zoe.lefevre")))"])
        #expect(try Self.members(sample, entry) == [Self.person("zoe.lefevre")])
        #expect(try sample.search("", .wholeSubtree, "(member=\(Self.person("zoe.lefevre")))").names.contains(entry))
    }

    /// Members are found with the rights of the list's `dgIdentity`, without one with those of who asks; `dgAuthz` says who may see them.
    @Test func rule7_11_inWhoseNameMembersAreFound() throws {
        let sample = try SampleDirectory()
        let (bjorn, zoe, kaethe) = (Self.person("bjorn.aasen"), Self.person("zoe.lefevre"), Self.person("kaethe.strauss"))
        for name in [bjorn, zoe, kaethe] { #expect(try sample.setPassword(of: name, "muster-Sample-1").code == .success) }
        // Ordinary clients may not search for passwords.
        let url = "ldap:///\(Self.people)??sub?(&(uid=zoe.lefevre)(userPassword=*))"
        let zimbra = "uid=zimbra,cn=admins,cn=zimbra"
        func list(_ name: String, _ more: [(String, [String])]) throws -> String {
            let dn = "cn=\(name),\(Self.groups)"
            let added = try sample.add(dn, [("objectClass", ["groupOfURLs", "dgIdentityAux"]), ("cn", [name]), ("memberURL", [url])] + more)
            #expect(added.code == .success, "\(added)")
            return dn
        }
        let own = try list("own", [])
        let weak = try list("weak", [("dgIdentity", [bjorn])])
        let strong = try list("strong", [("dgIdentity", [zimbra])])
        let closed = try list("closed", [("dgIdentity", [zimbra]), ("dgAuthz", ["dn:\(bjorn)"])])
        let open = try list("open", [("dgIdentity", [zimbra]), ("dgAuthz", ["{0}dn.children:cn=admins,cn=zimbra", "{1}dn.onelevel:\(Self.people)"])])
        let all = [own, weak, strong, closed, open]
        func check(_ expected: Set<String>, sourceLocation: SourceLocation = #_sourceLocation) throws {
            for name in all {
                let isExpected = expected.contains(name)
                #expect(try Self.members(sample, name) == (isExpected ? [zoe] : []), "\(name)", sourceLocation: sourceLocation)
                #expect(try (sample.compare(name, "member", zoe) == .compareTrue) == isExpected, "\(name)", sourceLocation: sourceLocation)
            }
            let found = try sample.search(Self.groups, .wholeSubtree, "(member=\(zoe))", ["1.1"]).names.filter { all.contains($0) }
            #expect(Set(found) == expected, sourceLocation: sourceLocation)
            let groups = try sample.search(zoe, .baseObject, ["memberOf"]).values("memberOf").filter { all.contains($0) }
            #expect(Set(groups) == expected, sourceLocation: sourceLocation)
        }
        // Root is above all rules.
        try check(Set(all))
        #expect(try sample.bind(bjorn, "muster-Sample-1").code == .success)
        try check([strong, closed, open])
        #expect(try sample.bind(kaethe, "muster-Sample-1").code == .success)
        try check([strong, open])
        #expect(try sample.bind("cn=config", "secret").code == .success)
        #expect(try sample.modify(weak, [(.replace, "dgIdentity", [zimbra])]).code == .success)
        #expect(try sample.bind(kaethe, "muster-Sample-1").code == .success)
        try check([weak, strong, open])
    }

    @Test func longListsAreSentInPieces() throws {
        var limits = SearchLimits()
        limits.inlineCandidates = 10
        limits.computedAtOnce = 50
        let sample = try SampleDirectory(limits: limits)
        let container = "ou=crowd,dc=example,dc=com"
        #expect(try sample.add(container, [("objectClass", ["organizationalUnit"]), ("ou", ["crowd"])]).code == .success)
        for number in 0..<300 {
            let name = "somebody with a name of \(number) " + String(repeating: "long ", count: 120) + "parts"
            #expect(try sample.add("cn=\(name),\(container)", [("objectClass", ["person"]), ("cn", [name]), ("sn", ["x"])]).code == .success)
        }
        let dn = try Self.add(sample, "crowd", ["ldap:///\(container)??sub?(sn=x)"], [("member", [Self.person("zoe.lefevre")])])
        let expected = try sample.search(container, .wholeSubtree, "(sn=x)").names + [Self.person("zoe.lefevre")]
        #expect(expected.count == 301)
        let found = try sample.search(dn, .baseObject, ["*", "memberOf"])
        #expect(found.code == .success)
        #expect(found.values("member").sorted() == expected.sorted())
        #expect(found.values("cn") == ["crowd"])
        // Others come before and after it.
        let all = try sample.search(Self.groups, .wholeSubtree, "(objectClass=groupOfURLs)", ["member"])
        #expect(all.entries.first { String(decoding: $0.name, as: UTF8.self) == dn }?["member"].count == 301)
        #expect(all.entries.count == (try sample.search(Self.groups, .wholeSubtree, "(objectClass=groupOfURLs)", ["1.1"]).entries.count))
        #expect(try sample.compare(dn, "member", expected[7]) == .compareTrue)
        #expect(try sample.search("", .wholeSubtree, "(memberOf=\(dn))", ["1.1"]).entries.count == 301)
        #expect(try sample.search(container, .wholeSubtree, "(!(memberOf=\(dn)))", ["1.1"]).names == [container])
    }
}

extension SampleDirectory {
    func search(_ base: String, _ scope: SearchScope, _ attributes: [String], _ controls: [Control] = []) throws -> Found {
        try search(base, scope, "(objectClass=*)", attributes, controls: controls)
    }
}

/// `memberURL` when it is written: rule 7.7, pitfall 43.
@Suite struct ListURLTests {
    @Test(arguments: [
        ("http://example.com", "scheme"), ("ldaps:///dc=com??sub?(cn=*)", "ldaps"), ("ldap://host/dc=com??sub?(cn=*)", "host"),
        ("ldap:///dc=com?cn?sub?(cn=*)", "attributes"), ("ldap:///dc=com??every?(cn=*)", "scope"), ("ldap:///dc=com??sub?(cn=*", "filter"),
        ("ldap:///no name??sub?(cn=*)", "name"), ("ldap:///planet=mars??sub?(cn=*)", "planet"), ("ldap:///dc=com??sub?(colour=red)", "colour"),
        ("ldap:///dc=com??sub?(memberOf=dc=com)", "memberOf"), ("ldap:///dc=com??sub?(zimbraHideInGal=maybe)", "zimbraHideInGal"),
        ("ldap:///dc=com??sub?(cn=*)?!secret=1", "secret"), ("ldap:///dc=com??sub?(cn=%zz)", "%"),
    ])
    func rule7_7_pitfall43_badURLsAreRefusedWithAReason(url: String, word: String) throws {
        let sample = try SampleDirectory()
        let dn = "cn=bad,\(ListMembersTests.groups)"
        let added = try sample.add(dn, [("objectClass", ["groupOfURLs"]), ("cn", ["bad"]), ("memberURL", [url])])
        #expect(added.code == .invalidAttributeSyntax)
        #expect(added.message.contains("memberURL") && added.message.contains(word), "\(added.message)")
        let good = "cn=engineering,\(ListMembersTests.groups)"
        #expect(try sample.modify(good, [(.add, "memberURL", [url])]).code == .invalidAttributeSyntax)
        #expect(try sample.modify(good, [(.replace, "displayName", ["x"])]).code == .success)
    }

    @Test func rule7_6_spellingsOfOnePrefixMeanTheSame() throws {
        let sample = try SampleDirectory()
        let id = try sample.search("cn=sales,\(ListMembersTests.groups)", .baseObject, ["zimbraId"]).values("zimbraId")[0]
        let expected = try sample.search("", .wholeSubtree, "(zimbraMemberOf=\(id))").names
        for (number, url) in ["ldap:///??sub?(zimbraMemberOf=\(id))", "LDAP:///??SUB?(|(ZIMBRAMEMBEROF=\(id)))", "ldap:///??subtree?%28zimbraMemberOf=\(id)%29"].enumerated() {
            #expect(try ListMembersTests.members(sample, ListMembersTests.add(sample, "s\(number)", [url])) == expected)
        }
    }
}
