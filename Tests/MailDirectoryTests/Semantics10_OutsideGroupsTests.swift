import EntryStore
import LDAP
@testable import Directory
@testable import MailDirectory
import Testing

private let com = "dc=example,dc=com"
private let bjorn = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
private let zoe = "uid=zoe.lefevre,ou=people,dc=example,dc=com"

/// Rules 10.1 and 10.3 for groups of another directory: what is known of them, for how long, and what comes of it.
@Suite struct Semantics10_OutsideGroupsTests {
    private let id = EntryID(rawValue: 7)
    private let start = ContinuousClock.now

    @Test func whatWasSaidCountsForAnHour() {
        let groups = OutsideGroups()
        #expect(groups.groups(of: id, start).isEmpty && groups.isDue(id, ["d:a"], age: .seconds(300), start))
        let before = groups.revision(start)
        groups.keep(["d:a"], of: id, asked: ["d:a", "d:b"], at: start)
        #expect(groups.groups(of: id, start) == ["d:a"])
        let known = groups.revision(start)
        #expect(known != before)
        #expect(groups.groups(of: id, start + .seconds(3599)) == ["d:a"] && groups.revision(start + .seconds(3599)) == known)
        #expect(groups.groups(of: id, start + .seconds(3600)).isEmpty)
        #expect(groups.revision(start + .seconds(3601)) != known)
        #expect(groups.groups(of: id, start).isEmpty, "forgotten")
    }

    @Test func whenItIsAskedAgain() {
        let groups = OutsideGroups()
        groups.keep([], of: id, asked: ["d:a"], at: start)
        #expect(!groups.isDue(id, ["d:a"], age: .seconds(300), start + .seconds(299)))
        #expect(groups.isDue(id, ["d:a"], age: .seconds(300), start + .seconds(300)))
        #expect(groups.isDue(id, ["d:a", "d:b"], age: .seconds(300), start))
        #expect(groups.isDue(id, ["d:a"], age: .zero, start))
        groups.keep([], of: id, asked: [], at: start)
        #expect(groups.isDue(id, ["d:a"], age: .seconds(300), start), "it could not be asked")
    }

    @Test func anOlderAnswerThatComesLateIsNone() {
        let groups = OutsideGroups()
        groups.keep([], of: id, asked: ["d:a"], at: start + .seconds(1))
        groups.keep(["d:a"], of: id, asked: ["d:a"], at: start)
        #expect(groups.groups(of: id, start + .seconds(2)).isEmpty)
        let revision = groups.revision(start)
        groups.keep([], of: id, asked: ["d:a"], at: start + .seconds(3))
        #expect(groups.revision(start) == revision, "the same")
    }

    @Test func thereIsALimit() {
        let groups = OutsideGroups()
        groups.keep(["d:a"], of: id, asked: ["d:a"], at: start)
        for number in 0..<OutsideGroups.limit { groups.keep([], of: EntryID(rawValue: UInt64(100 + number)), asked: ["d:a"], at: start) }
        #expect(groups.groups(of: id, start) == ["d:a"], "those in no group went first")
    }

    @Test func namesWithoutDifferencesOfCaseAndSpaces() {
        func canonical(_ name: String) -> DistinguishedName? { OutsideGroupSearch.canonical(Array(name.utf8)) }
        let name = canonical("CN=Mail Admins,OU=Groups,DC=example")
        #expect(name != nil && name == canonical("cn=mail  admins, ou = groups,dc=EXAMPLE"))
        #expect(canonical("cn=a+uid=b,dc=c") == canonical("UID=B+CN=A,DC=C"))
        for other in ["cn=Mail Admins,ou=Groups", "cn=MailAdmins,ou=Groups,dc=example", "cn=Mail Admins\\,ou=Groups,dc=example", "ou=Mail Admins,cn=Groups,dc=example"] {
            #expect(canonical(other) != name, "\(other)")
        }
        for bad in ["", "x", "=x", "cn=" + String(repeating: "a", count: 5000)] { #expect(canonical(bad) == nil, "\(bad.prefix(9))") }
        #expect(canonical("cn=\\ff") != nil && canonical("cn=\\ff") != canonical("cn=\\fe"))
    }

    /// Grants of the sample directory's domain, and what is known of Björn.
    @Test func rule10_3_whatIsKnownDecidesAtOnce() throws {
        let settings = MailDirectory.Settings()
        let sample = try SampleDirectory(settings)
        let domain = try #require(try sample.search(com, .baseObject, "(objectClass=*)", ["zimbraId"]).values("zimbraId").first).lowercased()
        let id = try sample.directory.store.snapshot().resolve(DistinguishedName(bjorn)).id
        let admins = domain + ":admins@example.com", others = domain + ":others@example.com"
        #expect(try sample.modify(com, [(.add, "zimbraACE", [admins + " egp set.account.zimbraNotes"])]).code == .success)
        #expect(try sample.modify(zoe, [(.add, "zimbraACE", [others + " egp sendAs"])]).code == .success)
        try sample.modify(bjorn, [(.replace, "userPassword", ["Correct-horse1"]), (.replace, "zimbraIsDelegatedAdminAccount", ["TRUE"])])
        func writes() throws -> Bool { try sample.modify(zoe, [(.replace, "zimbraNotes", ["a note"])]).code == .success }
        func sends() throws -> Bool { try sample.compare(zoe, "musterSendAs", "bjorn.aasen@example.com") == .compareTrue }
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
        #expect(try !writes() && !sends())
        for (groups, mayWrite, maySend) in [
            ([admins], true, false), ([others], false, true), ([admins, others], true, true), ([], false, false), (["other:admins@example.com"], false, false),
        ] as [(Set<String>, Bool, Bool)] {
            settings.outsideGroups.keep(groups, of: id, asked: [], at: .now)
            // In the same session, without a commit between.
            #expect(try sends() == maySend, "\(groups)")
            #expect(try writes() == mayWrite, "\(groups)")
        }
    }

    @Test func rule10_1_whichGroupsAreAskedFor() throws {
        let sample = try SampleDirectory()
        let grants = try #require(Grants(sample.directory.store, sample.directory.store.catalogue))
        func groups(_ domain: String, asAdministrator: Bool) throws -> [String] {
            try grants.table(sample.directory.store.snapshot()).outsideGroups(of: domain, asAdministrator: asAdministrator)
        }
        try sample.modify(com, [(.add, "zimbraACE", ["D-1:a@b egp getAccount", "d-1:b@b egp -sendToDistList", "d-2:c@b egp getAccount"])])
        try sample.modify(zoe, [(.add, "zimbraACE", ["d-1:a@b egp setAccountPassword"])])
        #expect(try groups("d-1", asAdministrator: true) == ["d-1:a@b", "d-1:b@b"])
        #expect(try groups("d-1", asAdministrator: false) == ["d-1:b@b"])
        #expect(try groups("d-2", asAdministrator: true) == ["d-2:c@b"] && groups("d-2", asAdministrator: false).isEmpty)
        try sample.modify(com, [(.replace, "zimbraACE", [])])
        #expect(try groups("d-1", asAdministrator: true) == ["d-1:a@b"] && groups("d-1", asAdministrator: false).isEmpty)
        try sample.modify(zoe, [(.replace, "zimbraACE", [])])
        #expect(try groups("d-1", asAdministrator: true).isEmpty && groups("d-2", asAdministrator: true).isEmpty)
    }
}
