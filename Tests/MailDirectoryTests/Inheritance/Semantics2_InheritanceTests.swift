import LDAP
import MailDirectory
import Schema
import Testing

private let business = "cn=business,cn=cos,cn=zimbra"
private let kiosk = "cn=kiosk,cn=cos,cn=zimbra"
private let standard = "cn=default,cn=cos,cn=zimbra"
private let external = "cn=defaultExternal,cn=cos,cn=zimbra"
private let config = "cn=config,cn=zimbra"
private let com = "dc=example,dc=com"
private let org = "dc=example,dc=org"
private let ada = "uid=ada.lovelace,ou=people,dc=example,dc=com"
/// Names no class of service: has its domain's.
private let kaethe = "uid=kaethe.strauss,ou=people,dc=example,dc=com"
private let eleni = "uid=eleni.georgiou,ou=people,dc=example,dc=org"
private let reception = "uid=reception,ou=people,dc=example,dc=com"
private let server = "cn=mail.example.com,cn=servers,cn=zimbra"
private let admin = "uid=zimbra,cn=admins,cn=zimbra"
private let businessID = "e55a5014-43c0-5de0-8d23-6ed9d62515e4"
private let kioskID = "b8a232b1-be36-51fb-8215-6fda6a5dcd5a"
private let standardID = "e00428a1-0c00-11d9-836a-000d93afea2a"

extension SampleDirectory {
    /// The values of an attribute of one entry, asked for by name.
    func value(_ name: String, _ attribute: String, controls: [Control] = []) throws -> [String] {
        try search(name, .baseObject, "(objectClass=*)", [attribute], controls: controls).values(attribute)
    }

    func set(_ name: String, _ attribute: String, _ values: [String]) throws {
        #expect(try modify(name, [(.replace, attribute, values)]).code == .success)
    }

    /// Puts values there past the write rules, as an import would.
    func put(_ name: String, _ attribute: String, _ values: [String]) throws {
        #expect(try modify(name, [(.replace, attribute, values)], controls: [RelaxRules().control(isCritical: true)]).code == .success)
    }
}

@Suite struct Semantics2_InheritanceTests {
    private let sample: SampleDirectory
    init() throws { sample = try SampleDirectory() }

    @Test func rule2_1_flagsOfTheCatalogueDecide() throws {
        let schema = try SampleDirectory.schema.get()
        func flags(_ name: String) -> [String] { schema.attributeType(named: name).flatMap { schema[$0].values(ofExtension: "X-INHERIT") } ?? [] }
        #expect(flags("zimbraMailQuota") == ["account"])
        #expect(flags("zimbraPrefTimeZoneId") == ["cosDomain"])
        #expect(flags("zimbraSkinLogoURL") == ["domain"])
        #expect(flags("zimbraMailPort") == ["server"])
        #expect(flags("zimbraPreAuthKey").isEmpty)
    }

    @Test func rule2_2_accountReadsOwnThenClassOfServiceThenDomain() throws {
        // Own.
        try sample.set(ada, "zimbraMailQuota", ["1"])
        #expect(try sample.value(ada, "zimbraMailQuota") == ["1"])
        // Class of service: named by the account, or the domain's default.
        #expect(try sample.value(kaethe, "zimbraMailQuota") == ["21474836480"])
        #expect(try sample.value(reception, "zimbraMailQuota") == ["536870912"])
        #expect(try sample.value(eleni, "zimbraFeatureCalendarEnabled") == ["TRUE"])
        // Domain, where the class of service has none.
        try sample.set(com, "zimbraPrefTimeZoneId", ["Europe/Oslo"])
        #expect(try sample.value(kaethe, "zimbraPrefTimeZoneId") == ["America/Los_Angeles"])
        try sample.set(business, "zimbraPrefTimeZoneId", [])
        #expect(try sample.value(kaethe, "zimbraPrefTimeZoneId") == ["Europe/Oslo"])
        // From the class of service only: the domain's value is not looked at, and absent is absent.
        try sample.set(business, "zimbraMailQuota", [])
        #expect(try sample.value(kaethe, "zimbraMailQuota").isEmpty)
    }

    @Test func rule2_3_domainsAndServersReadGlobalConfiguration() throws {
        #expect(try sample.value(com, "zimbraGalMaxResults") == ["100"])
        try sample.set(config, "zimbraSkinLogoURL", ["https://example.com/"])
        #expect(try sample.value(com, "zimbraSkinLogoURL") == ["https://example.com/"])
        try sample.set(com, "zimbraSkinLogoURL", ["https://own/"])
        #expect(try sample.value(com, "zimbraSkinLogoURL") == ["https://own/"])
        #expect(try sample.value(server, "zimbraMailPort") == ["80"])
        // Classes of service, lists, groups, aliases, identities: nothing.
        try sample.set(standard, "zimbraMailQuota", [])
        #expect(try sample.value(standard, "zimbraMailQuota").isEmpty)
        for name in ["uid=all,ou=people,dc=example,dc=com", "cn=sales,cn=groups,dc=example,dc=com", "uid=ada,ou=people,dc=example,dc=com"] {
            #expect(try sample.value(name, "zimbraMailQuota").isEmpty)
            #expect(try sample.value(name, "zimbraPrefTimeZoneId").isEmpty)
        }
    }

    @Test func rule2_4_allOrNothing() throws {
        try sample.set(business, "zimbraPrefTimeZoneId", ["Europe/Oslo", "Europe/Rome"])
        #expect(try sample.value(kaethe, "zimbraPrefTimeZoneId") == ["Europe/Oslo", "Europe/Rome"])
        try sample.set(kaethe, "zimbraPrefTimeZoneId", ["Europe/Paris"])
        #expect(try sample.value(kaethe, "zimbraPrefTimeZoneId") == ["Europe/Paris"])
        #expect(try !sample.search("", .wholeSubtree, "(zimbraPrefTimeZoneId=Europe/Rome)", ["1.1"]).names.contains(kaethe))
    }

    @Test func rule2_5_globalValuesReachAccountsOnlyThroughDomains() throws {
        // Flagged both: global configuration, domain, account.
        try sample.set(business, "zimbraExportMaxDays", [])
        try sample.set(config, "zimbraExportMaxDays", ["7"])
        #expect(try sample.value(kaethe, "zimbraExportMaxDays") == ["7"])
        #expect(try sample.value(com, "zimbraExportMaxDays") == ["7"])
        try sample.set(com, "zimbraExportMaxDays", ["8"])
        #expect(try sample.value(kaethe, "zimbraExportMaxDays") == ["8"])
        // A class of service inherits from nobody.
        #expect(try sample.value(business, "zimbraExportMaxDays").isEmpty)
        // Outside the domains there is nothing between class of service and global configuration.
        try sample.set(standard, "zimbraExportMaxDays", [])
        #expect(try sample.value(admin, "zimbraExportMaxDays").isEmpty)
        // What only domains inherit stops there.
        #expect(try sample.value(kaethe, "zimbraGalMaxResults").isEmpty)
    }

    @Test func rule2_6_classOfServiceOfAnAccount() throws {
        // Step 1: its own.
        #expect(try sample.value(reception, "zimbraCOSId") == [kioskID])
        // Step 2: the domain's.
        #expect(try sample.value(kaethe, "zimbraCOSId") == [businessID])
        #expect(try sample.value(eleni, "zimbraCOSId") == [standardID])
        // Step 3: the one named default.
        try sample.set(com, "zimbraDomainDefaultCOSId", [])
        #expect(try sample.value(kaethe, "zimbraCOSId") == [standardID])
        #expect(try sample.value(admin, "zimbraCOSId") == [standardID])
        // An id that no class of service has falls to the next step.
        let dangling = "00000000-0000-4000-8000-000000000000"
        try sample.put(reception, "zimbraCOSId", [dangling])
        #expect(try sample.value(reception, "zimbraCOSId") == [standardID])
        #expect(try sample.value(reception, "zimbraMailQuota") == ["0"])
        #expect(try sample.search("", .wholeSubtree, "(zimbraCOSId=\(dangling))").names.isEmpty)
        // As stored, on request.
        #expect(try sample.value(reception, "zimbraCOSId", controls: [RealAttributesOnly().control()]) == [dangling])
        #expect(try sample.search(reception, .baseObject, "(objectClass=*)", ["*"]).values("zimbraCOSId") == [dangling])
        // Ids are compared without case.
        try sample.set(reception, "zimbraCOSId", [kioskID.uppercased()])
        #expect(try sample.value(reception, "zimbraMailQuota") == ["536870912"])
    }

    @Test func rule2_6_externalVirtualAccounts() throws {
        try sample.set(kaethe, "zimbraIsExternalVirtualAccount", ["TRUE"])
        let defaultExternal = try sample.value(external, "zimbraId")
        #expect(try sample.value(kaethe, "zimbraCOSId") == defaultExternal)
        #expect(try sample.value(kaethe, "zimbraFeatureCalendarEnabled") == ["FALSE"])
        try sample.set(com, "zimbraDomainDefaultExternalUserCOSId", [kioskID])
        #expect(try sample.value(kaethe, "zimbraCOSId") == [kioskID])
        try sample.set(kaethe, "zimbraIsExternalVirtualAccount", ["FALSE"])
        #expect(try sample.value(kaethe, "zimbraCOSId") == [businessID])
    }

    @Test func rule2_6_domainIsTheNearestSuperiorOne() throws {
        #expect(
            try sample.add(
                "dc=sub,\(com)",
                [
                    ("objectClass", ["dcObject", "organization", "zimbraDomain"]), ("dc", ["sub"]), ("o", ["sub"]),
                    ("zimbraDomainName", ["sub.example.com"]), ("zimbraDomainType", ["local"]), ("zimbraId", ["5b0c3a1e-0000-4000-8000-000000000001"]),
                    ("zimbraDomainDefaultCOSId", [kioskID]), ("zimbraDomainStatus", ["closed"]), ("zimbraMailStatus", ["enabled"]),
                ]
            ).code == .success)
        #expect(
            try sample.add("ou=people,dc=sub,\(com)", [("objectClass", ["organizationalRole"]), ("ou", ["people"]), ("cn", ["people"])]).code
                == .success)
        let inner = "uid=x,ou=people,dc=sub,\(com)"
        #expect(
            try sample.add(
                inner,
                [
                    ("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("uid", ["x"]), ("cn", ["x"]), ("sn", ["x"]),
                    ("zimbraId", ["5b0c3a1e-0000-4000-8000-000000000002"]), ("zimbraAccountStatus", ["active"]), ("mail", ["x@sub.example.com"]),
                ]
            ).code == .success)
        #expect(try sample.value(inner, "zimbraCOSId") == [kioskID])
        #expect(try sample.value(inner, "musterEffectiveAccountStatus") == ["closed"])
        #expect(try sample.search("", .wholeSubtree, "(&(uid=x)(zimbraCOSId=\(kioskID)))").names == [inner])
        #expect(try sample.search("", .wholeSubtree, "(&(uid=x)(zimbraCOSId=\(businessID)))").names.isEmpty)
        #expect(try sample.value(kaethe, "musterEffectiveAccountStatus") == ["active"])
    }

    @Test func rule2_9_deletingTheValueShowsTheInheritedOneAgain() throws {
        try sample.set(kaethe, "zimbraMailQuota", ["5"])
        #expect(try sample.value(kaethe, "zimbraMailQuota") == ["5"])
        #expect(try sample.modify(kaethe, [(.delete, "zimbraMailQuota", [])]).code == .success)
        #expect(try sample.value(kaethe, "zimbraMailQuota") == ["21474836480"])
        // An inherited value is not the entry's own: it cannot be deleted.
        #expect(try sample.modify(kaethe, [(.delete, "zimbraMailQuota", ["21474836480"])]).code == .noSuchAttribute)
    }

    @Test func rule2_10_notInheritedByDomains() throws {
        let names = [
            "zimbraSSLCertificate", "zimbraSSLPrivateKey", "zimbraSmtpHostname", "zimbraSmtpPort", "zimbraSmtpTimeout", "zimbraSmtpSendPartial",
            "zimbraSpamTrashAlias", "carbonioWebUILoginURL", "carbonioWebUILogoutURL", "carbonioAdminUILoginURL", "carbonioAdminUILogoutURL",
            "zimbraLocale", "zimbraCsrfAllowedRefererHosts", "zimbraSMIMELdapURL",
        ]
        for name in names {
            let schema = try SampleDirectory.schema.get()
            let type = try #require(schema.attributeType(named: name))
            #expect(schema[type].values(ofExtension: "X-INHERIT")?.contains("domain") != true, "\(name)")
            let value = schema[type].equality == .integerMatch ? "1" : schema[type].equality == .booleanMatch ? "TRUE" : "en"
            // Where global configuration may hold it at all, the domain still has none.
            if try sample.modify(config, [(.replace, name, [value])]).code == .success {
                #expect(try sample.value(org, name).isEmpty, "\(name)")
            }
        }
    }

    @Test func rule2_10_notInheritedByAccounts() throws {
        let names = ["description", "zimbraNotes", "zimbraACE", "zimbraPrefDisabledZimlets", "zimbraProxyAllowedDomains", "zimbraPrefSpellIgnoreWord"]
        for name in names {
            let schema = try SampleDirectory.schema.get()
            let type = try #require(schema.attributeType(named: name))
            #expect(schema[type].values(ofExtension: "X-INHERIT") == nil, "\(name)")
            _ = try sample.modify(business, [(.replace, name, ["x"])])
            #expect(try sample.value(kaethe, name).isEmpty, "\(name)")
        }
    }

    @Test func rule2_11_inheritedByDomains() throws {
        let names = [
            "zimbraSkinLogoURL", "zimbraWebClientLoginURL", "zimbraGalLdapAttrMap", "zimbraGalLdapValueMap", "zimbraGalMaxResults",
            "zimbraGalInternalSearchBase", "zimbraGalLdapPageSize", "zimbraGalAutoCompleteLdapFilter", "zimbraPublicServicePort",
            "zimbraMailDomainQuota", "zimbraDomainAggregateQuota", "zimbraDomainStatus", "zimbraAuthFallbackToLocal", "carbonioNotificationFrom",
            "zimbraReverseProxyClientCertMode", "zimbraMailAddressValidationRegex", "zimbraBasicAuthRealm", "carbonioWebUiDarkMode",
        ]
        for name in names {
            let schema = try SampleDirectory.schema.get()
            let type = try #require(schema.attributeType(named: name))
            #expect(schema[type].values(ofExtension: "X-INHERIT")?.contains("domain") == true, "\(name)")
            try sample.set(org, name, [])
            #expect(try sample.value(org, name) == sample.value(config, name), "\(name)")
        }
    }

    @Test func rule2_12_setOnTheDomainOrAbsent() throws {
        let names = [
            "zimbraVirtualHostname", "zimbraVirtualIPAddress", "zimbraAuthMech", "zimbraAuthMechAdmin", "zimbraAuthLdapURL", "zimbraGalMode",
            "zimbraGalAccountId", "zimbraGalLdapURL", "zimbraGalLdapFilter", "zimbraGalSyncLdapURL", "zimbraDomainMaxAccounts",
            "zimbraDomainCOSMaxAccounts", "zimbraPreAuthKey", "zimbraDomainAliasTargetId", "zimbraAutoProvMode", "zimbraDomainAllowedIPs",
        ]
        for name in names {
            let schema = try SampleDirectory.schema.get()
            let type = try #require(schema.attributeType(named: name))
            #expect(schema[type].values(ofExtension: "X-INHERIT")?.contains("domain") != true, "\(name)")
            if try sample.modify(config, [(.replace, name, ["zimbra"])]).code == .success {
                try sample.set(org, name, [])
                #expect(try sample.value(org, name).isEmpty, "\(name)")
            }
        }
    }

    @Test func rule2_13_classOfServiceHidesTheDomain() throws {
        let names = ["zimbraPrefTimeZoneId", "zimbraFeatureResetPasswordStatus", "zimbraPrefSkin", "zimbraAvailableSkin", "zimbraExternalSharingEnabled"]
        for name in names {
            let schema = try SampleDirectory.schema.get()
            let type = try #require(schema.attributeType(named: name))
            #expect(schema[type].values(ofExtension: "X-INHERIT")?.contains("cosDomain") == true, "\(name)")
            let values =
                schema[type].equality == .booleanMatch ? ["TRUE", "FALSE"]
                : name == "zimbraFeatureResetPasswordStatus" ? ["enabled", "disabled"] : ["one", "two"]
            try sample.set(com, name, [values[0]])
            try sample.set(business, name, [values[1]])
            #expect(try sample.value(kaethe, name) == [values[1]], "\(name)")
            try sample.set(business, name, [])
            #expect(try sample.value(kaethe, name) == [values[0]], "\(name)")
        }
    }

    @Test func rule2_14_namesIgnoreCase() throws {
        let entry = try sample.search(kaethe, .baseObject, "(objectClass=*)", ["ZIMBRAMAILQUOTA"])
        #expect(entry.entries.first?.attributes.map { String(decoding: $0.description, as: UTF8.self) } == ["zimbraMailQuota"])
        #expect(try sample.search(kaethe, .baseObject, "(ZimbraMailQuota=21474836480)", ["1.1"]).names == [kaethe])
    }

    @Test func rule2_15_ephemeralAttributesAreTheAccountsOwn() throws {
        let names = ["zimbraLastLogonTimestamp", "zimbraAuthTokens", "zimbraCsrfTokenData", "zimbraInvalidJWTokens"]
        for name in names {
            let schema = try SampleDirectory.schema.get()
            let type = try #require(schema.attributeType(named: name))
            #expect(schema[type].values(ofExtension: "X-FLAGS")?.contains("ephemeral") == true, "\(name)")
            #expect(schema[type].values(ofExtension: "X-INHERIT") == nil, "\(name)")
            let value = name == "zimbraLastLogonTimestamp" ? "20260101000000Z" : "x"
            try sample.set(kaethe, name, [value])
            #expect(try sample.value(kaethe, name) == [value], "\(name)")
            #expect(try sample.search(kaethe, .baseObject, "(objectClass=*)", ["*"]).values(name) == [value], "\(name)")
        }
    }

    // MARK: Views

    @Test func rule2_16_starGivesStoredValuesNamesGiveEffectiveOnes() throws {
        for selection in [[], ["*"], ["+"], ["*", "+"], ["@zimbraAccount"]] {
            let found = try sample.search(kaethe, .baseObject, "(objectClass=*)", selection)
            #expect(found.values("zimbraMailQuota").isEmpty, "\(selection)")
            #expect(found.values("zimbraCOSId").isEmpty, "\(selection)")
            #expect(found.values("musterEffectiveAccountStatus").isEmpty, "\(selection)")
            #expect(found.values("musterInheritedFrom").isEmpty, "\(selection)")
        }
        let both = try sample.search(kaethe, .baseObject, "(objectClass=*)", ["*", "zimbraMailQuota"])
        #expect(both.values("zimbraMailQuota") == ["21474836480"])
        #expect(both.values("sn").count == 1)
        // Types only.
        let request = try sample.search(kaethe, .baseObject, "(objectClass=*)", ["zimbraMailQuota", "zimbraNotes"])
        #expect(request.entries.first?.attributes.count == 1)
    }

    @Test func rule2_16_controlsChoose() throws {
        let real = [RealAttributesOnly().control()]
        let virtual = [VirtualAttributesOnly().control()]
        try sample.set(ada, "zimbraMailQuota", ["1"])
        #expect(try sample.value(ada, "zimbraMailQuota", controls: real) == ["1"])
        #expect(try sample.value(kaethe, "zimbraMailQuota", controls: real).isEmpty)
        #expect(try sample.value(kaethe, "musterEffectiveAccountStatus", controls: real).isEmpty)
        // Only what is inherited or computed: what the entry itself holds gives nothing.
        #expect(try sample.value(ada, "zimbraMailQuota", controls: virtual).isEmpty)
        #expect(try sample.value(kaethe, "zimbraMailQuota", controls: virtual) == ["21474836480"])
        #expect(try sample.value(reception, "zimbraCOSId", controls: virtual).isEmpty)
        #expect(try sample.value(kaethe, "zimbraCOSId", controls: virtual) == [businessID])
        #expect(try sample.value(kaethe, "sn", controls: virtual).isEmpty)
    }

    @Test func rule2_16_identitiesWithTheStoredView() throws {
        let sample = try SampleDirectory(storedView: [" UID=zimbra, cn=admins,cn=zimbra"])
        try sample.set(admin, "userPassword", ["s3cret"])
        let own = [("zimbraMailQuota", "21474836480"), ("zimbraCOSId", businessID)]
        for (attribute, value) in own {
            #expect(try sample.value(kaethe, attribute) == [value])
            #expect(try sample.compare(kaethe, attribute, value) == .compareTrue)
        }
        #expect(try sample.bind(admin, "s3cret").code == .success)
        for (attribute, value) in own {
            #expect(try sample.value(kaethe, attribute).isEmpty)
            #expect(try sample.compare(kaethe, attribute, value) == .noSuchAttribute)
            #expect(try sample.search(kaethe, .baseObject, "(\(attribute)=\(value))").names.isEmpty)
            // Unless it asks otherwise.
            #expect(try sample.value(kaethe, attribute, controls: [VirtualAttributesOnly().control()]) == [value])
        }
        // What slapd computes too, it sees; and what it asks for by a name of ours.
        #expect(try sample.value("cn=engineering,cn=groups,\(com)", "member").count > 1)
        #expect(try sample.value(kaethe, "entryDN") == [kaethe])
        #expect(try sample.value(kaethe, "musterEffectiveAccountStatus") == ["active"])
        // Another identity on the same connection sees all.
        #expect(try sample.bind("cn=config", "secret").code == .success)
        #expect(try sample.value(kaethe, "zimbraMailQuota") == ["21474836480"])
        #expect(throws: (any Error).self) { try SampleDirectory(storedView: ["nonsense"]) }
    }

    @Test func rule2_16_compareAndAssertionsSeeEffectiveValues() throws {
        #expect(try sample.compare(kaethe, "zimbraMailQuota", "21474836480") == .compareTrue)
        #expect(try sample.compare(kaethe, "zimbraMailQuota", "021474836480") == .invalidAttributeSyntax)
        #expect(try sample.compare(kaethe, "zimbraMailQuota", "1") == .compareFalse)
        #expect(try sample.compare(org, "zimbraPreAuthKey", "x") == .noSuchAttribute)
        let assertion = try [Assertion(Filter("(zimbraMailQuota=21474836480)")).control(isCritical: true)]
        #expect(try sample.modify(kaethe, [(.replace, "title", ["x"])], controls: assertion).code == .success)
        #expect(try sample.modify(reception, [(.replace, "title", ["x"])], controls: assertion).code == .assertionFailed)
        let post = [PostRead(attributes: [Array("zimbraMailQuota".utf8)]).control(isCritical: true)]
        #expect(try sample.modify(kaethe, [(.delete, "title", [])], controls: post).code == .success)
    }

    // MARK: Sources

    @Test func rule2_16_sourceOfInheritedValues() throws {
        func sources(_ name: String, _ attributes: [String]) throws -> [String] {
            try sample.search(name, .baseObject, "(objectClass=*)", attributes + ["musterInheritedFrom"]).values("musterInheritedFrom").sorted()
        }
        #expect(try sources(kaethe, ["zimbraMailQuota", "sn"]) == ["zimbraMailQuota \(business)"])
        #expect(try sources(com, ["zimbraGalSyncSizeLimit", "zimbraMailQuota", "zimbraGalMaxResults"]) == ["zimbraGalSyncSizeLimit \(config)"])
        try sample.set(business, "zimbraExportMaxDays", [])
        #expect(try sources(kaethe, ["zimbraExportMaxDays"]) == ["zimbraExportMaxDays \(config)"])
        try sample.set(com, "zimbraExportMaxDays", ["3"])
        #expect(try sources(kaethe, ["zimbraExportMaxDays"]) == ["zimbraExportMaxDays \(com)"])
        #expect(try sources(kaethe, ["zimbraCOSId"]) == ["zimbraCOSId \(com)"])
        #expect(try sources(reception, ["zimbraCOSId"]).isEmpty)
        #expect(try sources(admin, ["zimbraCOSId"]) == ["zimbraCOSId \(standard)"])
        // Own values have no source.
        try sample.set(kaethe, "zimbraMailQuota", ["9"])
        #expect(try sources(kaethe, ["zimbraMailQuota"]).isEmpty)
        // All, if none is named; each as it reads.
        let all = try sources(kaethe, ["*"])
        #expect(all.count > 300)
        #expect(all.allSatisfy { $0.contains(" \(business)") || $0.contains(" \(com)") || $0.contains(" \(config)") })
        #expect(try sources("uid=all,ou=people,\(com)", []).isEmpty)
        #expect(try sample.search(kaethe, .baseObject, "(musterInheritedFrom=*)").names.isEmpty)
    }

    @Test func changesOfClassesAndDomainsAreSeenAtOnce() throws {
        for quota in ["7", "8", "9"] {
            try sample.set(business, "zimbraMailQuota", [quota])
            #expect(try sample.value(kaethe, "zimbraMailQuota") == [quota])
            #expect(try sample.search(com, .wholeSubtree, "(&(uid=kaethe.strauss)(zimbraMailQuota=\(quota)))").names == [kaethe])
        }
        // No account was touched.
        let stamp = try sample.value(kaethe, "entryCSN")
        try sample.set(com, "zimbraDomainDefaultCOSId", [kioskID])
        #expect(try sample.value(kaethe, "zimbraMailQuota") == ["536870912"])
        #expect(try sample.value(kaethe, "entryCSN") == stamp)
        // A class of service that comes, and one that goes.
        let added = "11111111-2222-4333-8444-555555555555"
        try sample.put(kaethe, "zimbraCOSId", [added])
        #expect(try sample.value(kaethe, "zimbraCOSId") == [kioskID])
        #expect(
            try sample.add("cn=new,cn=cos,cn=zimbra", [("objectClass", ["zimbraCOS"]), ("cn", ["new"]), ("zimbraId", [added])]).code == .success)
        #expect(try sample.value(kaethe, "zimbraCOSId") == [added])
        #expect(try sample.value(kaethe, "zimbraMailQuota").isEmpty)
        #expect(try sample.delete("cn=new,cn=cos,cn=zimbra").code == .success)
        #expect(try sample.value(kaethe, "zimbraCOSId") == [kioskID])
    }
}
