import LDAP
import MailDirectory
import Testing

private let com = "dc=example,dc=com"
private let people = "ou=people,dc=example,dc=com"
private let groups = "cn=groups,dc=example,dc=com"
private let kaethe = "uid=kaethe.strauss,ou=people,dc=example,dc=com"
private let sales = "cn=sales,cn=groups,dc=example,dc=com"
private let salesID = "60df4b0c-99e5-56ae-88b5-ba2b39bd1350"
private let relaxed = [RelaxRules().control()]

/// Section 7, as it is written: what is refused, and what goes with a change.
@Suite struct ListRulesTests {
    private let sample: SampleDirectory
    init() throws { sample = try SampleDirectory() }

    private func addMember(_ list: String, _ address: String) throws -> LDAPResult {
        try sample.modify(list, [(.add, "zimbraMailForwardingAddress", [address])])
    }

    private func refused(_ result: LDAPResult, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(result.code == .constraintViolation, "\(result)", sourceLocation: sourceLocation)
        for word in words { #expect(result.message.contains(word), "\(result)", sourceLocation: sourceLocation) }
    }

    // MARK: Static lists

    @Test func rule7_1_1_membersAreAddressesOfAnyKind() throws {
        let list = "uid=management,\(people)"
        for address in ["Somebody@Elsewhere.example", "lukasz.wisniewski@example.com", "all@example.com", "nobody@example.com"] {
            #expect(try addMember(list, address).code == .success, "\(address)")
            // Whatever the case, an address is on a list once.
            #expect(try addMember(list, address.uppercased()).code == .attributeOrValueExists, "\(address)")
        }
    }

    @Test func rule7_1_2_noListIsItsOwnMember() throws {
        let list = "uid=management,\(people)"
        #expect(try sample.modify(list, [(.add, "zimbraMailAlias", ["bosses@example.com"]), (.add, "mail", ["bosses@example.com"])]).code == .success)
        for own in ["management@example.com", "Bosses@Example.com"] { refused(try addMember(list, own), own, "itself") }
        // An address that it gets, too.
        #expect(try addMember(list, "chiefs@example.com").code == .success)
        refused(try sample.modify(list, [(.add, "zimbraMailAlias", ["chiefs@example.com"])]), "chiefs")
        // A new one.
        refused(
            try sample.add(
                "uid=selfish,\(people)",
                [
                    ("objectClass", ["zimbraDistributionList", "zimbraMailRecipient"]), ("uid", ["selfish"]), ("zimbraId", ["id-of-selfish"]),
                    ("mail", ["selfish@example.com"]), ("zimbraMailAlias", ["selfish@example.com"]), ("zimbraMailForwardingAddress", ["SELFISH@example.com"]),
                ]), "SELFISH", "itself")
    }

    /// Pitfall 13. Management is on partners.
    @Test func rule7_1_2_noCircles() throws {
        refused(try addMember("uid=management,\(people)", "partners@example.com"), "circle")
        let above = try MembershipTests.list(sample, "above", ["PARTNERS@example.com"])
        refused(try addMember("uid=management,\(people)", "above@example.com"), "circle")
        #expect(try addMember("uid=all,\(people)", "above@example.com").code == .success)
        // An address that closes one.
        #expect(try addMember("uid=management,\(people)", "round@example.com").code == .success)
        refused(try sample.modify(above, [(.add, "zimbraMailAlias", ["round@example.com"])]))
        // What goes round already, from an import, can be mended.
        try sample.put("uid=management,\(people)", "zimbraMailForwardingAddress", ["partners@example.com", "zoe.lefevre@example.com"])
        #expect(try sample.modify("uid=management,\(people)", [(.delete, "zimbraMailForwardingAddress", ["partners@example.com"])]).code == .success)
    }

    @Test func rule7_1_2_pitfall14_dynamicListsAreNoMembers() throws {
        for address in ["sales@example.com", "Engineering@example.com"] { refused(try addMember("uid=management,\(people)", address), "query") }
        // An account may forward to one: it is no list.
        #expect(try sample.modify(kaethe, [(.replace, "zimbraMailForwardingAddress", ["sales@example.com", "kaethe.strauss@example.com"])]).code == .success)
    }

    /// By LDAP what is named is taken away, no more: other addresses of the same account stay.
    @Test func rule7_1_3_removal() throws {
        let list = "uid=management,\(people)"
        #expect(try addMember(list, "ada@example.com").code == .success)
        #expect(try sample.modify(list, [(.delete, "zimbraMailForwardingAddress", ["ADA.Lovelace@example.com"])]).code == .success)
        #expect(try sample.value(list, "zimbraMailForwardingAddress").contains("ada@example.com"))
        #expect(try sample.value("uid=ada.lovelace,\(people)", "memberOf").contains(list))
        #expect(try sample.modify(list, [(.delete, "zimbraMailForwardingAddress", ["nobody@example.com"])]).code == .noSuchAttribute)
    }

    /// What a list has besides members is kept as it is given, deprecated attributes with the rest (pitfall 60).
    @Test func rule7_1_5_attributesOfLists() throws {
        for (attribute, value) in [
            ("displayName", "Everybody"), ("description", "x"), ("zimbraNotes", "x"), ("zimbraHideInGal", "TRUE"), ("zimbraMailStatus", "disabled"),
            ("zimbraMailHost", "mail.example.com"), ("zimbraIsAdminGroup", "TRUE"), ("zimbraDistributionListSubscriptionPolicy", "ACCEPT"),
            ("zimbraDistributionListUnsubscriptionPolicy", "APPROVAL"), ("zimbraDistributionListSendShareMessageToNewMembers", "TRUE"),
            ("zimbraDistributionListSendShareMessageFromAddress", "x@example.com"), ("zimbraPrefReplyToEnabled", "TRUE"),
            ("zimbraPrefReplyToAddress", "x@example.com"), ("zimbraPrefReplyToDisplay", "x"), ("zimbraPrefAllowAddressForDelegatedSender", "all@example.com"),
        ] {
            #expect(try sample.modify("uid=all,\(people)", [(.replace, attribute, [value])]).code == .success, "\(attribute)")
            #expect(try sample.value("uid=all,\(people)", attribute) == [value], "\(attribute)")
        }
    }

    /// Rules 7.1.6, 7.1.7 and 7.15 are about grants: only what the attributes say is here.
    @Test func rule7_1_6_rule7_1_7_rule7_15_ownersSendersAndAdministrators() throws {
        let list = "uid=all,\(people)"
        let owner = try sample.value(kaethe, "zimbraId")[0]
        for right in ["ownDistList", "sendToDistList"] {
            #expect(try sample.modify(list, [(.add, "zimbraACE", ["\(owner) usr \(right)"])]).code == .success)
        }
        refused(try sample.modify(kaethe, [(.add, "zimbraACE", ["\(owner) usr ownDistList"])]))
        for dn in [list, sales] { #expect(try sample.modify(dn, [(.replace, "zimbraIsAdminGroup", ["TRUE"])]).code == .success) }
    }

    @Test func rule5_3_9_sendersFromElsewhere() throws {
        for own in ["zoe.lefevre@example.com", "ADA@example.com", "all@example.com", "sales@example.com"] {
            refused(try sample.modify(kaethe, [(.replace, "zimbraAllowFromAddress", [own])]), own)
        }
        for other in ["kaethe@elsewhere.example", "kaethe.strauss@example.com"] {
            #expect(try sample.modify(kaethe, [(.replace, "zimbraAllowFromAddress", [other])]).code == .success)
        }
    }

    // MARK: Dynamic lists

    private func group(_ name: String, _ url: String?, forRights: String?, id: String? = nil) -> [(String, [String])] {
        [
            ("objectClass", ["groupOfURLs", "dgIdentityAux", "zimbraGroup"]), ("cn", [name]), ("zimbraId", [id ?? "id-of-\(name)"]),
            ("mail", ["\(name)@example.com"]), ("zimbraMailAlias", ["\(name)@example.com"]), ("zimbraMailStatus", ["enabled"]),
        ] + (url.map { [("memberURL", [$0])] } ?? []) + (forRights.map { [("zimbraIsACLGroup", [$0])] } ?? [])
    }

    private func chosen(_ id: String) -> String { "ldap:///??sub?(|(zimbraMemberOf=\(id))(zimbraId=unit-of-it))" }

    @Test func rule7_3_bothKindsOfLists() throws {
        #expect(try sample.add("cn=a,\(groups)", group("a", chosen("id-of-a"), forRights: "TRUE")).code == .success)
        #expect(try sample.add("cn=b,\(groups)", group("b", "ldap:///\(people)??sub?(ou=Engineering)", forRights: "FALSE")).code == .success)
        #expect(try sample.add("cn=c,\(groups)", group("c", "ldap:///\(people)??sub?(ou=Engineering)", forRights: "TRUE")).code == .success)
        #expect(try sample.add("cn=d,\(groups)", group("d", nil, forRights: "FALSE")).code == .objectClassViolation)
        #expect(try sample.add("cn=d,\(groups)", group("d", chosen("id-of-d"), forRights: nil)).code == .objectClassViolation)
        refused(try sample.add("cn=d,\(groups)", group("d", chosen("id-of-d"), forRights: "FALSE")), "zimbraIsACLGroup")
        // Afterwards the kind stays, and the query of those that are not for rights alone may change.
        refused(try sample.modify("cn=b,\(groups)", [(.replace, "zimbraIsACLGroup", ["TRUE"])]), "zimbraIsACLGroup")
        refused(try sample.modify("cn=c,\(groups)", [(.replace, "memberURL", ["ldap:///\(people)??sub?(ou=Sales)"])]), "memberURL")
        refused(try sample.modify(sales, [(.replace, "memberURL", ["ldap:///\(people)??sub?(ou=Sales)"])]), "memberURL")
        #expect(try sample.modify("cn=b,\(groups)", [(.replace, "memberURL", ["ldap:///\(people)??sub?(ou=Sales)"])]).code == .success)
        #expect(try sample.modify(sales, [(.replace, "description", ["x"])]).code == .success)
    }

    @Test func rule7_4_generatedURLsNameTheirOwnList() throws {
        refused(try sample.add("cn=a,\(groups)", group("a", chosen(salesID), forRights: "TRUE")), "zimbraId")
        #expect(try sample.add("cn=a,\(groups)", group("a", chosen("ID-of-A"), forRights: "TRUE")).code == .success)
    }

    /// Pitfall 43: clients take a list for one with a query of its own unless its URL begins exactly so.
    @Test(arguments: [
        "LDAP:///??sub?(|(zimbraMemberOf=id-of-a)(zimbraId=u))", "ldap:///??sub?(|(zimbramemberof=id-of-a)(zimbraId=u))",
        "ldap:///??sub?%28|(zimbraMemberOf=id-of-a)(zimbraId=u))", "ldap:///??sub?(|(zimbraId=u)(zimbraMemberOf=id-of-a))",
        "ldap:///??subtree?(|(zimbraMemberOf=id-of-a)(zimbraId=u))",
    ])
    func rule7_6_otherSpellings(url: String) throws {
        refused(try sample.add("cn=a,\(groups)", group("a", url, forRights: "TRUE")), "form")
    }

    @Test func rule7_5_unitsStandBelowTheirList() throws {
        #expect(try sample.add("cn=a,\(groups)", group("a", chosen("id-of-a"), forRights: "TRUE")).code == .success)
        func dynamic(_ list: String, _ url: String) -> [(String, [String])] {
            [
                ("objectClass", ["groupOfURLs", "dgIdentityAux", "zimbraGroupDynamicUnit"]), ("cn", ["internal"]), ("zimbraId", ["unit"]),
                ("zimbraGroupId", [list]), ("mail", ["a.__internal__@example.com"]), ("memberURL", [url]),
            ]
        }
        func fixed(_ list: String) -> [(String, [String])] {
            [("objectClass", ["zimbraGroupStaticUnit"]), ("cn", ["external"]), ("zimbraId", ["unit-of-it"]), ("zimbraGroupId", [list])]
        }
        refused(try sample.add("cn=internal,cn=a,\(groups)", dynamic(salesID, "ldap:///??sub?(zimbraMemberOf=\(salesID))")), "zimbraGroupId")
        refused(try sample.add("cn=internal,\(groups)", dynamic("id-of-a", "ldap:///??sub?(zimbraMemberOf=id-of-a)")), "zimbraGroupId")
        for url in ["ldap:///??sub?(zimbraMemberOf=\(salesID))", "ldap:///\(com)??sub?(zimbraMemberOf=id-of-a)", "ldap:///??sub?(|(zimbraMemberOf=id-of-a)(uid=*))"] {
            refused(try sample.add("cn=internal,cn=a,\(groups)", dynamic("id-of-a", url)), "memberURL")
        }
        #expect(try sample.add("cn=internal,cn=a,\(groups)", dynamic("id-of-a", "ldap:///??sub?(zimbraMemberOf=id-of-a)")).code == .success)
        refused(try sample.add("cn=external,cn=a,\(groups)", fixed(salesID)), "zimbraGroupId")
        #expect(try sample.add("cn=external,cn=a,\(groups)", fixed("id-of-a")).code == .success)
        refused(try sample.rename("cn=external,cn=a,\(groups)", "cn=external", below: "cn=engineering,\(groups)"), "zimbraGroupId")
        refused(try sample.modify("cn=external,cn=a,\(groups)", [(.replace, "zimbraGroupId", [salesID])]), "zimbraGroupId")
    }

    // MARK: Chosen members

    @Test func rule7_9_accountsNameListsWithChosenMembers() throws {
        #expect(try sample.modify(kaethe, [(.add, "zimbraMemberOf", [salesID.uppercased()])]).code == .success)
        #expect(try ListMembersTests.members(sample, sales).contains(kaethe))
        refused(try sample.modify(kaethe, [(.add, "zimbraMemberOf", ["00000000-0000-4000-8000-000000000000"])]), "no dynamic list")
        refused(try sample.modify(kaethe, [(.add, "zimbraMemberOf", [try sample.value("uid=all,\(people)", "zimbraId")[0]])]), "no dynamic list")
        refused(try sample.modify(kaethe, [(.add, "zimbraMemberOf", [try sample.value("cn=engineering,\(groups)", "zimbraId")[0]])]), "memberURL")
        #expect(try sample.modify(kaethe, [(.delete, "zimbraMemberOf", [salesID])]).code == .success)
        #expect(try sample.modify(kaethe, [(.delete, "zimbraMemberOf", [salesID])]).code == .noSuchAttribute)
    }

    @Test func rule7_9_unitsHoldAddressesFromElsewhere() throws {
        let unit = "cn=external,\(sales)"
        for own in ["ada.lovelace@example.com", "ADA@example.com", "all@example.com", "release@example.com"] {
            refused(try addMember(unit, own), own)
        }
        #expect(try addMember(unit, "other@partner.example").code == .success)
        #expect(try addMember(unit, "not.yet@example.com").code == .success)
    }

    /// Pitfall 12: who becomes one of us does not stop being a member.
    @Test func rule7_14_newAddressesLeaveTheUnits() throws {
        let unit = "cn=external,\(sales)"
        #expect(try addMember(unit, "newcomer@example.com").code == .success)
        #expect(try addMember("cn=external,cn=release,\(groups)", "Newcomer@Example.com").code == .success)
        let dn = "uid=newcomer,\(people)"
        #expect(try sample.add(dn, StatusRulesTests.account("newcomer", [("zimbraAccountStatus", ["active"])])).code == .success)
        #expect(try sample.value(unit, "zimbraMailForwardingAddress") == ["agent@partner.example"])
        #expect(try sample.value("cn=external,cn=release,\(groups)", "zimbraMailForwardingAddress") == [])
        #expect(try sample.value(dn, "zimbraMemberOf").count == 2)
        #expect(try ListMembersTests.members(sample, sales).contains(dn))
        // An alias, and an address of a list, which is no member.
        #expect(try addMember(unit, "late@example.com").code == .success)
        #expect(try sample.modify(kaethe, [(.add, "zimbraMailAlias", ["LATE@example.com"]), (.add, "mail", ["LATE@example.com"])]).code == .success)
        #expect(try sample.value(kaethe, "zimbraMemberOf") == [salesID])
        #expect(try addMember(unit, "team@example.com").code == .success)
        _ = try MembershipTests.list(sample, "team", ["zoe.lefevre@example.com"])
        #expect(try sample.value(unit, "zimbraMailForwardingAddress") == ["agent@partner.example"])
        #expect(try sample.value("uid=team,\(people)", "zimbraMemberOf") == [])
        // Guests stay guests (7.10).
        #expect(try addMember(unit, "guest@example.com").code == .success)
        #expect(
            try sample.add(
                "uid=guest,\(people)",
                StatusRulesTests.account("guest", [
                    ("zimbraAccountStatus", ["active"]), ("zimbraIsExternalVirtualAccount", ["TRUE"]), ("zimbraExternalUserMailAddress", ["agent@partner.example"]),
                ])
            ).code == .success)
        #expect(try sample.value("uid=guest,\(people)", "zimbraMemberOf") == [])
    }

    // MARK: What goes with an entry

    @Test func rule7_13_choicesAndAliasesGoWithAList() throws {
        let members = try sample.search("", .wholeSubtree, "(zimbraMemberOf=\(salesID))", ["1.1"]).names
        #expect(members.count > 3)
        #expect(try sample.modify(sales, [(.add, "zimbraMailAlias", ["sellers@example.com"]), (.add, "mail", ["sellers@example.com"])]).code == .success)
        let alias = "uid=sellers,\(people)"
        #expect(
            try sample.add(
                alias,
                [("objectClass", ["zimbraAlias"]), ("uid", ["sellers"]), ("zimbraId", ["id-of-sellers"]), ("zimbraAliasTargetId", [salesID])]
            ).code == .success)
        #expect(try sample.delete(sales).code == .notAllowedOnNonLeaf)
        #expect(try sample.delete(sales, controls: [TreeDelete().control()]).code == .success)
        #expect(try sample.search("", .wholeSubtree, "(zimbraMemberOf=\(salesID))", ["1.1"]).names == [])
        #expect(try sample.search(alias, .baseObject).code == .noSuchObject)
        #expect(try sample.search("", .wholeSubtree, "(zimbraMemberOf=*)", ["1.1"]).names.count > 3)
        for member in members { #expect(try sample.value(member, "modifiersName") == ["cn=config"]) }
    }

    @Test func rule10_9_pitfall6_grantsGoWithTheirGrantee() throws {
        let ada = "uid=ada.lovelace,\(people)"
        let granted = "uid=zoe.lefevre,\(people)"
        let id = try sample.value(kaethe, "zimbraId")[0]
        let list = "uid=all,\(people)"
        let domainID = try sample.value(com, "zimbraId")[0]
        let other = try sample.value(ada, "zimbraId")[0]
        #expect(
            try sample.modify(granted, [(.add, "zimbraACE", ["\(id) usr sendAs", "\(id.uppercased()) usr sendOnBehalfOf", "\(other) usr sendAs"])]).code
                == .success)
        #expect(try sample.modify(list, [(.add, "zimbraACE", ["\(id) usr ownDistList", "\(salesID) grp sendToDistList"])]).code == .success)
        #expect(
            try sample.modify(
                "uid=lior.cohen,ou=people,dc=example,dc=org",
                [(.add, "zimbraACE", ["\(domainID) dom viewFreeBusy", "\(domainID):x@y.example egp viewFreeBusy", "\(other) usr viewFreeBusy"])]
            ).code == .success)
        #expect(try sample.delete(kaethe).code == .success)
        #expect(try sample.value(granted, "zimbraACE") == ["\(other) usr sendAs"])
        #expect(try sample.value(list, "zimbraACE") == ["\(salesID) grp sendToDistList"])
        #expect(try sample.delete(sales, controls: [TreeDelete().control()]).code == .success)
        #expect(try sample.value(list, "zimbraACE") == [])
        // Together with what held it: nothing is left to change.
        #expect(try sample.delete(com, controls: [TreeDelete().control()]).code == .success)
        #expect(try sample.search("", .wholeSubtree, "(zimbraACE=*)", ["zimbraACE"]).entries.allSatisfy { $0["zimbraACE"].isEmpty || !$0["zimbraACE"].contains { String(decoding: $0, as: UTF8.self).contains(domainID) } })
        #expect(try sample.value("uid=lior.cohen,ou=people,dc=example,dc=org", "zimbraACE") == [])
    }

    /// What is known of grants is right whatever has changed since it was worked out: a little, and much.
    @Test(arguments: [0, 3, 80]) func rule10_9_grantsThatAreNew(changes: Int) throws {
        let holder = "uid=zoe.lefevre,\(people)"
        for round in 0..<3 {
            let grantee = "uid=grantee\(round),\(people)"
            #expect(try sample.add(grantee, StatusRulesTests.account("grantee\(round)", [("zimbraAccountStatus", ["active"])])).code == .success)
            #expect(try sample.modify(holder, [(.add, "zimbraACE", ["id-of-grantee\(round) usr sendAs"])]).code == .success)
            for number in 0..<changes { #expect(try sample.modify(kaethe, [(.replace, "description", ["\(round) \(number)"])]).code == .success) }
            #expect(try sample.value(holder, "zimbraACE") == ["id-of-grantee\(round) usr sendAs"])
            #expect(try sample.delete(grantee).code == .success)
            #expect(try sample.value(holder, "zimbraACE") == [])
        }
    }

    /// Who mends a broken directory is not hindered, and not helped.
    @Test func theRootIdentityWithTheRelaxControlPassesAllRules() throws {
        let domain = try sample.value(com, "zimbraId")
        #expect(try sample.delete("cn=default,cn=cos,cn=zimbra", controls: relaxed).code == .success)
        #expect(try sample.delete(kaethe, controls: relaxed).code == .success)
        #expect(try sample.modify("uid=all,\(people)", [(.add, "zimbraMailForwardingAddress", ["all@example.com"])], controls: relaxed).code == .success)
        #expect(try sample.rename("cn=defaultExternal,cn=cos,cn=zimbra", "cn=x", controls: relaxed).code == .success)
        #expect(!domain.isEmpty)
        // Nobody else.
        try sample.set("uid=zimbra,cn=admins,cn=zimbra", "userPassword", ["s3cret"])
        #expect(try sample.bind("uid=zimbra,cn=admins,cn=zimbra", "s3cret").code == .success)
        #expect(
            try sample.modify("uid=management,\(people)", [(.add, "zimbraMailForwardingAddress", ["management@example.com"])], controls: relaxed).code
                != .success)
    }
}
