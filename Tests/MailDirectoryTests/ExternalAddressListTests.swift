import LDAP
import LDAPServer
import MailDirectory
import Testing

/// Rules 6.1.1, 6.5 and 6.9: the external part of an address list, asked over the network. The other server is a second directory.
@Suite struct ExternalAddressListTests {
    static let gal = "cn=gal,dc=example,dc=com"

    /// A directory whose address list asks another one, which listens.
    private func with(
        _ mode: String, _ more: [(String, String)] = [], password: String = "secret",
        _ body: (_ sample: SampleDirectory, _ other: SampleDirectory) throws -> Void
    ) async throws {
        let other = try SampleDirectory()
        let server = try await LDAPServer.start(directory: other.directory, listeners: [.tcp(host: "127.0.0.1", port: 0)])
        let sample = try SampleDirectory()
        var values = [
            ("zimbraGalMode", mode), ("zimbraGalLdapURL", try #require(server.addresses.first?.description)),
            ("zimbraGalLdapFilter", "(|(cn=*%s*)(sn=*%s*)(mail=*%s*))"), ("zimbraGalLdapSearchBase", "dc=example,dc=org"),
            ("zimbraGalLdapBindDn", "cn=config"), ("zimbraGalLdapBindPassword", password),
        ]
        for (name, value) in more {
            values.removeAll { $0.0 == name }
            values.append((name, value))
        }
        let changed = try sample.modify("dc=example,dc=com", values.map { (.replace, $0.0, [$0.1]) })
        #expect(changed.code == .success, "\(changed)")
        let result = Result { try body(sample, other) }
        await server.shutdown()
        try result.get()
    }

    private func mails(_ found: SampleDirectory.Found) -> Set<String> {
        Set(found.entries.map { String(decoding: $0["mail"].first ?? [], as: UTF8.self) })
    }

    @Test func rule6_9_entriesComeFromTheOtherServer() async throws {
        try await with("ldap") { sample, _ throws in
            let found = try sample.search(Self.gal, .singleLevel, "(galSearch=eleni)")
            #expect(found.code == .success)
            #expect(found.result.message == "")
            #expect(found.names == ["mail=eleni.georgiou@example.org,\(Self.gal)"])
            #expect(found.values("mail").first == "eleni.georgiou@example.org")
            #expect(Set(found.values("objectClass")).isSuperset(of: ["top", "inetOrgPerson"]))
            #expect(found.values("userPassword") == [])
            // The directory's own are not in it.
            #expect(try sample.search(Self.gal, .singleLevel, "(galSearch=lovelace)").entries.isEmpty)
            // Plain filters go through the map, the other way round.
            #expect(try mails(sample.search(Self.gal, .singleLevel, "(|(mail=*eleni*)(cn=*eleni*)(givenName=*eleni*)(sn=*eleni*))"))
                == ["eleni.georgiou@example.org"])
            #expect(try sample.search(Self.gal, .singleLevel, "(uid=*)").entries.isEmpty)
            #expect(try mails(sample.search(Self.gal, .singleLevel, "(&(objectClass=person)(mail=eleni.georgiou@example.org))")).count == 1)
            // Completion has a filter of its own.
            #expect(try mails(sample.search(Self.gal, .singleLevel, "(anr=elen)")) == ["eleni.georgiou@example.org"])
            #expect(try sample.search(Self.gal, .singleLevel, "(anr=leni)").entries.isEmpty)
            // Paged, and limited.
            let all = try sample.search(Self.gal, .singleLevel, "(galSearch=.)", ["mail"])
            #expect(all.entries.count > 4)
            var cookie: [UInt8] = []
            var paged: [String] = []
            repeat {
                let page = try sample.search(
                    Self.gal, .singleLevel, "(galSearch=.)", ["mail"], controls: [PagedResults(size: 2, cookie: cookie).control()])
                paged += page.names
                cookie = try #require(page.pagedCookie)
            } while !cookie.isEmpty
            #expect(paged.sorted() == all.names)
            let limited = try sample.search(Self.gal, .singleLevel, "(galSearch=.)", ["mail"], sizeLimit: 2)
            #expect(limited.code == .sizeLimitExceeded)
            #expect(limited.entries.count == 2)
        }
    }

    @Test func rule6_1_1_bothParts() async throws {
        try await with("both") { sample, _ throws in
            #expect(try mails(sample.search(Self.gal, .singleLevel, "(|(anr=ada)(anr=eleni))"))
                == ["ada.lovelace@example.com", "eleni.georgiou@example.org"])
            #expect(try mails(sample.search(Self.gal, .singleLevel, "(objectClass=groupOfNames)")).isSuperset(of: ["all@example.com"]))
            // 6.5: each part has half of the limit.
            let halves = try sample.search(Self.gal, .singleLevel, "(&(cn=*)(objectClass=person))", ["mail"], sizeLimit: 6)
            #expect(halves.code == .sizeLimitExceeded)
            #expect(halves.entries.count == 6)
            #expect(mails(halves).filter { $0.hasSuffix("@example.com") }.count == 3)
        }
    }

    @Test func rule6_7_3_resourcesAreAlwaysIncluded() async throws {
        try await with("ldap", [("zimbraGalAlwaysIncludeLocalCalendarResources", "TRUE")]) { sample, _ throws in
            #expect(try mails(sample.search(Self.gal, .singleLevel, "(galSearch=thames)")) == ["room-thames@example.com"])
            #expect(try sample.search(Self.gal, .singleLevel, "(galSearch=lovelace)").entries.isEmpty)
        }
    }

    @Test func rule6_4_4_timesOfTheOtherServer() async throws {
        try await with("ldap", [("zimbraGalSyncTimestampFormat", "yyyyMMddHHmmss'.0Z'")]) { sample, _ throws in
            #expect(try sample.search(Self.gal, .singleLevel, "(galSync=20000101000000Z)").entries.count > 4)
            #expect(try sample.search(Self.gal, .singleLevel, "(galSync=20990101000000Z)").entries.isEmpty)
        }
        // Pitfall 39: the filter for synchronisation counts.
        try await with("ldap", [("zimbraGalSyncLdapFilter", "(mail=eleni*)")]) { sample, _ throws in
            #expect(try sample.search(Self.gal, .singleLevel, "(galSync=*)").entries.count == 1)
            #expect(try sample.search(Self.gal, .singleLevel, "(galSearch=.)").entries.count > 4)
        }
    }

    @Test func aFailureLeavesTheOwnPart() async throws {
        try await with("both", password: "wrong") { sample, _ throws in
            let found = try sample.search(Self.gal, .singleLevel, "(galSearch=lovelace)")
            #expect(found.code == .success)
            #expect(mails(found) == ["ada.lovelace@example.com"])
            #expect(found.result.message.contains("the external address list could not be asked"))
            #expect(found.result.message.contains("Invalid credentials"))
        }
        try await with("both", [("zimbraGalLdapURL", "ldap://127.0.0.1:1")]) { sample, _ throws in
            for _ in 0..<3 {
                let found = try sample.search(Self.gal, .singleLevel, "(galSearch=lovelace)")
                #expect(mails(found) == ["ada.lovelace@example.com"])
                #expect(found.result.message.contains("ldap://127.0.0.1:1"))
            }
        }
        try await with("ldap", [("zimbraGalLdapStartTlsEnabled", "TRUE")]) { sample, _ throws in
            // The other server has no TLS: nothing is sent in clear.
            let found = try sample.search(Self.gal, .singleLevel, "(galSearch=eleni)")
            #expect(found.code == .success)
            #expect(found.entries.isEmpty)
            #expect(found.result.message.contains("StartTLS"))
        }
        try await with("ldap", [("zimbraGalLdapAuthMech", "kerberos5")]) { sample, _ throws in
            #expect(try sample.search(Self.gal, .singleLevel, "(galSearch=eleni)").result.message.contains("Kerberos"))
        }
    }

    @Test func rule6_9_authentication() async throws {
        // none: anonymous, who see nothing there.
        try await with("ldap", [("zimbraGalLdapAuthMech", "none")]) { sample, _ throws in
            let found = try sample.search(Self.gal, .singleLevel, "(galSearch=eleni)")
            #expect(found.entries.isEmpty)
            #expect(found.result.message.contains("No such object"))
        }
        // ROOT is the whole tree, and an entry of the directory's own is not repeated.
        try await with("both", [("zimbraGalLdapSearchBase", "ROOT")]) { sample, _ throws in
            let found = try sample.search(Self.gal, .singleLevel, "(|(galSearch=lovelace)(galSearch=eleni))")
            #expect(found.names == ["mail=ada.lovelace@example.com,\(Self.gal)", "mail=eleni.georgiou@example.org,\(Self.gal)"])
        }
    }

    @Test func pitfall32_keysAreEscapedForTheOtherServer() async throws {
        try await with("ldap") { sample, _ throws in
            for key in ["\\29\\28cn=\\2a", "\\5c", "a\\2ab", "\\28"] {
                let found = try sample.search(Self.gal, .singleLevel, "(galSearch=\(key))")
                #expect(found.entries.isEmpty)
                #expect(found.result.message == "", "\(key)")
            }
        }
    }
}
