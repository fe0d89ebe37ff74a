import LDAP
import MailDirectory
import Testing

private let com = "dc=example,dc=com"
private let net = "dc=example,dc=net"
private let config = "cn=config,cn=zimbra"
private let kaethe = "uid=kaethe.strauss,ou=people,dc=example,dc=com"
private let all = "uid=all,ou=people,dc=example,dc=com"
private let relaxed = [RelaxRules().control()]

/// Sections 2 and 3, as they are written: what is refused, and what goes with a change.
@Suite struct StatusRulesTests {
    private let sample: SampleDirectory
    init() throws { sample = try SampleDirectory() }

    private func change(_ name: String, _ attribute: String, _ values: [String], _ more: [(ModifyRequest.Operation, String, [String])] = []) throws -> LDAPResult {
        try sample.modify(name, [(.replace, attribute, values)] + more)
    }

    // MARK: Classes of service

    @Test(arguments: ["default", "defaultExternal"])
    func rule2_7_defaultClassesStay(name: String) throws {
        let dn = "cn=\(name),cn=cos,cn=zimbra"
        let refused = try sample.delete(dn)
        #expect(refused.code == .unwillingToPerform && refused.message.contains(name), "\(refused)")
        #expect(try sample.rename(dn, "cn=other").code == .unwillingToPerform)
        #expect(try sample.rename(dn, "cn=\(name)", below: "cn=zimbra").code == .unwillingToPerform)
        #expect(try change(dn, "zimbraMailQuota", ["1"]).code == .success)
        #expect(try sample.rename("cn=kiosk,cn=cos,cn=zimbra", "cn=stand").code == .success)
        #expect(try sample.delete("cn=stand,cn=cos,cn=zimbra").code == .success)
        // What is no class of service may have the name.
        #expect(try sample.add("cn=default,\(com)", [("objectClass", ["organizationalRole"]), ("cn", ["default"])]).code == .success)
        #expect(try sample.delete("cn=default,\(com)").code == .success)
    }

    @Test(arguments: [
        (kaethe, "zimbraCOSId"), (com, "zimbraDomainDefaultCOSId"), (com, "zimbraDomainDefaultExternalUserCOSId"),
    ])
    func rule2_8_idsNameClassesOfService(entry: String, attribute: String) throws {
        let kiosk = try sample.value("cn=kiosk,cn=cos,cn=zimbra", "zimbraId")[0]
        #expect(try change(entry, attribute, [kiosk.uppercased()]).code == .success)
        // Of nobody, and of an entry of another kind.
        for id in ["00000000-0000-4000-8000-000000000000", try sample.value(com, "zimbraId")[0], "kiosk"] {
            let refused = try change(entry, attribute, [id])
            #expect(refused.code == .constraintViolation && refused.message.contains(attribute) && refused.message.contains(id), "\(refused)")
        }
        // What was put there past the rules does not stand in the way of other changes.
        try sample.put(entry, attribute, ["dangling"])
        #expect(try change(entry, "description", ["x"]).code == .success)
        #expect(try change(entry, attribute, []).code == .success)
    }

    @Test func anotherServerMayKeepTheOrder() throws {
        var settings = MailDirectory.Settings()
        settings.keepsOrder = false
        let sample = try SampleDirectory(settings)
        #expect(try sample.modify(kaethe, [(.replace, "zimbraAccountStatus", ["closed"])]).code == .success)
        #expect(try sample.value(kaethe, "zimbraMailStatus") == ["enabled"])
        #expect(try sample.modify(kaethe, [(.replace, "zimbraCOSId", ["dangling"])]).code == .success)
        #expect(try sample.modify(kaethe, [(.replace, "zimbraACE", ["nonsense"])]).code == .invalidAttributeSyntax)
    }

    // MARK: Statuses of accounts

    @Test(arguments: [
        ("active", "enabled"), ("locked", "enabled"), ("lockout", "enabled"), ("maintenance", "enabled"), ("pending", "disabled"), ("closed", "disabled"),
    ])
    func rule3_6_mailStatusFollowsTheAccount(status: String, mail: String) throws {
        #expect(try change(kaethe, "zimbraAccountStatus", [status]).code == .success)
        #expect(try sample.value(kaethe, "zimbraMailStatus") == [mail])
        // Whatever the request says, where no mail may come; else as it says.
        for asked in ["enabled", "disabled"] {
            #expect(try change(kaethe, "zimbraAccountStatus", ["maintenance"]).code == .success)
            #expect(try change(kaethe, "zimbraAccountStatus", [status], [(.replace, "zimbraMailStatus", [asked])]).code == .success)
            #expect(try sample.value(kaethe, "zimbraMailStatus") == [mail == "disabled" ? mail : asked])
        }
        // Named again without being changed.
        #expect(try change(kaethe, "zimbraMailStatus", [mail == "disabled" ? "enabled" : "disabled"]).code == .success)
        #expect(try change(kaethe, "zimbraAccountStatus", [status]).code == .success)
        #expect(try sample.value(kaethe, "zimbraMailStatus") == [mail])
    }

    @Test func rule3_6_newAccounts() throws {
        for (number, (status, mail)) in [("active", "enabled"), ("closed", "disabled"), ("pending", "disabled")].enumerated() {
            let dn = "uid=new\(number),ou=people,\(com)"
            #expect(try sample.add(dn, Self.account("new\(number)", [("zimbraAccountStatus", [status])])).code == .success)
            #expect(try sample.value(dn, "zimbraMailStatus") == [mail])
        }
        let asked = "uid=asked,ou=people,\(com)"
        #expect(try sample.add(asked, Self.account("asked", [("zimbraAccountStatus", ["active"]), ("zimbraMailStatus", ["disabled"])])).code == .success)
        #expect(try sample.value(asked, "zimbraMailStatus") == ["disabled"])
    }

    static func account(_ name: String, _ more: [(String, [String])]) -> [(String, [String])] {
        [
            ("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("uid", [name]), ("cn", [name]), ("sn", [name]), ("zimbraId", ["id-of-\(name)"]),
            ("mail", ["\(name)@example.com"]), ("zimbraMailDeliveryAddress", ["\(name)@example.com"]),
        ] + more
    }

    @Test func rule3_6_activationTakesTheMarksOfALockAway() throws {
        let marks = [("zimbraPasswordLockoutFailureTime", "20260101000000Z"), ("zimbraPasswordLockoutLockedTime", "20260101000000Z")]
        for status in ["locked", "active"] {
            try sample.put(kaethe, "zimbraAccountStatus", ["lockout"])
            for (name, value) in marks { try sample.put(kaethe, name, [value]) }
            #expect(try change(kaethe, "zimbraAccountStatus", [status]).code == .success)
            for (name, value) in marks { #expect(try sample.value(kaethe, name) == (status == "active" ? [] : [value]), "\(status)") }
        }
    }

    @Test func rule3_1_anAccountHasAStatus() throws {
        #expect(try change(kaethe, "zimbraAccountStatus", []).code == .objectClassViolation)
    }

    /// Pitfall 4: the mail system takes closed accounts from all lists, for good. Here they stay on them, and no mail goes to them.
    @Test func rule3_7_membershipIsKept() throws {
        let before = try sample.value(kaethe, "memberOf")
        #expect(before.contains(all))
        let members = try sample.value(all, "zimbraMailForwardingAddress")
        #expect(try change(kaethe, "zimbraAccountStatus", ["closed"]).code == .success)
        #expect(try sample.value(all, "zimbraMailForwardingAddress") == members)
        #expect(try sample.value(kaethe, "memberOf").contains(all))
        #expect(try sample.value(kaethe, "musterEffectiveMailStatus") == ["disabled"])
        #expect(try change(kaethe, "zimbraAccountStatus", ["active"]).code == .success)
        #expect(try sample.value(kaethe, "memberOf") == before)
        #expect(try sample.value(kaethe, "musterEffectiveMailStatus") == ["enabled"])
    }

    // MARK: Statuses of domains

    @Test func rule3_8_mailStatusFollowsTheDomain() throws {
        func set(_ status: String, _ mail: String? = nil) throws -> [String] {
            #expect(try change(com, "zimbraDomainStatus", [status], mail.map { [(.replace, "zimbraMailStatus", [$0])] } ?? []).code == .success)
            return try sample.value(com, "zimbraMailStatus")
        }
        #expect(try set("closed") == ["disabled"])
        #expect(try set("suspended") == ["disabled"])
        #expect(try set("maintenance") == ["enabled"])
        #expect(try set("suspended") == ["enabled"])
        #expect(try set("closed", "enabled") == ["disabled"])
        #expect(try set("locked", "disabled") == ["disabled"])
        #expect(try set("active") == ["enabled"])
        // A domain that is made so.
        let closed = try sample.add(
            "dc=closed,\(com)",
            [
                ("objectClass", ["dcObject", "organization", "zimbraDomain"]), ("dc", ["closed"]), ("o", ["closed"]), ("zimbraId", ["id-of-closed"]),
                ("zimbraDomainName", ["closed.example.com"]), ("zimbraDomainStatus", ["closed"]), ("zimbraDomainType", ["local"]),
            ])
        #expect(closed.code == .success)
        #expect(try sample.value("dc=closed,\(com)", "zimbraMailStatus") == ["disabled"])
    }

    @Test func rule3_8_shutdownIsForRenaming() throws {
        let refused = try change(com, "zimbraDomainStatus", ["shutdown"])
        #expect(refused.code == .unwillingToPerform && refused.message.contains("shutdown"), "\(refused)")
        let renaming: [(ModifyRequest.Operation, String, [String])] = [(.replace, "zimbraDomainRenameInfo", ["SRC,RENAME_ENTRIES:example.biz"])]
        #expect(try change(com, "zimbraDomainStatus", ["shutdown"], renaming + [(.replace, "zimbraMailStatus", ["disabled"])]).code == .success)
        #expect(try sample.value(com, "zimbraMailStatus") == ["disabled"])
        for status in ["active", "suspended"] { #expect(try change(com, "zimbraDomainStatus", [status]).code == .unwillingToPerform) }
        #expect(try change(com, "zimbraDomainStatus", ["closed"]).code == .success)
        // It ends with the renaming.
        #expect(try change(com, "zimbraDomainStatus", ["active"], [(.delete, "zimbraDomainRenameInfo", [])]).code == .success)
        #expect(try change(com, "zimbraDomainStatus", ["locked"]).code == .success)
    }

    @Test func rule3_10_entriesOfASuspendedDomain() throws {
        #expect(try change(com, "zimbraDomainStatus", ["suspended"]).code == .success)
        func refused(_ result: LDAPResult, sourceLocation: SourceLocation = #_sourceLocation) {
            #expect(result.code == .unwillingToPerform && result.message.contains("suspended"), "\(result)", sourceLocation: sourceLocation)
        }
        let dmitry = "uid=dmitry.sokolov,ou=people,\(com)"
        for name in [kaethe, all, "cn=sales,cn=groups,\(com)", "uid=room-thames,ou=people,\(com)", "cn=external,cn=sales,cn=groups,\(com)"] {
            refused(try change(name, "description", ["x"]))
        }
        refused(try change("zimbraPrefIdentityName=Support\\, Level 2,\(dmitry)", "zimbraPrefFromDisplay", ["x"]))
        refused(try sample.delete(kaethe))
        refused(try sample.rename(kaethe, "uid=kathe"))
        refused(try sample.rename(kaethe, "uid=kaethe.strauss", below: "ou=people,dc=example,dc=org"))
        refused(try sample.rename("uid=eleni.georgiou,ou=people,dc=example,dc=org", "uid=eleni.georgiou", below: "ou=people,\(com)"))
        refused(try sample.add("uid=new,ou=people,\(com)", Self.account("new", [("zimbraAccountStatus", ["active"])])))
        refused(try sample.setPassword(of: kaethe, "a password of some length"))
        // Read they are; containers, the domain and other domains are free; and who mends something.
        #expect(try sample.value(kaethe, "sn") == ["Strauß"])
        #expect(try sample.add("ou=more,\(com)", [("objectClass", ["organizationalUnit"])]).code == .success)
        #expect(try change(com, "description", ["x"]).code == .success)
        #expect(try change("uid=eleni.georgiou,ou=people,dc=example,dc=org", "description", ["x"]).code == .success)
        try sample.put(kaethe, "description", ["mended"])
        #expect(try change(com, "zimbraDomainStatus", ["active"]).code == .success)
        #expect(try change(kaethe, "description", ["x"]).code == .success)
    }

    @Test func rule3_10_aDomainThatIsShutDown() throws {
        try sample.put(com, "zimbraDomainStatus", ["shutdown"])
        for name in [com, kaethe] {
            let refused = try change(name, "description", ["x"])
            #expect(refused.code == .unwillingToPerform && refused.message.contains("shut down"), "\(refused)")
        }
        #expect(try sample.delete(com, controls: [TreeDelete().control()]).code == .unwillingToPerform)
        #expect(try change(com, "zimbraDomainStatus", ["active"]).code == .success)
    }

    /// Rule 2.11: a domain without a status has that of the global configuration.
    @Test func rule3_10_theStatusMayBeGlobal() throws {
        #expect(try change(com, "zimbraDomainStatus", []).code == .success)
        #expect(try change(config, "zimbraDomainStatus", ["suspended"]).code == .success)
        #expect(try change(kaethe, "description", ["x"]).code == .unwillingToPerform)
        // Outside of domains, and where a domain has its own.
        #expect(try change("uid=zimbra,cn=admins,cn=zimbra", "description", ["x"]).code == .success)
        #expect(try change("uid=eleni.georgiou,ou=people,dc=example,dc=org", "description", ["x"]).code == .success)
        #expect(try change(config, "zimbraDomainStatus", []).code == .success)
        #expect(try change(kaethe, "description", ["x"]).code == .success)
    }

    /// The mail system's own server renames domains by changing their entries.
    @Test func rule3_10_theMailSystemItself() throws {
        let sample = try SampleDirectory(storedView: ["uid=zimbra,cn=admins,cn=zimbra"])
        try sample.set("uid=zimbra,cn=admins,cn=zimbra", "userPassword", ["s3cret"])
        #expect(try sample.bind("uid=zimbra,cn=admins,cn=zimbra", "s3cret").code == .success)
        #expect(try sample.modify(com, [(.replace, "zimbraDomainStatus", ["shutdown"])]).code == .success)
        #expect(try sample.rename(kaethe, "uid=kaethe.strauss", below: "ou=people,dc=example,dc=org").code == .success)
        #expect(try sample.modify(com, [(.replace, "description", ["x"])]).code == .success)
    }

    // MARK: Domains that go

    @Test func rule3_14_aDomainThatIsNotEmptyStays() throws {
        #expect(try sample.delete(com).code == .notAllowedOnNonLeaf)
        #expect(try sample.delete("ou=people,\(com)").code == .notAllowedOnNonLeaf)
    }

    @Test func rule3_14_namesOfADomainGoWithIt() throws {
        #expect(try change(config, "zimbraDefaultDomainName", ["Example.com"]).code == .success)
        #expect(try sample.delete(com, controls: [TreeDelete().control()]).code == .success)
        #expect(try sample.search(net, .baseObject).code == .noSuchObject)
        #expect(try sample.search("dc=net", .baseObject).code == .success)
        #expect(try sample.value(config, "zimbraDefaultDomainName") == [])
    }

    @Test func rule3_14_addressesInAnAliasDomainKeepIt() throws {
        // An alias there of somebody elsewhere.
        let target = try sample.value("uid=eleni.georgiou,ou=people,dc=example,dc=org", "zimbraId")[0]
        #expect(
            try sample.add(
                "uid=ellie,ou=people,\(net)",
                [("objectClass", ["zimbraAlias"]), ("uid", ["ellie"]), ("zimbraId", ["id-of-ellie"]), ("zimbraAliasTargetId", [target])]
            ).code == .success)
        let refused = try sample.delete(com, controls: [TreeDelete().control()])
        #expect(refused.code == .notAllowedOnNonLeaf && refused.message.contains("uid=ellie,ou=people,\(net)"), "\(refused)")
        #expect(try sample.search(com, .baseObject).code == .success)
        #expect(try sample.delete("uid=ellie,ou=people,\(net)").code == .success)
        #expect(try sample.delete(com, controls: [TreeDelete().control()]).code == .success)
    }

    // MARK: The address list

    @Test func rule6_1_4_changesOfTheListAreDated() throws {
        #expect(try sample.value(com, "zimbraGalDefinitionLastModifiedTime") == [])
        for (attribute, value) in [
            ("zimbraGalMode", "both"), ("zimbraGalLdapURL", "ldap://directory.example"), ("zimbraGalLdapFilter", "(mail=*%s*)"),
            ("zimbraGalLdapSearchBase", "dc=example"), ("zimbraGalLdapBindDn", "cn=reader"),
        ] {
            try sample.put(com, "zimbraGalDefinitionLastModifiedTime", [])
            #expect(try change(com, attribute, [value]).code == .success)
            let stamp = try #require(try sample.value(com, "zimbraGalDefinitionLastModifiedTime").first)
            #expect(stamp.count == 15 && stamp.hasPrefix("20") && stamp.hasSuffix("Z"), "\(attribute)")
            // The same again is no change.
            try sample.put(com, "zimbraGalDefinitionLastModifiedTime", ["20200101000000Z"])
            #expect(try change(com, attribute, [value]).code == .success)
            #expect(try sample.value(com, "zimbraGalDefinitionLastModifiedTime") == ["20200101000000Z"])
        }
        // Who dates it itself is believed.
        #expect(try change(com, "zimbraGalMode", ["zimbra"], [(.replace, "zimbraGalDefinitionLastModifiedTime", ["20210101000000Z"])]).code == .success)
        #expect(try sample.value(com, "zimbraGalDefinitionLastModifiedTime") == ["20210101000000Z"])
        // What is no domain has no date.
        #expect(try sample.value(config, "zimbraGalDefinitionLastModifiedTime") == [])
    }

    @Test func rule6_1_4_groupsOfActiveDirectory() throws {
        #expect(try change(com, "zimbraGalLdapFilter", ["ad"]).code == .success)
        #expect(try sample.value(com, "zimbraGalLdapGroupHandlerClass", controls: [RealAttributesOnly().control()]).first?.hasSuffix("ADGroupHandler") == true)
        #expect(try change("dc=example,dc=org", "zimbraGalLdapFilter", ["ad"], [(.replace, "zimbraGalLdapGroupHandlerClass", ["mine"])]).code == .success)
        #expect(try sample.value("dc=example,dc=org", "zimbraGalLdapGroupHandlerClass") == ["mine"])
    }
}
