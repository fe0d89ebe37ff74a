import LDAP
import Testing

/// Who is in what: rules 7.2, 7.8, 7.10.
@Suite struct MembershipTests {
    static let groups = ListMembersTests.groups
    static let people = ListMembersTests.people
    static func person(_ name: String) -> String { ListMembersTests.person(name) }
    static let chain = "1.2.840.113556.1.4.1941"

    static func memberOf(_ sample: SampleDirectory, _ dn: String) throws -> [String] {
        try sample.search(dn, .baseObject, ["memberOf"]).values("memberOf").sorted()
    }

    static func list(_ sample: SampleDirectory, _ name: String, _ addresses: [String], isChecked: Bool = true) throws -> String {
        let dn = "uid=\(name),\(people)"
        let result = try sample.add(
            dn,
            [
                ("objectClass", ["zimbraDistributionList", "zimbraMailRecipient"]), ("uid", [name]), ("zimbraId", ["id-\(name)"]),
                ("mail", ["\(name)@example.com"]), ("zimbraMailAlias", ["\(name)@example.com"]), ("zimbraMailStatus", ["enabled"]),
                ("zimbraMailForwardingAddress", addresses),
            ], controls: isChecked ? [] : [RelaxRules().control(isCritical: true)])
        #expect(result.code == .success, "\(result.message)")
        return dn
    }

    @Test func rule7_10_groupsOfEveryKind() throws {
        let sample = try SampleDirectory()
        let ada = Self.person("ada.lovelace")
        #expect(try sample.add("cn=static,\(Self.groups)", [("objectClass", ["groupOfNames"]), ("cn", ["static"]), ("member", [ada])]).code == .success)
        let dynamic = try sample.search("", .wholeSubtree, "(&(objectClass=groupOfURLs)(member=\(ada)))").names
        #expect(!dynamic.isEmpty)
        // Ada is on "all" and "management" herself, on "partners" because management is.
        let expected = dynamic + ["cn=static,\(Self.groups)", Self.person("all"), Self.person("management"), Self.person("partners")]
        #expect(try Self.memberOf(sample, ada) == expected.sorted())
    }

    @Test func memberOfIsGivenOnlyByName() throws {
        let sample = try SampleDirectory()
        let ada = Self.person("ada.lovelace")
        for attributes in [[], ["*"], ["+"], ["*", "+"]] {
            #expect(try sample.search(ada, .baseObject, attributes).values("memberOf") == [])
        }
        #expect(try !sample.search(ada, .baseObject, ["MEMBEROF"]).values("memberOf").isEmpty)
        #expect(try sample.search(ada, .baseObject, ["memberOf"], [RealAttributesOnly().control()]).values("memberOf") == [])
        // RFC 4512 section 4.1.2: NO-USER-MODIFICATION.
        #expect(try sample.modify(ada, [(.add, "memberOf", ["cn=x,dc=com"])]).code == .constraintViolation)
    }

    @Test func bothDirectionsAgree() throws {
        let sample = try SampleDirectory()
        _ = try Self.list(sample, "outer", ["partners@example.com", "ADA@example.com"])
        let everybody = try sample.search("", .wholeSubtree, "(objectClass=*)", ["1.1"]).names
        var groups: [String: [String]] = [:]
        for name in everybody {
            for group in try Self.memberOf(sample, name) { groups[group, default: []].append(name) }
        }
        #expect(groups.count > 10)
        for name in everybody {
            let value = String(name.flatMap { $0 == "\\" ? "\\5c" : $0 == "(" ? "\\28" : $0 == ")" ? "\\29" : String($0) })
            #expect(try sample.search("", .wholeSubtree, "(memberOf=\(value))", ["1.1"]).names == groups[name, default: []].sorted(), "\(name)")
            let first = groups[name]?.first ?? "dc=com"
            #expect(try sample.compare(first, "memberOf", name) == (groups[name] == nil ? .noSuchAttribute : .compareTrue))
        }
        let members = Set(groups.values.joined())
        #expect(try sample.search("", .wholeSubtree, "(memberOf=*)", ["1.1"]).names == members.sorted())
        #expect(try sample.search("", .wholeSubtree, "(!(memberOf=*))", ["1.1"]).names == everybody.filter { !members.contains($0) })
        let all = Self.person("all")
        #expect(try sample.search("", .wholeSubtree, "(!(memberOf=\(all)))", ["1.1"]).names == everybody.filter { !(groups[all] ?? []).contains($0) })
        #expect(try sample.search(Self.people, .singleLevel, "(&(objectClass=zimbraAccount)(memberOf=\(all))(uid=a*))", ["1.1"]).names == [Self.person("ada.lovelace"), Self.person("alexandros.papadopoulos")])
    }

    @Test func rule7_1_membersOfAStaticListAreAddresses() throws {
        let sample = try SampleDirectory()
        let list = Self.person("partners")
        #expect(try sample.search(list, .baseObject, ["zimbraMailForwardingAddress"]).values("zimbraMailForwardingAddress").contains("sales-contacts@partner.example"))
        #expect(try sample.search(list, .baseObject, ["member"]).values("member") == [])
        // Those of the directory are found, an external one is nobody's; a list on it brings its own (7.2).
        let management = try sample.search("", .wholeSubtree, "(memberOf=\(Self.person("management")))").names
        #expect(
            try sample.search("", .wholeSubtree, "(memberOf=\(list))").names
                == (management + [Self.person("management"), "uid=eleni.georgiou,ou=people,dc=example,dc=org"]).sorted())
    }

    @Test func rule7_2_membershipByAnyAddress() throws {
        let sample = try SampleDirectory()
        let ada = Self.person("ada.lovelace")
        let alias = try sample.search(ada, .baseObject, ["zimbraMailAlias"]).values("zimbraMailAlias")[0]
        let list = try Self.list(sample, "by-alias", [alias.uppercased()])
        #expect(try Self.memberOf(sample, ada).contains(list))
        #expect(try sample.search("", .wholeSubtree, "(memberOf=\(list))").names == [ada])
        // Rule 7.1.4: the form of an address in an alias domain is not an address of the entry.
        let other = try Self.list(sample, "by-alias-domain", ["ada.lovelace@example.net"])
        #expect(try !Self.memberOf(sample, ada).contains(other))
        // An account that forwards to another is no list.
        #expect(try sample.modify(Self.person("zoe.lefevre"), [(.add, "zimbraMailForwardingAddress", ["ada.lovelace@example.com"])]).code == .success)
        #expect(try !Self.memberOf(sample, ada).contains(Self.person("zoe.lefevre")))
    }

    @Test func rule7_2_externalVirtualAccountsCountByTheirExternalAddress() throws {
        let sample = try SampleDirectory()
        let guest = Self.person("guest")
        #expect(
            try sample.add(
                guest,
                [
                    ("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("uid", ["guest"]), ("cn", ["Guest"]), ("sn", ["Guest"]), ("zimbraId", ["guest-id"]),
                    ("zimbraAccountStatus", ["active"]), ("zimbraMailDeliveryAddress", ["guest@example.com"]), ("mail", ["guest@example.com"]),
                    ("zimbraIsExternalVirtualAccount", ["TRUE"]), ("zimbraExternalUserMailAddress", ["agent@partner.example"]),
                ]
            ).code == .success)
        let inner = try Self.list(sample, "by-inner", ["guest@example.com"])
        let groups = try Self.memberOf(sample, guest)
        #expect(!groups.contains(inner))
        // 7.10: guests are found in the static unit of a dynamic list; by the chain, in the list.
        #expect(groups.contains("cn=external,cn=sales,\(Self.groups)"))
        #expect(try sample.search("", .wholeSubtree, "(memberOf=cn=external,cn=sales,\(Self.groups))").names.contains(guest))
        #expect(try sample.search("", .wholeSubtree, "(member:\(Self.chain):=\(guest))").names.contains("cn=sales,\(Self.groups)"))
    }

    @Test func rule7_2_circlesEnd() throws {
        let sample = try SampleDirectory()
        let one = try Self.list(sample, "one", ["two@example.com", "one@example.com"], isChecked: false)
        let two = try Self.list(sample, "two", ["three@example.com", "zoe.lefevre@example.com"])
        let three = try Self.list(sample, "three", ["one@example.com"], isChecked: false)
        let zoe = Self.person("zoe.lefevre")
        let circle = [one, two, three].sorted()
        #expect(try Self.memberOf(sample, zoe).filter { circle.contains($0) } == circle)
        for list in circle {
            #expect(try Self.memberOf(sample, list) == circle)
            #expect(try sample.search("", .wholeSubtree, "(memberOf=\(list))").names == (circle + [zoe]).sorted())
            #expect(try sample.search("", .wholeSubtree, "(memberOf:\(Self.chain):=\(list))").names == (circle + [zoe]).sorted())
            #expect(try sample.search("", .wholeSubtree, "(member:\(Self.chain):=\(list))").names == circle)
        }
    }

    @Test func rule7_2_inChainFollowsGroupsOfAllKinds() throws {
        let sample = try SampleDirectory()
        let ada = Self.person("ada.lovelace")
        func group(_ name: String, _ members: [String]) throws -> String {
            let dn = "cn=\(name),\(Self.groups)"
            #expect(try sample.add(dn, [("objectClass", ["groupOfNames"]), ("cn", [name]), ("member", members)]).code == .success)
            return dn
        }
        let inner = try group("inner", [ada])
        let middle = try group("middle", [inner, "cn=outer,\(Self.groups)"])
        let outer = try group("outer", [middle])
        let list = try ListMembersTests.add(sample, "of-groups", ["ldap:///\(Self.groups)??one?(cn=outer)"])
        // Plain membership is one step for groups by name.
        let plain = try Self.memberOf(sample, ada)
        #expect(plain.contains(inner) && !plain.contains(middle) && !plain.contains(outer))
        let above = try sample.search("", .wholeSubtree, "(member:\(Self.chain):=\(ada))").names
        #expect([inner, middle, outer, list].allSatisfy(above.contains))
        for top in [middle, outer] {
            #expect(try sample.search("", .wholeSubtree, "(memberOf:\(Self.chain):=\(top))").names == [ada, inner, middle, outer].sorted())
            #expect(try sample.search("", .wholeSubtree, "(memberOf=\(top))").names == (top == middle ? [inner, outer] : [middle]).sorted())
        }
        #expect(try sample.search(Self.people, .wholeSubtree, "(memberOf:\(Self.chain):=\(list))").names == [ada])
        #expect(try sample.search(ada, .baseObject, "(memberOf:\(Self.chain):=\(list))").names == [ada])
        // Of other attributes the rule is Undefined.
        #expect(try sample.search("", .wholeSubtree, "(seeAlso:\(Self.chain):=\(ada))").names == [])
        #expect(try sample.search("", .wholeSubtree, "(!(seeAlso:\(Self.chain):=\(ada)))").names == [])
        #expect(try sample.search("", .wholeSubtree, "(:\(Self.chain):=\(ada))").names == [])
    }

    @Test func rule5_4_pitfall17_transportsGetMembersThatTakeMail() throws {
        let sample = try SampleDirectory()
        let dn = try ListMembersTests.add(
            sample, "everyone", ["ldap:///\(Self.people)??sub?(objectClass=zimbraAccount)", "ldap:///dc=example,dc=com??sub?(objectClass=zimbraGroupStaticUnit)"])
        let all = try ListMembersTests.members(sample, dn)
        let refusing = try sample.search(
            Self.people, .wholeSubtree, "(|(zimbraMailStatus=disabled)(zimbraAccountStatus=closed)(zimbraAccountStatus=pending))"
        ).names.filter { all.contains($0) }
        #expect(!refusing.isEmpty)
        let postfix = "uid=zmpostfix,cn=appaccts,cn=zimbra"
        #expect(try sample.modify(postfix, [(.replace, "userPassword", ["secret"])]).code == .success)
        #expect(try sample.bind(postfix, "secret").code == .success)
        // 5.3.5: the static unit is one of the members.
        #expect(try ListMembersTests.members(sample, dn) == all.filter { !refusing.contains($0) })
        #expect(all.contains("cn=external,cn=sales,\(Self.groups)"))
        // Pitfall 4: the membership itself stays.
        #expect(try sample.compare(dn, "member", refusing[0]) == .compareTrue)
        #expect(try sample.bind("cn=config", "secret").code == .success)
        // Rules 3.2 and 3.9: nobody in a closed domain takes mail.
        #expect(try sample.modify("dc=example,dc=com", [(.replace, "zimbraDomainStatus", ["closed"])]).code == .success)
        #expect(try ListMembersTests.members(sample, dn) == all)
        #expect(try sample.bind(postfix, "secret").code == .success)
        #expect(try ListMembersTests.members(sample, dn) == [])
    }
}
