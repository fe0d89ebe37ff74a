@testable import Directory
import EntryStore
import LDAP
import MailDirectory
import Schema
import Testing
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

private let com = "dc=example,dc=com"
private let bjorn = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
private let config = "cn=config,cn=zimbra"
private let standard = "cn=business,cn=cos,cn=zimbra"

/// What a bind of a mail user means: semantics 3.5, 4.4, 4.5, 4.7 and the pitfalls 16, 25 to 32.
@Suite struct Semantics4_LoginTests {
    /// Björn, with a password, and rules of his class of service.
    private func sample(_ rules: [(String, String)] = []) throws -> SampleDirectory {
        let sample = try SampleDirectory()
        #expect(try sample.modify(bjorn, [(.replace, "userPassword", ["Correct-horse1"])]).code == .success)
        for (name, value) in rules { #expect(try sample.modify(standard, [(.replace, name, [value])]).code == .success) }
        return sample
    }

    @discardableResult
    private func asRoot<T>(_ sample: SampleDirectory, _ body: () throws -> T) throws -> T {
        try sample.bind("cn=config", "secret")
        return try body()
    }

    /// Writes what waits, and reads as root.
    private func stored(_ sample: SampleDirectory, _ attribute: String) throws -> [String] {
        sample.directory.ephemeral.flush()
        return try asRoot(sample) {
            // A write of its own: what was handed in before it is done when it is answered.
            try sample.modify(config, [(.replace, "description", ["\(UInt32.random(in: 0...UInt32.max))"])])
            return try sample.search(bjorn, .baseObject, "(objectClass=*)", [attribute]).values(attribute)
        }
    }

    // MARK: Statuses

    @Test(arguments: [
        ("active", ResultCode.success), ("locked", .invalidCredentials), ("pending", .invalidCredentials), ("closed", .invalidCredentials),
        ("maintenance", .unavailable), ("lockout", .invalidCredentials),
    ]) func rule3_5_statusDecidesWhoLogsIn(_ status: String, _ code: ResultCode) throws {
        let sample = try sample()
        try sample.modify(bjorn, [(.replace, "zimbraAccountStatus", [status])])
        #expect(try sample.bind(bjorn, "Correct-horse1").code == code)
        #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials)
        #expect(try sample.whoAmI() == "")
        if code == .invalidCredentials {
            // Whether the password was right does not show.
            let right = try sample.bindAsking(bjorn, "Correct-horse1"), wrong = try sample.bindAsking(bjorn, "wrong")
            #expect(right.code == wrong.code && right.policy == wrong.policy && right.policy.failure == .accountLocked)
        }
    }

    @Test func rule3_5_theDomainsStatusCounts_pitfall16() throws {
        let sample = try sample()
        try sample.modify(com, [(.replace, "zimbraDomainStatus", ["closed"])])
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .invalidCredentials)
        try asRoot(sample) { try sample.modify(com, [(.replace, "zimbraDomainStatus", ["suspended"])]) }
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .unavailable)
    }

    // MARK: Names

    @Test(arguments: ["bjorn.aasen@example.com", "BJORN.AASEN@EXAMPLE.COM"]) func rule1_13_mailAddress(_ name: String) throws {
        let sample = try sample()
        #expect(try sample.bind(name, "Correct-horse1").code == .success)
        #expect(try sample.whoAmI() == bjorn)
        #expect(try sample.bind(name, "wrong").code == .invalidCredentials)
    }

    @Test func rule1_13_aliasesAndFormerAddresses() throws {
        let sample = try sample()
        try sample.modify(
            bjorn, [(.add, "zimbraMailAlias", ["bear@example.com"]), (.add, "zimbraOldMailAddress", ["cub@example.com"])])
        for name in ["bear@example.com", "cub@example.com"] { #expect(try sample.bind(name, "Correct-horse1").code == .success) }
        #expect(try sample.bind("nobody@example.com", "Correct-horse1").code == .invalidCredentials)
        #expect(try sample.bind("bjorn.aasen@example.org", "Correct-horse1").code == .invalidCredentials)
        // Two with one address: nobody knows which is meant.
        try asRoot(sample) {
            try sample.modify("uid=zoe.lefevre,ou=people,\(com)", [(.add, "zimbraOldMailAddress", ["bear@example.com"])])
        }
        #expect(try sample.bind("bear@example.com", "Correct-horse1").code == .invalidCredentials)
    }

    @Test func rule3_13_aliasDomains() throws {
        let sample = try sample()
        let id = try sample.search(com, .baseObject, "(objectClass=*)", ["zimbraId"]).values("zimbraId")
        #expect(
            try sample.add(
                "dc=shop,dc=com",
                [
                    ("objectClass", ["dcObject", "organization", "zimbraDomain", "amavisAccount"]), ("dc", ["shop"]), ("o", ["shop"]),
                    ("zimbraDomainName", ["shop.com"]), ("zimbraDomainType", ["alias"]), ("zimbraDomainAliasTargetId", id),
                    ("zimbraId", ["8a2d2d2e-0000-4000-8000-000000000001"]), ("zimbraDomainStatus", ["active"]),
                ]).code == .success)
        #expect(try sample.bind("bjorn.aasen@shop.com", "Correct-horse1").code == .success)
        #expect(try sample.whoAmI() == bjorn)
    }

    @Test func rule1_14_and_4_7_bareNames() throws {
        let sample = try sample()
        #expect(try sample.bind("bjorn.aasen", "Correct-horse1").code == .invalidCredentials)
        try asRoot(sample) { try sample.modify(com, [(.replace, "zimbraVirtualHostname", ["mail.example.com"])]) }
        sample.serverName = "Mail.Example.COM"
        #expect(try sample.bind("bjorn.aasen", "Correct-horse1").code == .success)
        sample.serverName = nil
        try asRoot(sample) { try sample.modify(config, [(.replace, "zimbraDefaultDomainName", ["example.com"])]) }
        #expect(try sample.bind("bjorn.aasen", "Correct-horse1").code == .success)
        #expect(try sample.bind("this is no name", "x").code == .invalidDNSyntax)
    }

    // MARK: Administrators

    /// Who is asked where nobody but administrators may log in. What `ldap` stands for here does not answer.
    @Test(arguments: [
        ("ldap", "zimbra", false, ResultCode.unavailable), ("ldap", "zimbra", true, .success), ("ldap", "", true, .unavailable),
        ("zimbra", "ldap", false, .success), ("zimbra", "ldap", true, .unavailable), ("", "LDAP", true, .unavailable), ("", "", true, .success),
    ]) func rule4_1_2_whoKnowsAdministratorsPasswords(_ mechanism: String, _ admins: String, _ isForAdministrators: Bool, _ code: ResultCode) throws {
        let sample = try SampleDirectory(isForAdministrators: isForAdministrators)
        try sample.modify(bjorn, [(.replace, "userPassword", ["Correct-horse1"]), (.replace, "zimbraIsDelegatedAdminAccount", ["TRUE"])])
        let settings = [("zimbraAuthMech", mechanism), ("zimbraAuthMechAdmin", admins), ("zimbraAuthFallbackToLocal", "FALSE")]
        #expect(try sample.modify(com, settings.map { (.replace, $0.0, $0.1.isEmpty ? [] : [$0.1]) }).code == .success)
        #expect(try sample.bind(bjorn, "Correct-horse1").code == code)
    }

    @Test func rule4_1_2_nobodyElseLogsInThere() throws {
        let sample = try SampleDirectory(isForAdministrators: true)
        try sample.modify(bjorn, [(.replace, "userPassword", ["Correct-horse1"])])
        for (flag, value, code) in [
            ("zimbraIsAdminAccount", "FALSE", ResultCode.insufficientAccessRights), ("zimbraIsAdminAccount", "TRUE", .success),
            ("zimbraIsAdminAccount", "", .insufficientAccessRights), ("zimbraIsDelegatedAdminAccount", "TRUE", .success),
        ] {
            try asRoot(sample) { try sample.modify(bjorn, [(.replace, flag, value.isEmpty ? [] : [value])]) }
            #expect(try sample.bind("bjorn.aasen@example.com", "Correct-horse1").code == code)
            #expect(try sample.whoAmI() == (code == .success ? bjorn : ""))
            #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials)
        }
        try asRoot(sample) {
            try sample.modify("uid=zimbra,cn=admins,cn=zimbra", [(.replace, "userPassword", ["pw"]), (.replace, "zimbraIsAdminAccount", [])])
        }
        #expect(try sample.bind("uid=zimbra,cn=admins,cn=zimbra", "pw").code == .success)
    }

    // MARK: Lockout

    private static let lockout = [
        ("zimbraPasswordLockoutEnabled", "TRUE"), ("zimbraPasswordLockoutMaxFailures", "3"), ("zimbraPasswordLockoutDuration", "2s"),
    ]

    @Test func rule4_4_lockout_pitfalls25and31() throws {
        let sample = try sample(Self.lockout)
        let csn = try stored(sample, "entryCSN"), modified = try stored(sample, "modifyTimestamp")
        for _ in 0..<2 { #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials) }
        #expect(try stored(sample, "zimbraPasswordLockoutFailureTime").count == 2)
        // Counting changes nothing that others hear of.
        #expect(try stored(sample, "entryCSN") == csn && stored(sample, "modifyTimestamp") == modified)
        // A success clears the count.
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
        #expect(try stored(sample, "zimbraPasswordLockoutFailureTime") == [])
        for _ in 0..<3 { #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials) }
        // Locked at once, before anything is on disk.
        let locked = try sample.bindAsking(bjorn, "Correct-horse1")
        #expect(locked.code == .invalidCredentials && locked.policy.failure == .accountLocked)
        #expect(try stored(sample, "zimbraAccountStatus") == ["lockout"])
        #expect(try stored(sample, "zimbraPasswordLockoutLockedTime").count == 1)
        // Failures while it is locked do not make it last longer.
        #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials)
        #expect(try stored(sample, "zimbraPasswordLockoutFailureTime").count == 3)
        sleep(4)
        // Expired: a fresh count begins, as does the account's life.
        #expect(try sample.bind(bjorn, "wrong").code == .invalidCredentials)
        #expect(try stored(sample, "zimbraPasswordLockoutFailureTime").count == 1)
        #expect(try stored(sample, "zimbraAccountStatus") == ["active"])
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
    }

    @Test func rule3_6_anAdministratorReopens() throws {
        let sample = try sample(Self.lockout)
        for _ in 0..<3 { try sample.bind(bjorn, "wrong") }
        try asRoot(sample) { try sample.modify(bjorn, [(.replace, "zimbraAccountStatus", ["lockout"])]) }
        #expect(try stored(sample, "zimbraAccountStatus") == ["lockout"])
        try asRoot(sample) { try sample.modify(bjorn, [(.replace, "zimbraAccountStatus", ["active"])]) }
        #expect(try stored(sample, "zimbraPasswordLockoutFailureTime") == [])
        #expect(try stored(sample, "zimbraPasswordLockoutLockedTime") == [])
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
    }

    @Test func rule4_4_1_offByDefault() throws {
        let sample = try sample()
        for _ in 0..<15 { try sample.bind(bjorn, "wrong") }
        #expect(try stored(sample, "zimbraPasswordLockoutFailureTime") == [])
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
    }

    @Test func pitfall26_lockedStaysLockedWhenLockoutIsSwitchedOff() throws {
        let sample = try sample()
        try sample.modify(bjorn, [(.replace, "zimbraAccountStatus", ["lockout"])])
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .invalidCredentials)
    }

    @Test func rule4_5_10_lastLogon() throws {
        let sample = try sample()
        let csn = try stored(sample, "entryCSN")
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
        let first = try stored(sample, "zimbraLastLogonTimestamp")
        #expect(first.count == 1)
        #expect(try sample.bind(bjorn, "Correct-horse1").code == .success)
        #expect(try stored(sample, "zimbraLastLogonTimestamp") == first)
        #expect(try stored(sample, "entryCSN") == csn)
    }

    /// A bind that has read the entry before the failures were written must not miss them because they have been written since.
    @Test func rule2_15_valuesCountForWhoHasReadTheEntryBeforeTheyWereWritten() async throws {
        let sample = try sample()
        let directory = sample.directory
        let type = try #require(directory.schema.attributeType(named: "zimbraLastLogonTimestamp"))
        let id = try directory.store.snapshot().resolve(DistinguishedName(bjorn)).id
        let value = Array("20260101000000Z".utf8)
        directory.ephemeral.set(type, to: value, of: id)
        directory.ephemeral.flush()
        // The writer makes one change after the other.
        #expect(try sample.modify(config, [(.replace, "description", ["later"])]).code == .success)
        #expect(try asRoot(sample) { try stored(sample, "zimbraLastLogonTimestamp") } == ["20260101000000Z"])
        #expect(directory.ephemeral.values(of: type, id) == [value])
        // Not for ever, and not after a client has set another value.
        for _ in 0..<200 where directory.ephemeral.values(of: type, id) != nil { try await Task.sleep(for: .milliseconds(50)) }
        #expect(directory.ephemeral.values(of: type, id) == nil)
        directory.ephemeral.set(type, to: value, of: id)
        directory.ephemeral.flush()
        #expect(try sample.modify(bjorn, [(.replace, "zimbraLastLogonTimestamp", ["20260202000000Z"])]).code == .success)
        #expect(directory.ephemeral.values(of: type, id) == nil)
    }

    // MARK: Passwords

    @Test(arguments: [
        ("Sh0rt", PasswordPolicy.Failure.passwordTooShort), (String(repeating: "Long-0", count: 11), .insufficientPasswordQuality),
        ("no-upper-case-1", .insufficientPasswordQuality), ("No-digits-here", .insufficientPasswordQuality),
        ("NoMarks0here", .insufficientPasswordQuality), ("Aasen-the-1st", .insufficientPasswordQuality),
        ("Example-1-word", .insufficientPasswordQuality), ("{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", .insufficientPasswordQuality),
    ]) func rule4_5_quality(_ password: String, _ failure: PasswordPolicy.Failure) throws {
        let sample = try sample([
            ("zimbraPasswordMinUpperCaseChars", "1"), ("zimbraPasswordMinNumericChars", "1"), ("zimbraPasswordMinPunctuationChars", "1"),
        ])
        try sample.bind(bjorn, "Correct-horse1")
        let answer = try sample.modifyAsking(bjorn, [(.replace, "userPassword", [password])])
        #expect(answer.code == .constraintViolation && answer.policy.failure == failure, "\(password): \(answer)")
        if !password.hasPrefix("{") { #expect(try sample.setPassword(password).code == .constraintViolation) }
        #expect(try sample.modify(bjorn, [(.replace, "userPassword", ["Battery-staple2"])]).code == .success)
        #expect(try sample.setPassword("Battery-staple3").code == .success)
        // 4.5.6: an administrator is not held to it.
        #expect(try asRoot(sample) { try sample.setPassword(of: bjorn, password).code } == .success)
    }

    @Test func rule4_5_1_allowedCharacters() throws {
        let sample = try sample([("zimbraPasswordAllowedChars", "[a-z0-9]")])
        try sample.bind(bjorn, "Correct-horse1")
        #expect(try sample.setPassword("With-Capital1").code == .constraintViolation)
        #expect(try sample.setPassword("onlysmall1").code == .success)
    }

    @Test func rule4_5_5_historyWithEveryScheme_pitfall27() throws {
        let sample = try sample([("zimbraPasswordEnforceHistory", "2")])
        try sample.bind(bjorn, "Correct-horse1")
        #expect(try sample.setPassword("Correct-horse1").code == .constraintViolation)
        for password in ["Second-pass2", "Third-pass3"] { #expect(try sample.setPassword(password).code == .success) }
        let answer = try sample.modifyAsking(bjorn, [(.replace, "userPassword", ["Second-pass2"])])
        #expect(answer.code == .constraintViolation && answer.policy.failure == .passwordInHistory)
        #expect(try sample.setPassword("Fourth-pass4").code == .success)
        #expect(try sample.setPassword("Correct-horse1").code == .success)
        let history = try stored(sample, "zimbraPasswordHistory")
        #expect(history.count == 2 && history.allSatisfy { $0.contains(":{ARGON2}") })
    }

    @Test func rule4_5_4_minimumAge() throws {
        let sample = try sample([("zimbraPasswordMinAge", "1")])
        try sample.bind(bjorn, "Correct-horse1")
        let answer = try sample.modifyAsking(bjorn, [(.replace, "userPassword", ["Second-pass2"])])
        #expect(answer.code == .constraintViolation && answer.policy.failure == .passwordTooYoung)
    }

    @Test func rule4_5_6_lockedPassword() throws {
        let sample = try sample([("zimbraPasswordLocked", "TRUE")])
        try sample.bind(bjorn, "Correct-horse1")
        let answer = try sample.modifyAsking(bjorn, [(.replace, "userPassword", ["Second-pass2"])])
        #expect(answer.code == .insufficientAccessRights && answer.policy.failure == .passwordModNotAllowed)
    }

    @Test func rule4_5_7_whatGoesWithAChange() throws {
        let sample = try sample()
        try sample.modify(
            bjorn,
            [
                (.replace, "zimbraPasswordModifiedTime", ["20200101000000Z"]), (.replace, "zimbraAuthTokenValidityValue", ["2147483647"]),
            ])
        try sample.bind(bjorn, "Correct-horse1")
        #expect(try sample.setPassword("Second-pass2").code == .success)
        #expect(try stored(sample, "zimbraPasswordModifiedTime") != ["20200101000000Z"])
        #expect(try stored(sample, "zimbraAuthTokenValidityValue") == ["0"])
    }

    @Test func rule4_5_8_mustChange() throws {
        let sample = try sample()
        try sample.modify(bjorn, [(.replace, "zimbraPasswordMustChange", ["TRUE"])])
        let bound = try sample.bindAsking(bjorn, "Correct-horse1")
        #expect(bound.code == .success && bound.policy.failure == .changeAfterReset)
        // Nothing but changing the own password, until that is done.
        #expect(try sample.search(bjorn, .baseObject).code == .insufficientAccessRights)
        #expect(try sample.modify(bjorn, [(.replace, "description", ["x"])]).code == .insufficientAccessRights)
        #expect(try sample.setPassword(of: "uid=zoe.lefevre,ou=people,\(com)", "Second-pass2").code == .insufficientAccessRights)
        #expect(try sample.whoAmI() == bjorn)
        #expect(try sample.setPassword("short").code == .constraintViolation)
        #expect(try sample.search(bjorn, .baseObject).code == .insufficientAccessRights)
        #expect(try sample.modify(bjorn, [(.replace, "userPassword", ["Second-pass2"])]).code == .success)
        #expect(try sample.search(bjorn, .baseObject).code == .success)
        #expect(try stored(sample, "zimbraPasswordMustChange") == [])
        // An administrator sets a password and demands another in one change.
        try sample.modify(bjorn, [(.replace, "userPassword", ["Third-pass3"]), (.replace, "zimbraPasswordMustChange", ["TRUE"])])
        #expect(try sample.bindAsking(bjorn, "Third-pass3").policy.failure == .changeAfterReset)
    }

    @Test func rule4_5_8_maximumAge() throws {
        let sample = try sample([("zimbraPasswordMaxAge", "30")])
        let warned = try sample.bindAsking(bjorn, "Correct-horse1")
        #expect(warned.code == .success && warned.policy.failure == nil)
        #expect((warned.policy.timeBeforeExpiration ?? 0) > 29 * 86_400)
        try asRoot(sample) { try sample.modify(bjorn, [(.replace, "zimbraPasswordModifiedTime", ["20200101000000Z"])]) }
        #expect(try sample.bindAsking(bjorn, "Correct-horse1").policy.failure == .passwordExpired)
        #expect(try sample.search(bjorn, .baseObject).code == .insufficientAccessRights)
        #expect(try sample.setPassword("Second-pass2").code == .success)
        #expect(try sample.search(bjorn, .baseObject).code == .success)
    }
}
