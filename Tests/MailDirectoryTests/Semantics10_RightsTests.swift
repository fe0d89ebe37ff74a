@testable import MailDirectory
import SeededRandom
import Testing

/// Rules of semantics 10 that need no directory: how grants and limits are written. What comes of them is in the conformance tests.
@Suite struct Semantics10_RightsTests {
    private func grant(_ text: String) throws -> Grant { try Grant(Array(text.utf8)) }

    @Test func rule10_1_valuesAreReadFromTheirRightEnd() throws {
        let plain = try grant("1F0E-2 usr sendAs")
        #expect(plain.grantee == "1f0e-2" && plain.type == .user && plain.right == "sendAs" && plain.modifiers.isEmpty)
        let guest = try grant("some one@b.c:pass word gst sendToDistList")
        #expect(guest.grantee == "some one@b.c" && guest.type == .guest)
        #expect(!guest.description.contains("pass"))
        let group = try grant("d-1:team@b.c egp -getAccount")
        #expect(group.grantee == "d-1:team@b.c" && group.isDenied)
    }

    @Test func rule10_1_modifiers() throws {
        #expect(try grant("x usr *getDomain").isForSubdomains)
        #expect(try grant("x usr ^getAccount").isWithoutSubgroups)
        #expect(try grant("x usr -^getAccount").modifiers == [.deny, .withoutSubgroups])
        #expect(try grant("x usr +getAccount").modifiers == [.delegate])
        for text in ["x usr *+getDomain", "x usr ++getDomain", "x usr ^+getAccount", "x usr --a", "x usr"] {
            #expect(throws: Grant.Problem.self, "\(text)") { try grant(text) }
        }
    }

    @Test func rule10_2_rightsAndTheirTargets() throws {
        let sendAs = try #require(RightDefinition.named("sendAs"))
        #expect(sendAs.isUserRight && !sendAs.isAllowedByDefault && sendAs.isGrantable(on: .account))
        #expect(!sendAs.isGrantable(on: .domain) && !sendAs.isGrantable(on: .list) && !sendAs.isGrantable(on: .global))
        let sendTo = try #require(RightDefinition.named("sendToDistList"))
        #expect(sendTo.isAllowedByDefault && [.list, .group, .domain, .global].allSatisfy(sendTo.isGrantable) && !sendTo.isGrantable(on: .account))
        let all = try #require(RightDefinition.named("domainAdminRights")).parts.map(\.name)
        #expect(all.contains("setDomainAdminAccountAttributes") && all.contains("deleteAccount") && all.contains("addDistributionListMember"))
        #expect(!all.contains("deleteDomain") && !all.contains("modifyAccount") && Set(all).count == all.count)
        let inline = try #require(RightDefinition.named("set.dl.description"))
        #expect(inline.targets == [.list] && inline.isGrantable(on: .domain) && !inline.isGrantable(on: .server))
        for name in ["", "nothing", "set.nothing.cn", "set.account.", "get.account.a.b"] { #expect(RightDefinition.named(name) == nil, "\(name)") }
    }

    @Test func rule10_3_8_constraints() throws {
        let limits = try #require(Constraint("zimbraX:min=60:max=1h"))
        #expect(limits.problem([Array("5m".utf8), Array("3600".utf8)]) == nil)
        for value in ["59", "2h", "x", "99999999999999999999d", ""] { #expect(limits.problem([Array(value.utf8)]) != nil, "\(value)") }
        let choice = try #require(Constraint("zimbraX:values=a,B"))
        #expect(choice.problem([Array("b".utf8)]) == nil && choice.problem([Array("c".utf8)]) != nil)
        for text in ["", "zimbraX", ":min=1", "zimbraX:least=1", "zimbraX:min=x", "zimbraX:min"] { #expect(Constraint(text) == nil, "\(text)") }
    }

    @Test func whateverTheBytes() {
        var generator = SeededGenerator(seed: 10)
        let valid = Array("1f0e6c1a-0000 usr -^getAccount".utf8)
        for _ in 0..<5000 {
            let bytes = generator.mutated(valid)
            if let grant = try? Grant(bytes) { _ = GrantRule.problem(grant, on: .account, "x") }
            _ = Constraint(String(decoding: bytes, as: UTF8.self))
        }
    }
}
