import LDAP
import MailDirectory
import Testing

/// Section 6 of the semantics: the branch `cn=gal` of the sample organisation's domain.
@Suite struct AddressListTests {
    static let domain = "dc=example,dc=com"
    static let gal = "cn=gal,dc=example,dc=com"
    static let config = "cn=config,cn=zimbra"

    private func mails(_ found: SampleDirectory.Found) -> Set<String> {
        Set(found.entries.map { String(decoding: $0["mail"].first ?? [], as: UTF8.self) })
    }

    private func search(_ sample: SampleDirectory, _ filter: String, sizeLimit: Int = 0) throws -> Set<String> {
        let found = try sample.search(Self.gal, .wholeSubtree, filter, ["mail"], sizeLimit: sizeLimit)
        #expect(found.code == .success, "\(filter): \(found.result)")
        return mails(found)
    }

    private func addAccount(_ sample: SampleDirectory, _ name: String, below domain: String, _ more: [(String, [String])] = []) throws {
        let host = domain.split(separator: ",").map { $0.dropFirst(3) }.joined(separator: ".")
        let added = try sample.add(
            "uid=\(name),ou=people,\(domain)",
            [
                ("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("cn", [name]), ("sn", [name]),
                ("zimbraId", ["id-of-\(name)"]), ("zimbraAccountStatus", ["active"]), ("mail", ["\(name)@\(host)"]),
                ("zimbraMailDeliveryAddress", ["\(name)@\(host)"]),
            ] + more)
        #expect(added.code == .success, "\(added)")
    }

    // MARK: The branch

    @Test func aBranchIsFoundByItsName() throws {
        let sample = try SampleDirectory()
        let top = try sample.search("CN=Gal, dc=example,dc=com", .baseObject, "(objectClass=*)", ["*", "+"])
        #expect(top.names == [Self.gal])
        #expect(top.values("cn") == ["gal"])
        #expect(top.values("hasSubordinates") == ["TRUE"])
        #expect(top.values("entryDN") == [Self.gal])
        // Searches above do not see it.
        #expect(try sample.search(Self.domain, .wholeSubtree, "(cn=gal)").names == [])
        #expect(try !sample.search(Self.domain, .singleLevel).names.contains(Self.gal))
        // Where there is no domain there is none.
        let missing = try sample.search("cn=gal,dc=com", .baseObject)
        #expect(missing.code == .noSuchObject)
        #expect(String(decoding: missing.result.matchedDN, as: UTF8.self) == "dc=com")
        #expect(try sample.search("cn=x,mail=ada.lovelace@example.com,\(Self.gal)", .baseObject).code == .noSuchObject)
        let unknown = try sample.search("mail=nobody@example.com,\(Self.gal)", .baseObject)
        #expect(unknown.code == .noSuchObject)
        #expect(String(decoding: unknown.result.matchedDN, as: UTF8.self) == Self.gal)
    }

    @Test func entriesAreReadByTheirNames() throws {
        let sample = try SampleDirectory()
        let name = "mail=ada.lovelace@example.com,\(Self.gal)"
        let ada = try sample.search(name, .baseObject, "(objectClass=*)", ["*", "+"])
        #expect(ada.names == [name])
        #expect(ada.values("cn") == ["Ada Lovelace"])
        #expect(ada.values("entryDN") == [name])
        #expect(ada.values("structuralObjectClass") == ["inetOrgPerson"])
        #expect(try sample.search(name, .wholeSubtree).names == [name])
        #expect(try sample.search(name, .singleLevel).names == [])
        #expect(try sample.search(name, .baseObject, "(sn=Byron)").names == [])
        #expect(try sample.search("mail=ADA.Lovelace@Example.COM,\(Self.gal)", .baseObject).names == [name])
        // An entry has one name: that of its own address.
        #expect(try sample.search("mail=ada@example.com,\(Self.gal)", .baseObject).code == .noSuchObject)
    }

    @Test func scopesSizeLimitsPagesAndSelections() throws {
        let sample = try SampleDirectory()
        let all = try sample.search(Self.gal, .wholeSubtree, "(objectClass=*)", ["1.1"])
        let one = try sample.search(Self.gal, .singleLevel, "(objectClass=*)", ["1.1"])
        #expect(all.entries.count == one.entries.count + 1)
        #expect(all.names.contains(Self.gal))
        #expect(all.entries.allSatisfy { $0.attributes.isEmpty })
        let limited = try sample.search(Self.gal, .singleLevel, "(objectClass=*)", ["cn"], sizeLimit: 3)
        #expect(limited.code == .sizeLimitExceeded)
        #expect(limited.entries.count == 3)
        // RFC 2696
        var cookie: [UInt8] = []
        var paged: [String] = []
        repeat {
            let page = try sample.search(
                Self.gal, .wholeSubtree, "(objectClass=*)", ["1.1"], controls: [PagedResults(size: 7, cookie: cookie).control()])
            #expect(page.code == .success)
            #expect(page.entries.count <= 7)
            paged += page.names
            cookie = try #require(page.pagedCookie)
        } while !cookie.isEmpty
        #expect(paged.sorted() == all.names)
        let single = try sample.search(Self.gal, .singleLevel, "(mail=ada.lovelace@example.com)", ["sn", "telephoneNumber"])
        #expect(single.entries.first?.attributes.count == 2)
    }

    @Test func comparesSeeTheEntriesAsTheyShow() throws {
        let sample = try SampleDirectory()
        let name = "mail=ada.lovelace@example.com,\(Self.gal)"
        #expect(try sample.compare(name, "sn", "LOVELACE") == .compareTrue)
        #expect(try sample.compare(name, "sn", "Byron") == .compareFalse)
        #expect(try sample.compare(name, "userPassword", "x") == .noSuchAttribute)
        #expect(try sample.compare("mail=management@example.com,\(Self.gal)", "member", name) == .compareTrue)
    }

    @Test func nothingIsWrittenThere() throws {
        let sample = try SampleDirectory()
        let name = "mail=ada.lovelace@example.com,\(Self.gal)"
        for code in [
            try sample.modify(name, [(.replace, "sn", ["x"])]).code, try sample.modify(Self.gal, [(.replace, "description", ["x"])]).code,
            try sample.delete(name).code, try sample.add(Self.gal, [("objectClass", ["organizationalRole"]), ("cn", ["gal"])]).code,
            try sample.add("mail=x@example.com,\(Self.gal)", [("objectClass", ["inetOrgPerson"]), ("cn", ["x"]), ("sn", ["x"])]).code,
        ] { #expect(code == .unwillingToPerform) }
        #expect(try sample.modify(name, [(.replace, "sn", ["x"])]).message.contains("is made of other entries"))
    }

    @Test func theBranchHasAnotherNameOrIsSwitchedOff() throws {
        var settings = MailDirectory.Settings()
        settings.addressList.name = "ou=address book"
        let named = try SampleDirectory(settings)
        #expect(try named.search("ou=Address Book,dc=example,dc=com", .wholeSubtree, "(sn=lovelace)").names
            == ["mail=ada.lovelace@example.com,ou=address book,dc=example,dc=com"])
        #expect(try named.search(Self.gal, .baseObject).code == .noSuchObject)
        settings.addressList.isEnabled = false
        #expect(try SampleDirectory(settings).search("ou=address book,dc=example,dc=com", .baseObject).code == .noSuchObject)
        settings.addressList.isEnabled = true
        settings.addressList.name = "cn=a,cn=b"
        #expect(throws: (any Error).self) { _ = try SampleDirectory(settings) }
    }

    // MARK: What a client that knows nothing of mail servers asks

    @Test func plainFiltersFindWhatShows() throws {
        let sample = try SampleDirectory()
        let thunderbird = "(|(mail=*lo*)(cn=*lo*)(givenName=*lo*)(sn=*lo*))"
        #expect(try search(sample, thunderbird, sizeLimit: 100).isSuperset(of: ["ada.lovelace@example.com", "dmitry.sokolov@example.com"]))
        #expect(try search(sample, "(&(objectClass=person)(sn=Lovelace))") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(o=Example Ltd)").count > 10)
        #expect(try search(sample, "(&(objectClass=groupOfNames)(cn=*e*))").isSuperset(of: ["all@example.com", "sales@example.com"]))
        #expect(try search(sample, "(&(cn=*)(!(objectClass=groupOfNames))(sn=*lace))") == ["ada.lovelace@example.com"])
        // What does not show cannot be searched for.
        #expect(try search(sample, "(uid=ada.lovelace)") == [])
        #expect(try search(sample, "(zimbraMailHost=*)") == [])
        #expect(try search(sample, "(userPassword=*)") == [])
        #expect(try search(sample, "(&(sn=lovelace)(!(uid=*)))") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(displayName=Ada Lovelace)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(name=ada lovelace)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(sn:caseExactMatch:=Lovelace)") == ["ada.lovelace@example.com"])
    }

    @Test func rule6_6_attributesShowByTheMap() throws {
        let sample = try SampleDirectory()
        let ada = try sample.search(Self.gal, .singleLevel, "(sn=lovelace)")
        // Rule 6.6.3: own address first, then the others, each once.
        #expect(ada.values("mail") == ["ada.lovelace@example.com", "ada@example.com"])
        #expect(ada.values("o") == ["Example Ltd"])
        #expect(ada.values("telephoneNumber") == ["+44 20 5550 1000"])
        #expect(ada.values("mobile") == ["+44 7700 900000"])
        #expect(ada.values("ou") == ["Management"])
        #expect(ada.values("title") == ["Director"])
        #expect(ada.values("l") == ["London"])
        #expect(ada.values("displayName") == ["Ada Lovelace"])
        #expect(Set(ada.values("objectClass")).isSuperset(of: ["top", "person", "organizationalPerson", "inetOrgPerson"]))
        for hidden in ["userPassword", "zimbraMailHost", "uid", "zimbraCOSId", "zimbraPrefLocale"] { #expect(ada.values(hidden) == []) }
        // Rule 6.6.4: fields that have no standard attribute keep their names.
        let room = try sample.search(Self.gal, .singleLevel, "(cn=Room Thames)")
        #expect(room.values("zimbraCalResType") == ["Location"])
        #expect(room.values("zimbraCalResBuilding") == ["A"])
        // Rule 6.6.5
        #expect(try sample.modify("uid=room-thames,ou=people,dc=example,dc=com", [(.replace, "zimbraCalResType", ["Room"])]).code == .success)
        #expect(try sample.search(Self.gal, .singleLevel, "(cn=Room Thames)").values("zimbraCalResType") == ["Location"])
        // Rule 6.6.2: more values than fields are cut, one field takes all; the domain's map hides the global one (2.4).
        #expect(try sample.modify(
            "uid=ada.lovelace,ou=people,dc=example,dc=com", [(.add, "cn", ["Countess"]), (.add, "l", ["Ockham"])]).code == .success)
        #expect(try sample.search(Self.gal, .singleLevel, "(sn=lovelace)").values("cn") == ["Ada Lovelace", "Countess"])
        #expect(try sample.search(Self.gal, .singleLevel, "(sn=lovelace)").values("l") == ["London", "Ockham"])
        #expect(try search(sample, "(cn=countess)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(displayName=countess)") == [])
        #expect(try sample.modify(
            Self.domain,
            [(.replace, "zimbraGalLdapAttrMap", ["displayName,cn=fullName", "sn=lastName", "mail=email", "title,l=jobTitle,office", "ou=nowhere"])]
        ).code == .success)
        let narrow = try sample.search(Self.gal, .singleLevel, "(sn=lovelace)")
        #expect(narrow.values("cn") == ["Ada Lovelace"])
        #expect(narrow.values("title") == ["Director"])
        #expect(narrow.values("physicalDeliveryOfficeName") == ["London"])
        #expect(narrow.values("telephoneNumber") == [])
        #expect(narrow.values("ou") == [])
        #expect(try search(sample, "(telephoneNumber=*)") == [])
    }

    @Test func rule6_6_6_certificatesAndMembersOnlyByName() throws {
        let sample = try SampleDirectory()
        let list = try sample.search(Self.gal, .singleLevel, "(cn=Management)")
        #expect(list.values("member") == [])
        #expect(Set(list.values("objectClass")).isSuperset(of: ["top", "groupOfNames"]))
        let members = try sample.search(Self.gal, .singleLevel, "(cn=Management)", ["member"])
        #expect(members.values("member") == [
            "mail=ada.lovelace@example.com,\(Self.gal)", "mail=taro.tanaka@example.com,\(Self.gal)", "mail=joao.goncalves@example.com,\(Self.gal)",
        ])
    }

    @Test func rule6_7_listsAndResources() throws {
        let sample = try SampleDirectory()
        // 6.7.1: static and dynamic lists, one level, internal and external members.
        let sales = try sample.search(Self.gal, .singleLevel, "(mail=sales@example.com)", ["member"]).values("member")
        #expect(sales.contains("mail=bjorn.aasen@example.com,\(Self.gal)"))
        #expect(sales.contains("mail=agent@partner.example,\(Self.gal)"))
        let partners = try sample.search("mail=partners@example.com,\(Self.gal)", .baseObject, "(objectClass=*)", ["member"]).values("member")
        #expect(partners.contains("mail=management@example.com,\(Self.gal)"))
        #expect(partners.contains("mail=sales-contacts@partner.example,\(Self.gal)"))
        // Rule 6.7.2: a hidden member stays on the list.
        let all = try sample.search(Self.gal, .singleLevel, "(mail=all@example.com)", ["member"]).values("member")
        #expect(all.contains("mail=reka.szabo@example.com,\(Self.gal)"))
        // Which lists somebody is on.
        #expect(try search(sample, "(member=mail=taro.tanaka@example.com,\(Self.gal))").isSuperset(of: ["management@example.com", "all@example.com"]))
        #expect(try search(sample, "(member=mail=bjorn.aasen@example.com,\(Self.gal))").contains("sales@example.com"))
        #expect(try search(sample, "(member=uid=taro.tanaka,ou=people,dc=example,dc=com)") == [])
        // Rule 6.7.3
        #expect(try search(sample, "(galSearchResource=room)") == ["room-thames@example.com", "room-isar@example.com"])
        #expect(try sample.modify("uid=room-isar,ou=people,dc=example,dc=com", [(.replace, "zimbraAccountStatus", ["closed"])]).code == .success)
        #expect(try search(sample, "(galSearchResource=room)") == ["room-thames@example.com"])
        // Rule 6.7.4: accounts of any status.
        #expect(try search(sample, "(sn=țuțuianu)") == ["stefan.tutuianu@example.com"])
        // Rule 6.7.5
        #expect(try search(sample, "(mail=galsync*)") == [])
    }

    @Test func rule6_3_1_hiddenAndSystemEntriesAreAbsent() throws {
        let sample = try SampleDirectory()
        let name = "mail=reka.szabo@example.com,\(Self.gal)"
        for filter in ["(sn=szabó)", "(anr=szabó)", "(galSearch=.)", "(galSync=*)", "(objectClass=*)", "(galFilter=lastName_has:szabó)"] {
            #expect(try !search(sample, filter).contains("reka.szabo@example.com"), "\(filter)")
            #expect(try !search(sample, filter).contains("galsync.81907c@example.com"), "\(filter)")
        }
        #expect(try sample.search(name, .baseObject).code == .noSuchObject)
        #expect(try sample.modify("uid=reka.szabo,ou=people,dc=example,dc=com", [(.delete, "zimbraHideInGal", [])]).code == .success)
        #expect(try sample.search(name, .baseObject).names == [name])
        #expect(try search(sample, "(anr=szabó)") == ["reka.szabo@example.com"])
    }

    @Test func rule6_3_2_scopeOfTheDomain() throws {
        let sample = try SampleDirectory()
        let sub = "dc=sub,dc=example,dc=com"
        #expect(try sample.add(
            sub, [("objectClass", ["dcObject", "organization", "zimbraDomain"]), ("dc", ["sub"]), ("o", ["sub"]), ("zimbraId", ["sub-id"]),
                ("zimbraDomainName", ["sub.example.com"]), ("zimbraDomainStatus", ["active"]), ("zimbraMailStatus", ["enabled"]), ("zimbraDomainType", ["local"])]
        ).code == .success)
        #expect(try sample.add("ou=people,\(sub)", [("objectClass", ["organizationalRole"]), ("ou", ["people"]), ("cn", ["people"])]).code == .success)
        try addAccount(sample, "zaphod", below: sub)
        let both = "(|(cn=zaphod)(sn=lovelace))"
        #expect(try search(sample, both) == ["ada.lovelace@example.com"])
        #expect(try mails(sample.search("cn=gal,\(sub)", .wholeSubtree, both, ["mail"])) == ["zaphod@sub.example.com"])
        func set(_ attribute: String, _ value: String) throws {
            #expect(try sample.modify(Self.domain, [(.replace, attribute, [value])]).code == .success)
        }
        try set("zimbraGalInternalSearchBase", "SUBDOMAINS")
        #expect(try search(sample, both) == ["ada.lovelace@example.com", "zaphod@sub.example.com"])
        try set("zimbraGalInternalSearchBase", "ROOT")
        #expect(try search(sample, "(sn=*)").contains { $0.hasSuffix("@example.org") })
        try set("zimbraGalInternalSearchBase", "ou=people,\(sub)")
        #expect(try search(sample, both) == ["zaphod@sub.example.com"])
        // For synchronisation the other setting, if there is one.
        try set("zimbraGalSyncInternalSearchBase", "DOMAIN")
        #expect(try search(sample, "(galSync=*)").contains("ada.lovelace@example.com"))
        #expect(try !search(sample, "(galSync=*)").contains("zaphod@sub.example.com"))
    }

    // MARK: Queries

    @Test func rule6_2_namedFilters() throws {
        let sample = try SampleDirectory()
        #expect(try search(sample, "(anr=ada)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(anr=lace)") == [])
        #expect(try search(sample, "(galSearch=lace)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(galAutoComplete=man)") == ["management@example.com"])
        #expect(try search(sample, "(galAutoCompleteAccount=man)") == ["management@example.com"])
        #expect(try search(sample, "(galAutoCompleteGroup=man)") == ["management@example.com"])
        #expect(try search(sample, "(galSearchGroup=e)").isSuperset(of: ["management@example.com", "engineering@example.com"]))
        #expect(try search(sample, "(galSearchAccount=room)").isEmpty)
        #expect(try search(sample, "(galAutoCompleteResource=room)") == ["room-thames@example.com", "room-isar@example.com"])
        #expect(try search(sample, "(galFilter=department_has:sales)").contains("bjorn.aasen@example.com"))
        #expect(try search(sample, "(galFilter=unknown:sales)").isEmpty)
        // A filter that the administrator redefines; one that is taken away has its built-in form.
        let own = "zimbraAutoComplete:(title=%s*)"
        #expect(try sample.modify(Self.config, [(.replace, "zimbraGalLdapFilterDef", [own])]).code == .success)
        #expect(try search(sample, "(anr=direc)").contains("ada.lovelace@example.com"))
        #expect(try search(sample, "(galSearch=lace)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(galAutoCompleteResource=room)") == ["room-thames@example.com", "room-isar@example.com"])
        #expect(try sample.modify(Self.config, [(.delete, "zimbraGalLdapFilterDef", [])]).code == .success)
        #expect(try search(sample, "(anr=ada)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(galSyncResource=*)").count == 3)
        #expect(try search(sample, "(galSyncGroup=*)").contains("sales@example.com"))
        #expect(try !search(sample, "(galSyncAccount=*)").contains("room-thames@example.com"))
        // With others.
        #expect(try search(sample, "(&(anr=ada)(objectClass=groupOfNames))") == [])
        #expect(try search(sample, "(|(anr=ada)(sn=Åsen))") == ["ada.lovelace@example.com", "bjorn.aasen@example.com"])
    }

    @Test func rule6_3_3_keysAndTemplates() throws {
        let sample = try SampleDirectory()
        for key in ["ada*", "*ada", "**ada**"] { #expect(try search(sample, "(anr=\(key))") == ["ada.lovelace@example.com"], "\(key)") }
        #expect(try sample.modify(
            Self.config, [(.replace, "zimbraGalLdapFilterDef", ["zimbraSearch:title=%s", "zimbraAutoComplete:(description=100%% %s)"])]).code == .success)
        #expect(try sample.modify("uid=ada.lovelace,ou=people,dc=example,dc=com", [(.replace, "description", ["100% sure"])]).code == .success)
        #expect(try search(sample, "(galSearch=director)").contains("ada.lovelace@example.com"))
        #expect(try search(sample, "(anr=sure)") == ["ada.lovelace@example.com"])
    }

    @Test func rule6_3_4_tokens() throws {
        let sample = try SampleDirectory()
        #expect(try search(sample, "(anr=ada love)") == ["ada.lovelace@example.com"])
        #expect(try search(sample, "(galSearch=lace   ada)") == ["ada.lovelace@example.com"])
        #expect(try sample.modify(Self.domain, [(.replace, "zimbraGalTokenizeSearchKey", ["or"])]).code == .success)
        #expect(try search(sample, "(galSearch=lovelace åsen)") == ["ada.lovelace@example.com", "bjorn.aasen@example.com"])
        #expect(try search(sample, "(anr=lovelace åsen)") == [])
        // Neither: the key is one.
        #expect(try sample.modify(Self.config, [(.delete, "zimbraGalTokenizeAutoCompleteKey", [])]).code == .success)
        #expect(try search(sample, "(anr=love ada)") == [])
        #expect(try search(sample, "(anr=ada love)") == ["ada.lovelace@example.com"])
    }

    @Test func rule6_3_5_dotAndExactKeys() throws {
        let sample = try SampleDirectory()
        #expect(try search(sample, "(galSearch=.)").count > 30)
        #expect(try search(sample, "(anr=.)") == [])
        #expect(try search(sample, "(anr==love)") == [])
        #expect(try search(sample, "(anr==lovelace)") == ["ada.lovelace@example.com"])
    }

    @Test func rule6_3_6_emptyKey() throws {
        let sample = try SampleDirectory()
        #expect(try search(sample, "(galSearchGroup=*)") == search(sample, "(galSyncGroup=*)"))
        #expect(try search(sample, "(anr=*)").count > 30)
    }

    @Test func pitfall32_keysAreEscaped() throws {
        let sample = try SampleDirectory()
        for key in ["\\29(objectClass=*", "*\\29\\28cn=*", "\\5c", "a\\2ab", "(", "\\ff\\fe"] {
            let found = try sample.search(Self.gal, .singleLevel, "(anr=\(key == "(" ? "\\28" : key.replacing("(", with: "\\28")))", ["mail"])
            #expect(found.code == .success, "\(key)")
            #expect(found.entries.isEmpty, "\(key): \(found.names)")
        }
    }

    @Test func pitfall41_configurationIsCheckedWhenWritten() throws {
        let sample = try SampleDirectory()
        func refusal(_ name: String, _ attribute: String, _ values: [String]) throws -> String {
            let result = try sample.modify(name, [(.replace, attribute, values)])
            #expect(result.code == .constraintViolation, "\(attribute): \(values)")
            return result.message
        }
        #expect(try refusal(Self.config, "zimbraGalLdapFilterDef", ["zimbraSearch:(cn=*%s*"]).contains("zimbraSearch:(cn=*%s*"))
        _ = try refusal(Self.config, "zimbraGalLdapFilterDef", ["no filter"])
        _ = try refusal(Self.config, "zimbraGalLdapFilterDef", ["a:(cn=%s)", "A:(sn=%s)"])
        _ = try refusal(Self.domain, "zimbraGalLdapFilter", ["adx"])
        _ = try refusal(Self.domain, "zimbraGalLdapFilter", ["(|(cn=%s)"])
        _ = try refusal(Self.domain, "zimbraGalLdapAttrMap", ["cn"])
        _ = try refusal(Self.domain, "zimbraGalLdapAttrMap", ["=email"])
        _ = try refusal(Self.domain, "zimbraGalLdapValueMap", ["zimbraCalResType: (Room Location"])
        _ = try refusal(Self.domain, "zimbraGalInternalSearchBase", ["DOMAINS"])
        _ = try refusal(Self.domain, "zimbraGalLdapURL", ["ad.example.com"])
        for (attribute, value) in [
            ("zimbraGalLdapFilter", "ad"), ("zimbraGalLdapFilter", "(cn=*%s*)"), ("zimbraGalInternalSearchBase", "ROOT"),
            ("zimbraGalLdapURL", "ldap://ad.example.com:3268"), ("zimbraGalLdapSearchBase", "ROOT"), ("zimbraGalLdapAttrMap", "(binary) photo=image"),
        ] { #expect(try sample.modify(Self.domain, [(.replace, attribute, [value])]).code == .success, "\(attribute)") }
    }

    // MARK: Synchronisation

    @Test func rule6_4_timeStamps() throws {
        let sample = try SampleDirectory()
        let entry = try sample.search("mail=ada.lovelace@example.com,\(Self.gal)", .baseObject, "(objectClass=*)", ["+"])
        #expect(entry.values("modifyTimestamp").count == 1)
        #expect(entry.values("createTimestamp").count == 1)
        #expect(entry.values("entryUUID").count == 1)
        func since(_ time: String) -> String { "(|(modifyTimestamp>=\(time))(createTimestamp>=\(time)))" }
        // Rule 6.4.1: plain items, and as a token.
        #expect(try search(sample, since("20000101000000Z")).count > 30)
        #expect(try search(sample, since("20990101000000Z")) == [])
        #expect(try search(sample, "(galSync=20000101000000Z)") == search(sample, "(galSync=*)"))
        #expect(try search(sample, "(galSync=20990101000000Z)") == [])
        try addAccount(sample, "newcomer", below: Self.domain)
        let time = try #require(try sample.search("mail=newcomer@example.com,\(Self.gal)", .baseObject, "(objectClass=*)", ["createTimestamp"])
            .values("createTimestamp").first)
        #expect(try search(sample, "(galSync=\(time))").contains("newcomer@example.com"))
        // Rule 6.4.3: a mail server's token; while its first synchronisation is unfinished only the time of creation counts.
        #expect(try search(sample, "(galSync=\(time):id:4711)").contains("newcomer@example.com"))
        #expect(try search(sample, "(galSync=20000101000000Z_1_0_20990101000000Z)") == [])
        #expect(try search(sample, "(galSync=20000101000000Z_1_1_20990101000000Z)").count > 30)
    }

    @Test func rule6_4_5_and_6_5_limits() throws {
        let sample = try SampleDirectory()
        func set(_ attribute: String, _ value: String) throws {
            #expect(try sample.modify(Self.domain, [(.replace, attribute, [value])]).code == .success)
        }
        try set("zimbraGalMaxResults", "5")
        let all = "(&(objectClass=*)(cn=*))"
        #expect(try sample.search(Self.gal, .singleLevel, all).entries.count == 5)
        #expect(try sample.search(Self.gal, .singleLevel, all).code == .sizeLimitExceeded)
        #expect(try sample.search(Self.gal, .singleLevel, all, sizeLimit: 3).entries.count == 3)
        #expect(try sample.search(Self.gal, .singleLevel, all, sizeLimit: 50).entries.count == 5)
        #expect(try sample.search(Self.gal, .singleLevel, "(galSearch=.)").entries.count == 5)
        // Who asks for everything synchronises.
        #expect(try sample.search(Self.gal, .singleLevel, "(galSync=*)").entries.count > 30)
        #expect(try sample.search(Self.gal, .singleLevel, "(objectClass=*)").entries.count > 30)
        try set("zimbraGalSyncSizeLimit", "7")
        let limited = try sample.search(Self.gal, .singleLevel, "(galSync=*)")
        #expect(limited.code == .sizeLimitExceeded)
        #expect(limited.entries.count == 7)
        try set("zimbraGalMaxResults", "0")
        #expect(try sample.search(Self.gal, .singleLevel, all).entries.count > 30)
    }

    @Test func rule6_1_3_switchesOfTheAccount() throws {
        let sample = try SampleDirectory()
        let ada = "uid=ada.lovelace,ou=people,dc=example,dc=com"
        let cos = "cn=business,cn=cos,cn=zimbra"
        func asAda(_ filter: String) throws -> ResultCode {
            #expect(try sample.bind(ada, "muster-sample").code == .success)
            let code = try sample.search(Self.gal, .singleLevel, filter, ["mail"]).code
            #expect(try sample.bind("cn=config", "secret").code == .success)
            return code
        }
        func set(_ name: String, _ attribute: String, _ value: String) throws {
            #expect(try sample.modify(name, [(.replace, attribute, [value])]).code == .success)
        }
        #expect(try asAda("(anr=ada)") == .success)
        try set(cos, "zimbraFeatureGalAutoCompleteEnabled", "FALSE")
        #expect(try asAda("(anr=ada)") == .insufficientAccessRights)
        #expect(try asAda("(galSearch=ada)") == .success)
        try set(ada, "zimbraFeatureGalAutoCompleteEnabled", "TRUE")
        #expect(try asAda("(anr=ada)") == .success)
        try set(cos, "zimbraFeatureGalSyncEnabled", "FALSE")
        #expect(try asAda("(galSync=*)") == .insufficientAccessRights)
        #expect(try asAda("(modifyTimestamp>=20000101000000Z)") == .insufficientAccessRights)
        #expect(try asAda("(sn=a*)") == .success)
        try set(cos, "zimbraFeatureGalEnabled", "FALSE")
        #expect(try asAda("(sn=a*)") == .insufficientAccessRights)
        // Administrators bypass.
        #expect(try sample.search(Self.gal, .singleLevel, "(anr=ada)").entries.count == 1)
    }

    @Test func anonymousClientsSeeNothing() throws {
        let sample = try SampleDirectory()
        #expect(try sample.bind("", "").code == .success)
        #expect(try sample.search(Self.gal, .baseObject).code == .noSuchObject)
        #expect(try sample.search(Self.gal, .wholeSubtree, "(anr=ada)").code == .noSuchObject)
    }
}
