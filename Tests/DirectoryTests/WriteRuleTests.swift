@testable import Directory
import BER
import EntryStore
import LDAP
import Schema
import Testing

/// Who names another by `seeAlso` is told of it: what is written to one entry's `description` follows along the names, and `title` is set with
/// it. An entry that says `refuse` is not written.
private struct FollowingRule: WriteRule {
    let types: [AttributeTypeID]
    let description: AttributeTypeID
    let title: AttributeTypeID
    let seeAlso: AttributeTypeID

    init(_ schema: Schema) {
        func type(_ name: String) -> AttributeTypeID { schema.attributeType(named: name) ?? AttributeTypeID(rawValue: 0) }
        description = type("description")
        title = type("title")
        seeAlso = type("seeAlso")
        types = [description]
    }

    func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if change.kind != .delete, !change.named.contains(title), !change.new(description).isEmpty { change.set(title, [Array("described".utf8)]) }
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if change.new(description).contains(Array("refuse".utf8)) { throw LDAPError(.constraintViolation, "refused") }
    }

    func follow(_ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        for name in change.new(seeAlso) + (change.after == nil ? change.old(seeAlso) : []) {
            guard let dn = try? DistinguishedName(parsing: name.rawSpan) else { continue }
            let found = try snapshot.resolve(dn)
            guard found.isComplete else { continue }
            if change.after == nil {
                try consequences.delete(found.id)
            } else {
                try consequences.add(change.added(description), to: description, of: found.id)
                try consequences.remove(change.old(description), from: description, of: found.id)
            }
        }
    }
}

@Suite struct WriteRuleTests {
    private let directory: TestDirectory
    private func dn(_ name: String) -> String { "cn=\(name),ou=people,dc=com" }

    init() throws { directory = try TestDirectory(rules: { [FollowingRule($0)] }) }

    private func people(_ names: String...) async throws {
        try await directory.plant()
        for (number, name) in names.enumerated() {
            let next = number + 1 < names.count ? [("seeAlso", [dn(names[number + 1])])] : []
            #expect(try await directory.addPerson(name, next).code == .success)
        }
    }

    @Test func aRuleSetsWhatBelongsToAChange() async throws {
        try await people("a")
        try await directory.modify(dn("a"), [(.replace, "description", ["x"])])
        #expect(try directory.values(dn("a"), "title") == ["described"])
        try await directory.modify(dn("a"), [(.replace, "description", ["y"]), (.replace, "title", ["own"])])
        #expect(try directory.values(dn("a"), "title") == ["own"])
        try await directory.addPerson("b", [("description", ["x"])])
        #expect(try directory.values(dn("b"), "title") == ["described"])
        // What does not concern it does not call it.
        try await directory.addPerson("c")
        #expect(try directory.values(dn("c"), "title") == [])
        #expect(try await directory.modify(dn("a"), [(.replace, "title", ["other"])]).code == .success)
        #expect(try directory.values(dn("a"), "title") == ["other"])
    }

    @Test func whatFollowsIsFollowed() async throws {
        try await people("a", "b", "c")
        #expect(try await directory.modify(dn("a"), [(.replace, "description", ["x"])]).code == .success)
        for name in ["a", "b", "c"] { #expect(try directory.values(dn(name), "description") == ["x"]) }
        #expect(try await directory.modify(dn("a"), [(.replace, "description", ["y"])]).code == .success)
        for name in ["a", "b", "c"] { #expect(try directory.values(dn(name), "description") == ["y"]) }
    }

    @Test func operationalAttributesAndLogKnowWhoCausedIt() async throws {
        try await people("a", "b")
        let stamp = try directory.values(dn("b"), "entryCSN")
        try await directory.modify(dn("a"), [(.replace, "description", ["x"])])
        #expect(try directory.values(dn("b"), "modifiersName") == ["cn=config"])
        #expect(try directory.values(dn("b"), "entryCSN") != stamp)
        let snapshot = try directory.directory.store.snapshot()
        let numbers = try #require(try snapshot.changeNumbers())
        let last = try #require(try snapshot.change(numbers.upperBound))
        let before = try #require(try snapshot.change(numbers.upperBound - 1))
        #expect(last.operation == before.operation)
    }

    @Test func refusalsChangeNothing() async throws {
        try await people("a", "b")
        #expect(try await directory.modify(dn("a"), [(.replace, "description", ["refuse"])]).code == .constraintViolation)
        #expect(try directory.values(dn("a"), "description") == [])
        #expect(try directory.values(dn("a"), "title") == [])
        // The root identity with the relax control is not asked anything.
        #expect(
            try await directory.modify(dn("a"), [(.replace, "description", ["refuse"])], controls: [RelaxRules().control()]).code == .success)
        #expect(try directory.values(dn("a"), "title") == [])
        #expect(try directory.values(dn("b"), "description") == [])
    }

    @Test func theSchemaHoldsForWhatFollows() async throws {
        try await people("a")
        // Of a class without descriptions.
        let bare = try await directory.add(
            "cn=bare,dc=com", [("objectClass", ["zimbraShareLocator"]), ("cn", ["bare"]), ("zimbraShareOwnerAccountId", ["x"])])
        #expect(bare.code == .success)
        try await directory.modify(dn("a"), [(.replace, "seeAlso", ["cn=bare,dc=com"])])
        #expect(try await directory.modify(dn("a"), [(.replace, "description", ["x"])]).code == .objectClassViolation)
        #expect(try directory.values(dn("a"), "description") == [])
    }

    @Test func circlesComeToAnEnd() async throws {
        try await people("a", "b", "c")
        try await directory.modify(dn("c"), [(.replace, "seeAlso", [dn("a")])])
        #expect(try await directory.modify(dn("a"), [(.replace, "description", ["x"])]).code == .success)
        for name in ["a", "b", "c"] { #expect(try directory.values(dn(name), "description") == ["x"]) }
    }

    @Test func longChainsAreRefusedWhole() async throws {
        try await people("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k")
        #expect(try await directory.modify(dn("a"), [(.replace, "description", ["x"])]).code == .adminLimitExceeded)
        for name in ["a", "b", "c"] { #expect(try directory.values(dn(name), "description") == []) }
        #expect(try await directory.modify(dn("d"), [(.replace, "description", ["x"])]).code == .success)
        #expect(try directory.values(dn("k"), "description") == ["x"])
    }

    @Test func entriesGoWithOthers() async throws {
        try await people("a", "b", "c")
        for name in ["a", "b"] { try await directory.modify(dn(name), [(.replace, "description", ["x"])]) }
        try await directory.add("cn=below,\(dn("c"))", [("objectClass", ["applicationProcess"]), ("cn", ["below"])])
        let refused = try await directory.delete(dn("a"))
        #expect(refused.code == .notAllowedOnNonLeaf && refused.result.message.contains("cn=c"), "\(refused)")
        try await directory.delete("cn=below,\(dn("c"))")
        #expect(try await directory.delete(dn("a"), controls: [NoOperation().control()]).code == .noOperation)
        #expect(try directory.entry(dn("c")) != nil)
        #expect(try await directory.delete(dn("a")).code == .success)
        for name in ["a", "b", "c"] { #expect(try directory.entry(dn(name)) == nil, "\(name)") }
    }

    @Test func moreThanSixtyFourRulesAreTooMany() throws {
        #expect(throws: DirectoryError.self) { try TestDirectory(rules: { schema in (0..<65).map { _ in FollowingRule(schema) } }) }
    }
}
