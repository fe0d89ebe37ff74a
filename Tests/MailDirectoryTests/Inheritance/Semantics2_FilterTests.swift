import LDAP
import MailDirectory
import SeededRandom
import Testing

/// Filters see what reading sees: every answer is compared with the values that the entries show when asked one by one.
@Suite struct Semantics2_FilterTests {
    private static let attributes = [
        "zimbraFeatureMobileSyncEnabled", "zimbraFeatureCalendarEnabled", "zimbraMailQuota", "zimbraPrefTimeZoneId", "zimbraExportMaxDays",
        "zimbraGalMaxResults", "zimbraSkinLogoURL", "zimbraMailPort", "zimbraCOSId", "zimbraPrefSkin", "zimbraDomainStatus",
    ]

    private static let filters = [
        "(zimbraFeatureMobileSyncEnabled=TRUE)", "(zimbraFeatureMobileSyncEnabled=FALSE)", "(zimbraFeatureMobileSyncEnabled=*)",
        "(zimbraFeatureMobileSyncEnabled=maybe)", "(zimbraMailQuota>=21474836480)", "(zimbraMailQuota<=536870912)", "(zimbraMailQuota=0)",
        "(zimbraMailQuota>=x)", "(zimbraPrefTimeZoneId=Europe/*)", "(zimbraPrefTimeZoneId=*los*)", "(zimbraPrefTimeZoneId~=europe/oslo)",
        "(zimbraPrefTimeZoneId:caseExactMatch:=Europe/Oslo)", "(zimbraPrefTimeZoneId=*)", "(zimbraExportMaxDays=7)", "(zimbraExportMaxDays=*)",
        "(zimbraGalMaxResults=100)", "(zimbraGalMaxResults=*)", "(zimbraSkinLogoURL=https*)", "(zimbraMailPort=80)", "(zimbraMailPort=81)",
        "(zimbraCOSId=e55a5014-43c0-5de0-8d23-6ed9d62515e4)", "(zimbraCOSId=E00428A1-0c00-11d9-836a-000d93afea2a)", "(zimbraCOSId=e*)",
        "(zimbraCOSId=*)", "(zimbraPrefSkin=harmony)", "(zimbraDomainStatus=active)",
    ]

    /// What an item says of shown values; nil: Undefined.
    private static func truth(_ filter: String, _ values: (String) -> [String]) -> Bool? {
        let body = filter.dropFirst().dropLast()
        guard let equals = body.firstIndex(of: "=") else { return nil }
        var name = String(body[..<equals])
        let wanted = String(body[body.index(after: equals)...]).lowercased()
        var kind = Character("=")
        if let last = name.last, "<>~:".contains(last) {
            kind = last
            name.removeLast()
        }
        if kind == ":" { name = String(name.prefix { $0 != ":" }) }
        let shown = values(name)
        if name == "zimbraFeatureMobileSyncEnabled", !["true", "false", "*"].contains(wanted) { return nil }
        if kind == "<" || kind == ">" {
            guard let bound = Int(wanted) else { return nil }
            return shown.contains { value in Int(value).map { kind == "<" ? $0 <= bound : $0 >= bound } ?? false }
        }
        if wanted == "*" { return !shown.isEmpty }
        let parts = wanted.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
        return shown.contains { value in
            let value = value.lowercased()
            if parts.count == 1 { return value == wanted }
            return value.hasPrefix(parts[0]) && value.hasSuffix(parts[parts.count - 1]) && parts.allSatisfy { $0.isEmpty || value.contains($0) }
        }
    }

    /// An organisation with all the ways of inheriting: own values, dangling ids, an external account, a domain inside another.
    private static func organisation(_ sample: SampleDirectory) throws {
        try sample.set("cn=business,cn=cos,cn=zimbra", "zimbraPrefTimeZoneId", [])
        try sample.set("cn=business,cn=cos,cn=zimbra", "zimbraExportMaxDays", [])
        try sample.set("cn=kiosk,cn=cos,cn=zimbra", "zimbraExportMaxDays", ["7"])
        try sample.set("cn=config,cn=zimbra", "zimbraExportMaxDays", ["7"])
        try sample.set("dc=example,dc=com", "zimbraPrefTimeZoneId", ["Europe/Oslo", "Europe/Rome"])
        try sample.set("dc=example,dc=org", "zimbraExportMaxDays", ["9"])
        try sample.set("dc=example,dc=org", "zimbraGalMaxResults", [])
        try sample.set("cn=config,cn=zimbra", "zimbraSkinLogoURL", ["https://x/"])
        try sample.set("uid=ada.lovelace,ou=people,dc=example,dc=com", "zimbraFeatureMobileSyncEnabled", ["FALSE"])
        try sample.set("uid=ada.lovelace,ou=people,dc=example,dc=com", "zimbraMailQuota", ["1"])
        try sample.set("uid=noa.levi,ou=people,dc=example,dc=org", "zimbraFeatureMobileSyncEnabled", ["TRUE"])
        try sample.put("uid=ming.li,ou=people,dc=example,dc=com", "zimbraCOSId", ["dangling"])
        try sample.set("uid=wei.wang,ou=people,dc=example,dc=com", "zimbraIsExternalVirtualAccount", ["TRUE"])
        try sample.set("dc=example,dc=com", "zimbraDomainDefaultExternalUserCOSId", ["b8a232b1-be36-51fb-8215-6fda6a5dcd5a"])
        for (name, attributes) in [
            (
                "dc=sub,dc=example,dc=com",
                [
                    ("objectClass", ["dcObject", "organization", "zimbraDomain"]), ("dc", ["sub"]), ("o", ["sub"]),
                    ("zimbraDomainName", ["sub.example.com"]), ("zimbraDomainType", ["local"]), ("zimbraId", ["5b0c3a1e-0000-4000-8000-000000000001"]),
                    ("zimbraDomainDefaultCOSId", ["b8a232b1-be36-51fb-8215-6fda6a5dcd5a"]),
                ]
            ),
            (
                "uid=inner,dc=sub,dc=example,dc=com",
                [
                    ("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("uid", ["inner"]), ("cn", ["x"]), ("sn", ["x"]),
                    ("zimbraId", ["5b0c3a1e-0000-4000-8000-000000000002"]), ("zimbraAccountStatus", ["active"]),
                ]
            ),
        ] {
            #expect(try sample.add(name, attributes).code == .success)
        }
    }

    @Test(arguments: [true, false])
    func rule2_16_filtersSeeEffectiveValues(isIndexed: Bool) throws {
        let sample = try SampleDirectory(isIndexed: isIndexed)
        try Self.organisation(sample)
        let shown = try sample.search("", .wholeSubtree, "(objectClass=*)", Self.attributes + ["objectClass"]).entries
        #expect(shown.count > 100)
        var generator = SeededGenerator(seed: 26)
        var composed = Self.filters
        for _ in 0..<60 {
            let picked = (0..<3).map { _ in
                let item = Self.filters[Int(generator.next() % UInt64(Self.filters.count))]
                return generator.next() % 3 == 0 ? "(!\(item))" : item
            }
            composed.append(
                ["(&\(picked[0])\(picked[1]))", "(|\(picked[0])\(picked[1]))", "(!(|\(picked[0])\(picked[2])))", "(&(objectClass=zimbraAccount)\(picked[0])(!\(picked[1])))",
                    "(|(&\(picked[0])\(picked[1]))\(picked[2]))"][Int(generator.next() % 5)])
        }
        composed += Self.filters.flatMap { ["(!\($0))", "(&(objectClass=zimbraAccount)\($0))", "(&(objectClass=zimbraAccount)(!\($0)))"] }
        for filter in composed {
            let expected = try shown.filter { entry in
                try Self.evaluate(filter) { name in entry[name].map { String(decoding: $0, as: UTF8.self) } } == true
            }.map { String(decoding: $0.name, as: UTF8.self) }.sorted()
            #expect(try sample.search("", .wholeSubtree, filter, ["1.1"]).names == expected, "\(filter)")
        }
    }

    /// Three-valued evaluation of a composed filter (RFC 4511 section 4.5.1.7).
    private static func evaluate(_ filter: String, _ values: (String) -> [String]) throws -> Bool? {
        let inner = filter.dropFirst().dropLast()
        guard let first = inner.first, "&|!".contains(first) else {
            if filter == "(objectClass=zimbraAccount)" { return values("objectClass").contains("zimbraAccount") }
            return truth(filter, values)
        }
        var parts: [String] = []
        var depth = 0
        for character in inner.dropFirst() {
            if character == "(" {
                if depth == 0 { parts.append("") }
                depth += 1
            }
            parts[parts.count - 1].append(character)
            if character == ")" { depth -= 1 }
        }
        let truths = try parts.map { try evaluate($0, values) }
        switch first {
        case "!": return truths[0].map { !$0 }
        case "&": return truths.contains(false) ? false : truths.contains(nil) ? nil : true
        default: return truths.contains(true) ? true : truths.contains(nil) ? nil : false
        }
    }
}
