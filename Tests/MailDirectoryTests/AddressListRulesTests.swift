import Directory
import LDAP
import MailDirectory
import Testing

private let domain = "dc=example,dc=com"
private let gal = "cn=gal,\(domain)"
private let people = "ou=people,\(domain)"
private let config = "cn=config,cn=zimbra"

/// Rules of section 6 that ``AddressListTests`` does not hold to, and lists of many members.
@Suite struct AddressListRulesTests {
    private func mails(_ sample: SampleDirectory, _ filter: String) throws -> Set<String> {
        let found = try sample.search(gal, .singleLevel, filter, ["mail"])
        #expect(found.code == .success, "\(filter): \(found.result)")
        return Set(found.entries.map { String(decoding: $0["mail"].first ?? [], as: UTF8.self) })
    }

    @Test func rule6_1_2_operationsAndKinds() throws {
        let sample = try SampleDirectory()
        for (operation, key) in [("galSearch", "e"), ("galAutoComplete", "m"), ("galSync", "*")] {
            let all = try mails(sample, "(\(operation)=\(key))")
            let account = try mails(sample, "(\(operation)Account=\(key))")
            let resource = try mails(sample, "(\(operation)Resource=\(key))")
            let group = try mails(sample, "(\(operation)Group=\(key))")
            #expect(!account.isEmpty && !group.isEmpty, "\(operation)")
            // By 6.2 the filters of accounts let lists through, and only those of accounts leave out resources; completion of accounts looks
            // inside display names, that of everything at their beginnings.
            #expect(operation == "galAutoComplete" || account.isSubset(of: all), "\(operation)")
            #expect(group.isSubset(of: all), "\(operation)")
            #expect(resource.isDisjoint(with: account) && resource.isDisjoint(with: group), "\(operation)")
            let lists = try mails(sample, "(&(\(operation)=\(key))(objectClass=groupOfNames))")
            #expect(group == lists, "\(operation)")
        }
        #expect(try mails(sample, "(galSyncResource=*)") == ["room-thames@example.com", "room-isar@example.com", "projector-1@example.com"])
    }

    /// What a client does with times: it remembers the latest that it has seen, plus one second.
    @Test func rule6_4_2_theNextTokenIsTheLatestTimeAndASecond() throws {
        let sample = try SampleDirectory()
        let entries = try sample.search(gal, .singleLevel, "(galSync=*)", ["modifyTimestamp", "createTimestamp"]).entries
        let latest = try #require(
            entries.flatMap { $0["modifyTimestamp"] + $0["createTimestamp"] }.map { String(decoding: $0, as: UTF8.self) }.max())
        #expect(try !mails(sample, "(galSync=\(latest))").isEmpty)
        let number = try #require(Int(latest.dropLast()))
        // Not a second before a minute is full: then the sum is no time.
        if number % 100 < 59 { #expect(try mails(sample, "(galSync=\(number + 1)Z)").isEmpty) }
    }

    @Test func rule6_4_6_timesTellNothingOfWhatIsGone() throws {
        let sample = try SampleDirectory()
        let before = try mails(sample, "(galSync=20000101000000Z)")
        #expect(try sample.delete("uid=wei.wang,\(people)").code == .success)
        try sample.set("uid=ming.li,\(people)", "zimbraHideInGal", ["TRUE"])
        let after = try mails(sample, "(galSync=20000101000000Z)")
        #expect(before.subtracting(after) == ["wei.wang@example.com", "ming.li@example.com"])
        #expect(try !mails(sample, "(objectClass=*)").contains("ming.li@example.com"))
    }

    @Test func rule6_6_1_formsOfRules() throws {
        let sample = try SampleDirectory()
        let ada = "uid=ada.lovelace,\(people)"
        func shown(_ rules: [String], _ attributes: [String]) throws -> [[String]] {
            try sample.set(domain, "zimbraGalLdapAttrMap", rules + ["mail=email"])
            let found = try sample.search(gal, .singleLevel, "(mail=ada.lovelace@example.com)", attributes)
            return attributes.map { found.values($0) }
        }
        #expect(try shown(["sn=lastName"], ["sn", "cn"]) == [["Lovelace"], []])
        // Several attributes; the first that has values feeds a single field.
        #expect(try shown(["pager,title=jobTitle"], ["title"]) == [["Director"]])
        // Spaces and case do not matter, a type that is not known is ignored.
        #expect(try shown(["(other)  SN , givenname = LASTNAME,firstName"], ["sn", "givenName"]) == [["Lovelace"], ["Ada"]])
        #expect(try shown(["(binary) title=image,jobTitle", "unheardOf=lastName"], ["title", "sn"]) == [[], []])
        // What has no address is no entry.
        try sample.set(domain, "zimbraGalLdapAttrMap", ["sn=lastName"])
        #expect(try sample.search(gal, .singleLevel, "(sn=lovelace)", ["*"]).entries.first?["mail"] == [])
        #expect(try sample.search(ada, .baseObject, "(objectClass=*)", ["sn"]).values("sn") == ["Lovelace"])
    }

    /// A synchronisation account is not needed: what it is made for is there without it, and it does not show itself (rule 6.7.5).
    @Test func rule6_8_1_rule6_8_6_synchronisationNeedsNoAccount() throws {
        let sample = try SampleDirectory()
        let id = try sample.value(domain, "zimbraGalAccountId")
        #expect(try sample.search("", .wholeSubtree, "(zimbraId=\(id[0]))", ["uid"]).values("uid") == ["galsync.81907c"])
        let all = try mails(sample, "(galSync=*)")
        #expect(!all.contains { $0.hasPrefix("galsync") })
        // Rule 6.8.2: its data source first; its id goes from the domain with it.
        #expect(try sample.delete("zimbraDataSourceName=galsync,uid=galsync.81907c,\(people)").code == .success)
        #expect(try sample.delete("uid=galsync.81907c,\(people)").code == .success)
        #expect(try sample.value(domain, "zimbraGalAccountId") == [])
        #expect(try mails(sample, "(galSync=*)") == all)
    }

    /// Rules 6.8.3 and 6.8.5: the polling interval is an account's value, its class of service's where it has none.
    @Test func rule6_8_3_thePollingIntervalIsInherited() throws {
        let sample = try SampleDirectory()
        let account = "uid=galsync.81907c,\(people)"
        let source = "zimbraDataSourceName=galsync,\(account)"
        for name in ["default", "business"] { try sample.set("cn=\(name),cn=cos,cn=zimbra", "zimbraDataSourceGalPollingInterval", ["12h"]) }
        try sample.set(account, "zimbraDataSourceGalPollingInterval", [])
        try sample.set(account, "zimbraCOSId", [])
        #expect(try sample.value(account, "zimbraDataSourceGalPollingInterval") == ["12h"])
        // Data sources inherit nothing (2.3).
        #expect(try sample.value(source, "zimbraDataSourceGalPollingInterval") == [])
    }

    @Test func rule6_10_addressListsAreNoEntries() throws {
        let sample = try SampleDirectory()
        let before = try mails(sample, "(galSync=*)")
        let added = try sample.add(
            "uid=customers,\(people)",
            [
                ("objectClass", ["zimbraAddressList"]), ("uid", ["customers"]), ("zimbraId", ["0c1c1f5b-7bbc-4c1e-a8ea-5a3f8b39a2f1"]),
                ("description", ["Customers"]), ("zimbraIsAddressListActive", ["TRUE"]), ("zimbraAddressListGalFilter", ["(company=*)"]),
                ("zimbraAddressListLdapFilter", ["(company=*)"]),
            ])
        #expect(added.code == .success, "\(added)")
        #expect(try mails(sample, "(galSync=*)") == before)
        #expect(try mails(sample, "(description=Customers)") == [])
        #expect(try sample.search(people, .singleLevel, "(zimbraIsAddressListActive=TRUE)", ["1.1"]).names == ["uid=customers,\(people)"])
    }

    // MARK: Lists of many members

    /// A directory whose event loops may hardly do anything.
    private func smallSteps() throws -> SampleDirectory {
        var limits = SearchLimits()
        limits.inlineCandidates = 10
        limits.computedAtOnce = 50
        return try SampleDirectory(limits: limits)
    }

    /// - Returns: addresses of the members.
    private func addCrowd(_ sample: SampleDirectory, _ count: Int) throws -> [String] {
        try (0..<count).map { number in
            let address = "member\(number)@example.com"
            let added = try sample.add(
                "uid=member\(number),\(people)",
                [
                    ("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("cn", ["Member \(number)"]), ("sn", ["x"]), ("title", ["Member"]),
                    ("zimbraId", ["id-of-member\(number)"]), ("zimbraAccountStatus", ["active"]), ("mail", [address]),
                    ("zimbraMailDeliveryAddress", [address]),
                ])
            #expect(added.code == .success, "\(added)")
            return address
        }
    }

    @Test func rule6_7_1_membersOfLongListsAreSentInPieces() throws {
        let sample = try smallSteps()
        let crowd = try addCrowd(sample, 120)
        let dynamic = try sample.add(
            "cn=crowd,cn=groups,\(domain)",
            [
                ("objectClass", ["groupOfURLs", "zimbraGroup", "dgIdentityAux"]), ("cn", ["crowd"]), ("zimbraId", ["id-of-crowd"]), ("mail", ["crowd@example.com"]),
                ("zimbraMailAlias", ["crowd@example.com"]), ("displayName", ["Crowd"]), ("zimbraIsACLGroup", ["FALSE"]),
                ("memberURL", ["ldap:///\(people)??sub?(title=Member)"]),
            ])
        #expect(dynamic.code == .success, "\(dynamic)")
        let outside = (0..<80).map { "guest\($0)@partner.example" }
        let fixed = try sample.add(
            "uid=everybody,\(people)",
            [
                ("objectClass", ["zimbraDistributionList", "zimbraMailRecipient"]), ("uid", ["everybody"]), ("zimbraId", ["id-of-everybody"]),
                ("mail", ["everybody@example.com"]), ("zimbraMailAlias", ["everybody@example.com"]), ("cn", ["Everybody"]),
                ("zimbraMailStatus", ["enabled"]), ("zimbraMailForwardingAddress", crowd + outside + [crowd[0].uppercased()]),
            ])
        #expect(fixed.code == .success || fixed.code == .attributeOrValueExists, "\(fixed)")
        if fixed.code != .success {
            #expect(try sample.add(
                "uid=everybody,\(people)",
                [
                    ("objectClass", ["zimbraDistributionList", "zimbraMailRecipient"]), ("uid", ["everybody"]), ("zimbraId", ["id-of-everybody"]),
                    ("mail", ["everybody@example.com"]), ("zimbraMailAlias", ["everybody@example.com"]), ("cn", ["Everybody"]),
                    ("zimbraMailStatus", ["enabled"]), ("zimbraMailForwardingAddress", crowd + outside),
                ]).code == .success)
        }
        func name(_ address: String) -> String { "mail=\(address),\(gal)" }
        for (list, members) in [("crowd@example.com", crowd), ("everybody@example.com", crowd + outside)] {
            let expected = members.map(name).sorted()
            let read = try sample.search(name(list), .baseObject, "(objectClass=*)", ["cn", "member"])
            #expect(read.code == .success)
            #expect(read.values("member").sorted() == expected, "\(list)")
            #expect(read.values("cn").count == 1)
            // Among others.
            let found = try sample.search(gal, .singleLevel, "(objectClass=groupOfNames)", ["mail", "member"])
            #expect(found.code == .success)
            let entry = try #require(found.entries.first { String(decoding: $0.name, as: UTF8.self) == name(list) })
            #expect(entry["member"].map { String(decoding: $0, as: UTF8.self) }.sorted() == expected)
            #expect(found.entries.count == (try sample.search(gal, .singleLevel, "(objectClass=groupOfNames)", ["1.1"]).entries.count))
            // Compared, filtered, asserted, and in pages.
            #expect(try sample.compare(name(list), "member", expected[100]) == .compareTrue)
            #expect(try sample.compare(name(list), "member", name("nobody@example.com")) == .compareFalse)
            #expect(try sample.search(name(list), .baseObject, "(member=\(expected[100]))", ["cn"]).entries.count == 1)
            #expect(try sample.search(name(list), .baseObject, "(!(member=\(expected[100])))", ["cn"]).entries.isEmpty)
            var cookie: [UInt8] = []
            var paged: [String] = []
            repeat {
                let page = try sample.search(
                    gal, .singleLevel, "(objectClass=groupOfNames)", ["member"], controls: [PagedResults(size: 2, cookie: cookie).control()])
                paged += page.names
                cookie = try #require(page.pagedCookie)
            } while !cookie.isEmpty
            #expect(paged.sorted() == found.names)
        }
    }

    /// What needs a look at many entries is not done by an event loop, and comes out the same.
    @Test func comparisonsAndSelectionsThatTakeLongAreAnswered() throws {
        let sample = try smallSteps()
        let ada = "uid=ada.lovelace,\(people)"
        // Nothing is known of lists and domains yet.
        #expect(try sample.compare("cn=active-people,cn=groups,\(domain)", "member", ada) == .compareTrue)
        #expect(try sample.compare(ada, "memberOf", "cn=active-people,cn=groups,\(domain)") == .compareTrue)
        #expect(try sample.compare("cn=nobody,\(people)", "member", ada) == .noSuchObject)
        #expect(try sample.compare(ada, "musterEffectiveAccountStatus", "active") == .compareTrue)
        let fresh = try smallSteps()
        #expect(try fresh.value(ada, "memberOf").contains("cn=active-people,cn=groups,\(domain)"))
        #expect(try fresh.value(ada, "musterEffectiveAccountStatus") == ["active"])
        let other = try smallSteps()
        #expect(try other.bind(ada, "muster-sample").code == .success)
        #expect(try other.search(gal, .singleLevel, "(anr=ada)", ["cn"]).values("cn") == ["Ada Lovelace"])
        #expect(try other.compare("mail=ada.lovelace@example.com,\(gal)", "sn", "lovelace") == .compareTrue)
    }

    @Test func namesOnlyAreGivenWithoutMembers() throws {
        let sample = try smallSteps()
        let request = try sample.search(gal, .singleLevel, "(cn=Management)", ["cn", "member", "objectClass"], typesOnly: true)
        let entry = try #require(request.entries.first)
        #expect(entry.attributes.map { String(decoding: $0.description, as: UTF8.self) }.sorted() == ["cn", "member", "objectClass"])
        #expect(entry.attributes.allSatisfy { $0.values.isEmpty })
    }
}
