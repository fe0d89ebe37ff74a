@testable import Directory
import EntryStore
import LDAP
import MailDirectory
import Schema
import SeededRandom
import Testing

private let com = "dc=example,dc=com"
private let bjorn = "uid=bjorn.aasen,ou=people,\(com)"
private let zoe = "uid=zoe.lefevre,ou=people,\(com)"
private let config = "cn=config,cn=zimbra"
private let standard = "cn=business,cn=cos,cn=zimbra"
private let application = "cn=printer,cn=appaccts,cn=zimbra"

/// Who has logged in before is let in, or not, as if it were for the first time.
@Suite struct KnownLoginsTests {
    private func sample() throws -> SampleDirectory {
        let sample = try SampleDirectory()
        // Noted logons change the entry: what is known would be forgotten.
        #expect(try sample.modify(config, [(.replace, "zimbraLastLogonTimestampFrequency", ["0"])]).code == .success)
        for name in [bjorn, zoe] { #expect(try sample.modify(name, [(.replace, "userPassword", ["Correct-horse1"])]).code == .success) }
        #expect(try addApplication(sample, "first").code == .success)
        return sample
    }

    private func addApplication(_ sample: SampleDirectory, _ password: String) throws -> LDAPResult {
        try sample.add(application, [("objectClass", ["applicationProcess", "simpleSecurityObject"]), ("cn", ["printer"]), ("userPassword", [password])])
    }

    private func asRoot(_ sample: SampleDirectory, _ body: () throws -> LDAPResult) throws {
        try sample.bind("cn=config", "secret")
        #expect(try body().code == .success)
    }

    @Test func whoHasLoggedInIsKnownByThatName() throws {
        let sample = try sample()
        #expect(try !sample.isKnown(bjorn))
        #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials)
        #expect(try sample.isKnown(bjorn) && !sample.isKnown(bjorn.uppercased()) && !sample.isKnown(zoe))
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
        #expect(try sample.whoAmI() == bjorn)
        // By a mail address, too, and by another spelling of the name.
        for (name, known) in [("bjorn.aasen@example.com", bjorn), (bjorn.uppercased(), bjorn.uppercased()), (application, application)] {
            let password = name == application ? "first" : "Correct-horse1"
            for _ in 0..<2 {
                #expect(try sample.bind(name, password).code == .success)
                #expect(try sample.whoAmI() == known)
                #expect(try sample.isKnown(known))
                #expect(try sample.bind(name, password + "x").code == .invalidCredentials)
            }
        }
    }

    /// A change, and what a bind with the same password comes to then.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: ResultCode
        let change: @Sendable (SampleDirectory) throws -> LDAPResult

        init(_ description: String, _ code: ResultCode, _ change: @escaping @Sendable (SampleDirectory) throws -> LDAPResult) {
            (testDescription, self.code, self.change) = (description, code, change)
        }
    }

    @Test(arguments: [
        Change("another password", .invalidCredentials) { try $0.modify(bjorn, [(.replace, "userPassword", ["Other-horse1"])]) },
        Change("one more password", .success) { try $0.modify(bjorn, [(.add, "userPassword", ["Other-horse1"])]) },
        Change("no password", .invalidCredentials) { try $0.modify(bjorn, [(.delete, "userPassword", [])]) },
        Change("locked", .invalidCredentials) { try $0.modify(bjorn, [(.replace, "zimbraAccountStatus", ["locked"])]) },
        Change("in maintenance", .unavailable) { try $0.modify(bjorn, [(.replace, "zimbraAccountStatus", ["maintenance"])]) },
        Change("domain closed", .invalidCredentials) { try $0.modify(com, [(.replace, "zimbraDomainStatus", ["closed"])]) },
        Change("all domains closed", .success) { try $0.modify(config, [(.replace, "zimbraDomainStatus", ["closed"])]) },
        Change("class of service", .success) { try $0.modify(standard, [(.replace, "zimbraPasswordMaxAge", ["1"])]) },
        Change("asked elsewhere", .unavailable) {
            try $0.modify(com, [(.replace, "zimbraAuthMech", ["ldap"]), (.replace, "zimbraAuthFallbackToLocal", ["FALSE"])])
        },
        Change("renamed", .invalidCredentials) { try $0.rename(bjorn, "uid=b.aasen") },
        Change("moved", .invalidCredentials) { try $0.rename(bjorn, "uid=bjorn.aasen", below: com) },
        Change("deleted", .invalidCredentials) { try $0.delete(bjorn) },
    ]) func whatIsChangedIsNotKnownAnyMore(_ change: Change) throws {
        let sample = try sample()
        for _ in 0..<2 { #expect(try sample.bind(bjorn, "Correct-horse1").code == .success) }
        #expect(try sample.isKnown(bjorn))
        try asRoot(sample) { try change.change(sample) }
        #expect(try !sample.isKnown(bjorn))
        let asked = try sample.bindAsking(bjorn, "Correct-horse1")
        let new = try sample.withNewWorker { try sample.bindAsking(bjorn, "Correct-horse1") }
        #expect(asked.code == new.code && asked.policy == new.policy)
        if change.testDescription != "all domains closed" { #expect(asked.code == change.code) }
    }

    @Test func aNewEntryOfTheNameIsAnother() throws {
        let sample = try sample()
        #expect(try sample.bind(application, "first").code == .success)
        try asRoot(sample) { try sample.delete(application) }
        #expect(try sample.bind(application, "first").code == .invalidCredentials)
        try asRoot(sample) { try addApplication(sample, "second") }
        #expect(try sample.bind(application, "first").code == .invalidCredentials)
        #expect(try sample.bind(application, "second").code == .success)
    }

    /// What is on its way into the entry counts at once, and what time brings counts in time.
    @Test func whatChangesWithoutAChangeOfTheEntry() async throws {
        let sample = try sample()
        try asRoot(sample) {
            try sample.modify(
                standard, [("Enabled", "TRUE"), ("MaxFailures", "2"), ("Duration", "2s")].map { (.replace, "zimbraPasswordLockout\($0.0)", [$0.1]) })
        }
        for _ in 0..<2 { #expect(try sample.bind(bjorn, "Correct-horse1").code == .success) }
        #expect(try sample.isKnown(bjorn))
        for _ in 0..<2 { #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials) }
        #expect(try sample.bindAsking(bjorn, "Correct-horse1").policy.failure == .accountLocked)
        try await Task.sleep(for: .seconds(4))
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
        // When the time is over the next logon is noted.
        try asRoot(sample) { try sample.modify(config, [(.replace, "zimbraLastLogonTimestampFrequency", ["3s"])]) }
        let directory = sample.directory
        let type = try #require(directory.schema.attributeType(named: "zimbraLastLogonTimestamp"))
        let id = try directory.store.snapshot().resolve(DistinguishedName(zoe)).id
        let now = ChangeClock.shared.next().timestamp
        try asRoot(sample) { try sample.modify(zoe, [(.replace, "zimbraLastLogonTimestamp", [String(decoding: now, as: UTF8.self)])]) }
        #expect(try sample.bind(zoe, "Correct-horse1").code == .success)
        #expect(try sample.isKnown(zoe))
        #expect(directory.ephemeral.values(of: type, id) == nil)
        try await Task.sleep(for: .seconds(4))
        #expect(try !sample.isKnown(zoe))
        #expect(try sample.bind(zoe, "Correct-horse1").code == .success)
        #expect(directory.ephemeral.values(of: type, id) != nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func knownOrNotTheAnswerIsTheSame(_ seed: UInt64) throws {
        let sample = try sample()
        var random = SeededGenerator(seed: seed)
        let passwords = ["Correct-horse1", "Other-horse2"]
        var wasKnown = 0
        for _ in 0..<400 {
            let name = [bjorn, zoe][Int.random(in: 0...1, using: &random)]
            switch Int.random(in: 0..<20, using: &random) {
            case 0: try change(sample, name, "userPassword", passwords.randomElement(using: &random))
            case 1: try change(sample, name, "zimbraAccountStatus", ["active", "locked", "maintenance"].randomElement(using: &random))
            case 2: try change(sample, com, "zimbraDomainStatus", ["active", "closed", nil].randomElement(using: &random) ?? nil)
            case 3: try change(sample, name, "zimbraPasswordMustChange", ["TRUE", "FALSE"].randomElement(using: &random))
            case 4: try change(sample, name, "description", "\(Int.random(in: 0...9, using: &random))")
            default:
                let known = try sample.isKnown(name)
                if known { wasKnown += 1 }
                let password = Int.random(in: 0...3, using: &random) == 0 ? "wrong" : passwords[Int.random(in: 0...1, using: &random)]
                let (asked, who) = (try sample.bindAsking(name, password), try sample.whoAmI())
                try sample.withNewWorker {
                    let (new, newWho) = (try sample.bindAsking(name, password), try sample.whoAmI())
                    #expect(asked.code == new.code && asked.policy == new.policy && who == newWho, "\(name), known: \(known)")
                }
            }
        }
        #expect(wasKnown > 100)
    }

    private func change(_ sample: SampleDirectory, _ name: String, _ attribute: String, _ value: String?) throws {
        try sample.bind("cn=config", "secret")
        try sample.modify(name, [(.replace, attribute, value.map { [$0] } ?? [])])
    }

    /// Nobody makes it large.
    @Test func longNamesAndPasswordsAreNotKept() throws {
        let sample = try sample()
        for (name, password, isKept) in [
            ("short", "short", true), ("short", String(repeating: "x", count: 2000), false), (String(repeating: "n", count: 600), "short", false),
        ] {
            let dn = "cn=\(name)\(password.count),cn=appaccts,cn=zimbra"
            try asRoot(sample) {
                try sample.add(
                    dn, [("objectClass", ["applicationProcess", "simpleSecurityObject"]), ("cn", ["\(name)\(password.count)"]), ("userPassword", [password])])
            }
            for _ in 0..<2 { #expect(try sample.bind(dn, password).code == .success) }
            #expect(try sample.isKnown(dn) == isKept)
        }
    }

    /// Names far more than there are places: each is still itself.
    @Test func manyNames() throws {
        let sample = try sample()
        for number in 0..<3000 {
            try sample.add(
                "cn=app\(number),cn=appaccts,cn=zimbra",
                [("objectClass", ["applicationProcess", "simpleSecurityObject"]), ("cn", ["app\(number)"]), ("userPassword", ["pw\(number)"])])
        }
        var random = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            let number = Int.random(in: 0..<3000, using: &random)
            let other = Bool.random(using: &random) ? number : Int.random(in: 0..<3000, using: &random)
            let code = try sample.bind("cn=app\(number),cn=appaccts,cn=zimbra", "pw\(other)").code
            guard code == (number == other ? .success : .invalidCredentials) else {
                Issue.record("\(number) with the password of \(other): \(code)")
                return
            }
        }
    }
}
