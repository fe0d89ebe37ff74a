import LDAP
import MailDirectory
import Testing

private let com = "dc=example,dc=com"
private let bjorn = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
private let config = "cn=config,cn=zimbra"

@Suite struct Semantics3_StatusTests {
    private static let accounts = ["active", "locked", "lockout", "maintenance", "pending", "closed"]
    /// Table 3.2; the columns as in `accounts`.
    private static let table: [(String?, [String])] = [
        ("active", accounts),
        (nil, accounts),
        ("locked", ["locked", "locked", "locked", "maintenance", "pending", "closed"]),
        ("maintenance", ["maintenance", "maintenance", "maintenance", "maintenance", "pending", "closed"]),
        ("suspended", ["maintenance", "maintenance", "maintenance", "maintenance", "pending", "closed"]),
        ("shutdown", ["maintenance", "maintenance", "maintenance", "maintenance", "pending", "closed"]),
        ("closed", Array(repeating: "closed", count: 6)),
        ("unheard-of", Array(repeating: "closed", count: 6)),
    ]

    /// Sets a domain's status past the write rules (3.8, 3.10): what writes allow is another matter.
    private func status(_ sample: SampleDirectory, _ name: String, _ value: String?) throws -> Bool {
        try sample.modify(
            name, [(.replace, "zimbraDomainStatus", value.map { [$0] } ?? [])], controls: [RelaxRules().control(isCritical: true)]).code == .success
    }

    @Test func rule3_2_effectiveAccountStatus() throws {
        let sample = try SampleDirectory()
        for (domain, row) in Self.table {
            #expect(try status(sample, com, domain))
            for (own, effective) in zip(Self.accounts, row) {
                try sample.put(bjorn, "zimbraAccountStatus", [own])
                #expect(try sample.value(bjorn, "musterEffectiveAccountStatus") == [effective], "\(domain ?? "unset"), \(own)")
                #expect(try sample.compare(bjorn, "musterEffectiveAccountStatus", effective.uppercased()) == .compareTrue)
                for asked in Self.accounts {
                    let found = try sample.search(com, .wholeSubtree, "(&(uid=bjorn.aasen)(musterEffectiveAccountStatus=\(asked)))", ["1.1"])
                    #expect(found.names == (asked == effective ? [bjorn] : []), "\(domain ?? "unset"), \(own), \(asked)")
                }
            }
        }
    }

    @Test func rule3_1_unsetDomainStatusIsInherited() throws {
        let sample = try SampleDirectory()
        #expect(try status(sample, com, nil))
        #expect(try status(sample, config, "locked"))
        #expect(try sample.value(bjorn, "musterEffectiveAccountStatus") == ["locked"])
        #expect(try sample.value(com, "zimbraDomainStatus") == ["locked"])
        #expect(try status(sample, config, nil))
        #expect(try sample.value(bjorn, "musterEffectiveAccountStatus") == ["active"])
    }

    @Test func rule3_3_globalAdministratorsKeepTheirs() throws {
        let sample = try SampleDirectory()
        #expect(try status(sample, com, "closed"))
        // Ada is a global administrator.
        let ada = "uid=ada.lovelace,ou=people,\(com)"
        #expect(try sample.value(ada, "musterEffectiveAccountStatus") == ["active"])
        #expect(try sample.search(com, .wholeSubtree, "(musterEffectiveAccountStatus=active)", ["1.1"]).names == [ada])
        try sample.set(ada, "zimbraIsDomainAdminAccount", ["TRUE"])
        #expect(try sample.value(ada, "musterEffectiveAccountStatus") == ["closed"])
    }

    @Test func rule3_4_withoutADomainItIsItsOwn() throws {
        let sample = try SampleDirectory()
        #expect(try status(sample, config, "closed"))
        #expect(try sample.value("uid=zimbra,cn=admins,cn=zimbra", "musterEffectiveAccountStatus") == ["active"])
        // What is no account has none.
        for name in [com, "uid=all,ou=people,\(com)", "uid=ada,ou=people,\(com)", "ou=people,\(com)"] {
            #expect(try sample.value(name, "musterEffectiveAccountStatus").isEmpty)
        }
    }

    @Test func rule3_5_effectiveMailStatus() throws {
        let sample = try SampleDirectory()
        for (own, expected) in zip(Self.accounts, ["enabled", "enabled", "enabled", "enabled", "disabled", "disabled"]) {
            // Without the coupling of 3.6.
            try sample.put(bjorn, "zimbraAccountStatus", [own])
            try sample.set(bjorn, "zimbraMailStatus", ["enabled"])
            #expect(try sample.value(bjorn, "musterEffectiveMailStatus") == [expected], "\(own)")
        }
        try sample.set(bjorn, "zimbraAccountStatus", ["active"])
        try sample.set(bjorn, "zimbraMailStatus", ["disabled"])
        #expect(try sample.value(bjorn, "musterEffectiveMailStatus") == ["disabled"])
        try sample.set(bjorn, "zimbraMailStatus", [])
        #expect(try sample.value(bjorn, "musterEffectiveMailStatus") == ["disabled"])
    }

    @Test func rule3_9_mailStatusOfTheDomain() throws {
        let sample = try SampleDirectory()
        let list = "uid=all,ou=people,\(com)"
        #expect(try sample.value(list, "musterEffectiveMailStatus") == ["enabled"])
        #expect(try sample.value(com, "musterEffectiveMailStatus") == ["enabled"])
        for name in ["uid=ada,ou=people,\(com)", "ou=people,\(com)", "cn=business,cn=cos,cn=zimbra"] {
            #expect(try sample.value(name, "musterEffectiveMailStatus").isEmpty)
        }
        try sample.set(com, "zimbraMailStatus", ["disabled"])
        for name in [com, bjorn, list] { #expect(try sample.value(name, "musterEffectiveMailStatus") == ["disabled"], "\(name)") }
        #expect(try sample.search(com, .wholeSubtree, "(musterEffectiveMailStatus=enabled)").names.isEmpty)
        try sample.set(com, "zimbraMailStatus", ["enabled"])
        // Maintenance and suspension do not disable by themselves; closing does, even where the two disagree.
        #expect(try status(sample, com, "maintenance"))
        #expect(try sample.value(bjorn, "musterEffectiveMailStatus") == ["enabled"])
        #expect(try status(sample, com, "closed"))
        try sample.set(com, "zimbraMailStatus", ["enabled"])
        for name in [com, bjorn, list] { #expect(try sample.value(name, "musterEffectiveMailStatus") == ["disabled"], "\(name)") }
    }

    @Test func rule3_12_listsAndGroupsHaveAMailStatusOnly() throws {
        let sample = try SampleDirectory()
        for name in ["uid=all,ou=people,\(com)", "cn=sales,cn=groups,\(com)"] {
            #expect(try sample.value(name, "musterEffectiveAccountStatus").isEmpty)
            #expect(try sample.value(name, "musterEffectiveMailStatus") == ["enabled"])
            try sample.set(name, "zimbraMailStatus", ["disabled"])
            #expect(try sample.value(name, "musterEffectiveMailStatus") == ["disabled"])
        }
    }

    @Test func rule3_13_anAliasDomainHasStatusesOfItsOwn() throws {
        let sample = try SampleDirectory()
        let alias = "dc=example,dc=net"
        #expect(try status(sample, com, "locked"))
        try sample.set(com, "zimbraMailStatus", ["disabled"])
        #expect(try sample.value(alias, "zimbraDomainStatus") == ["active"])
        #expect(try sample.value(alias, "musterEffectiveMailStatus") == ["enabled"])
        try sample.set(com, "zimbraMailStatus", ["enabled"])
        try sample.set(alias, "zimbraMailStatus", ["disabled"])
        #expect(try sample.value(alias, "musterEffectiveMailStatus") == ["disabled"])
        #expect(try sample.value(com, "musterEffectiveMailStatus") == ["enabled"])
    }

    @Test func rule3_11_lockedDomains() throws {
        // The code's reading.
        let strict = try SampleDirectory()
        #expect(try status(strict, com, "locked"))
        #expect(try strict.value(bjorn, "musterEffectiveAccountStatus") == ["locked"])
        // The administration guide's.
        var settings = MailDirectory.Settings()
        settings.admitsActiveInLockedDomains = true
        let lenient = try SampleDirectory(settings)
        #expect(try status(lenient, com, "locked"))
        for own in Self.accounts {
            try lenient.set(bjorn, "zimbraAccountStatus", [own])
            #expect(try lenient.value(bjorn, "musterEffectiveAccountStatus") == [own])
        }
        #expect(try status(lenient, com, "closed"))
        #expect(try lenient.value(bjorn, "musterEffectiveAccountStatus") == ["closed"])
    }

    /// An account is in the nearest domain above it; what stands below a domain may be another's.
    @Test func rule3_2_domainsBelowDomains() throws {
        let sample = try SampleDirectory()
        let sub = "dc=sub,\(com)"
        #expect(try sample.add(
            sub,
            [
                ("objectClass", ["dcObject", "organization", "zimbraDomain"]), ("dc", ["sub"]), ("o", ["sub"]), ("zimbraId", ["id-of-sub"]),
                ("zimbraDomainName", ["sub.example.com"]), ("zimbraDomainStatus", ["active"]), ("zimbraMailStatus", ["enabled"]), ("zimbraDomainType", ["local"]),
            ]).code == .success)
        let account = "uid=zaphod,\(sub)"
        #expect(try sample.add(
            account,
            [
                ("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("cn", ["Zaphod"]), ("sn", ["Beeblebrox"]), ("zimbraId", ["id-of-zaphod"]),
                ("zimbraAccountStatus", ["active"]), ("zimbraMailStatus", ["enabled"]), ("mail", ["zaphod@sub.example.com"]),
                ("zimbraMailDeliveryAddress", ["zaphod@sub.example.com"]),
            ]).code == .success)
        func check(_ name: String, _ status: String, _ mail: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
            #expect(try sample.value(name, "musterEffectiveAccountStatus") == [status], sourceLocation: sourceLocation)
            #expect(try sample.value(name, "musterEffectiveMailStatus") == [mail], sourceLocation: sourceLocation)
            for filter in ["(musterEffectiveAccountStatus=\(status))", "(musterEffectiveMailStatus=\(mail))"] {
                #expect(try sample.search("", .wholeSubtree, filter, ["1.1"]).names.contains(name), sourceLocation: sourceLocation)
                #expect(try !sample.search("", .wholeSubtree, "(!\(filter))", ["1.1"]).names.contains(name), sourceLocation: sourceLocation)
            }
        }
        // The outer one, the inner one, both.
        for (outer, inner) in [("closed", "active"), ("active", "closed"), ("maintenance", "locked"), ("locked", "maintenance")] {
            #expect(try status(sample, com, outer))
            #expect(try status(sample, sub, inner))
            try check(bjorn, outer, outer == "closed" ? "disabled" : "enabled")
            try check(account, inner, inner == "closed" ? "disabled" : "enabled")
        }
    }

    @Test(arguments: [true, false])
    func rule3_2_filtersFindWhatReadingShows(isIndexed: Bool) throws {
        let sample = try SampleDirectory(isIndexed: isIndexed)
        for domain in ["active", "locked", "maintenance", "closed"] {
            #expect(try status(sample, com, domain))
            if domain == "maintenance" { try sample.set("dc=example,dc=org", "zimbraMailStatus", ["disabled"]) }
            let shown = try sample.search("", .wholeSubtree, "(objectClass=*)", ["musterEffectiveAccountStatus", "musterEffectiveMailStatus"]).entries
            for (attribute, values) in [("musterEffectiveAccountStatus", Self.accounts + ["*", "lock*", "other"]), ("musterEffectiveMailStatus", ["enabled", "disabled", "*", "*abled"])] {
                for value in values {
                    func matches(_ stored: String) -> Bool {
                        switch value {
                        case "*": true
                        case "lock*": stored.hasPrefix("lock")
                        case "*abled": stored.hasSuffix("abled")
                        default: stored == value
                        }
                    }
                    let expected = shown.filter { $0[attribute].contains { matches(String(decoding: $0, as: UTF8.self)) } }
                        .map { String(decoding: $0.name, as: UTF8.self) }
                    let others = shown.map { String(decoding: $0.name, as: UTF8.self) }.filter { !expected.contains($0) }
                    #expect(try sample.search("", .wholeSubtree, "(\(attribute)=\(value))", ["1.1"]).names == expected.sorted(), "\(domain) \(value)")
                    #expect(try sample.search("", .wholeSubtree, "(!(\(attribute)=\(value)))", ["1.1"]).names == others.sorted(), "\(domain) not \(value)")
                }
            }
            #expect(try sample.search("", .wholeSubtree, "(musterEffectiveAccountStatus>=a)").names.isEmpty)
        }
    }
}
