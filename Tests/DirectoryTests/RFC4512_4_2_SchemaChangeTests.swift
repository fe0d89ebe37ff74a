@testable import Directory
import BER
import EntryStore
import LDAP
import Schema
import Testing

/// RFC 4512 section 4.2: the schema changes where clients read it, while the directory is in use.
struct RFC4512_4_2_SchemaChangeTests {
    private let badge = "( 1.2.3.1 NAME 'badge' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
    private let holder = "( 1.2.3.2 NAME 'holder' SUP top AUXILIARY MAY badge )"
    private let subschema = "cn=subschema"

    private func define(_ directory: TestDirectory) async throws {
        try await directory.plant()
        let answer = try await directory.modify(
            subschema, [(.add, "attributeTypes", [badge]), (.add, "objectClasses", [holder])])
        #expect(answer.code == .success, "\(answer.result)")
    }

    private func addHolder(to test: TestDirectory) async throws {
        let answer = try await test.add(
            "cn=one,ou=people,dc=com", [("objectClass", ["inetOrgPerson", "holder"]), ("cn", ["one"]), ("sn", ["one"]), ("badge", ["A"])])
        #expect(answer.code == .success, "\(answer.result)")
    }

    @Test func anotherDirectoryTakesOver() async throws {
        let test = try TestDirectory()
        let first = test.directory
        try await define(test)
        let second = first.current
        #expect(second !== first && first.isSuperseded && !second.isSuperseded)
        #expect(first.schema.attributeType(named: "badge") == nil && second.schema.attributeType(named: "badge") != nil)
        #expect(second.schema.isIdentical(to: first.store.schema))
        #expect(first.writer === second.writer && first.monitor === second.monitor)
        try await addHolder(to: test)
        #expect(try test.values("cn=one,ou=people,dc=com", "badge") == ["A"])
    }

    /// A snapshot of the directory of the past is read with the catalogue of the past.
    @Test func whatIsUnderWayEndsAsItBegan() async throws {
        let test = try TestDirectory()
        let first = test.directory
        let worker = DirectoryWorker(first)
        let before = try worker.read { snapshot, _, _ throws(LDAPError) in snapshot.catalogue }
        try await define(test)
        worker.releaseSnapshot()
        let same = try worker.read { snapshot, _, _ throws(LDAPError) in snapshot.catalogue }
        #expect(same.schema.isIdentical(to: before.schema))
        worker.adopt(first.current)
        let newer = try worker.read { snapshot, _, _ throws(LDAPError) in snapshot.catalogue }
        #expect(newer.schema.isIdentical(to: first.current.schema))
    }

    /// A change that was checked by the old schema is checked again by the new one when the writer comes to it.
    @Test func whatWaitsIsCheckedAgain() async throws {
        let test = try TestDirectory()
        try await define(test)
        let old = test.directory.current
        let request = AddRequest(
            entry: Array("cn=late,ou=people,dc=com".utf8),
            attributes: [
                PartialAttribute("objectClass", ["person", "holder"]), PartialAttribute("cn", ["late"]), PartialAttribute("sn", ["x"]),
                PartialAttribute("badge", ["A"]),
            ])
        let write = try PendingWrite.prepared(old) { directory throws(LDAPError) in
            try directory.prepareAdd(request, messageID: 1, controls: [], for: Requester(.root), observed: { _ in })
        }
        let gone = try await test.modify(subschema, [(.delete, "objectClasses", [holder]), (.delete, "attributeTypes", [badge])])
        #expect(gone.code == .success)
        let bytes = await withCheckedContinuation { continuation in old.submit(write) { continuation.resume(returning: $0) } }
        let envelope = try LDAPEnvelope(decoding: bytes.rawSpan)
        let result = try LDAPResult(decoding: bytes.rawSpan, envelope.contents)
        #expect(result.code != .success, "\(result)")
        #expect(try test.entry("cn=late,ou=people,dc=com") == nil)
    }

    @Test func numbersStayWithTheirNames() async throws {
        let test = try TestDirectory()
        try await define(test)
        try await addHolder(to: test)
        // Another first name: values go by it, and are found under both.
        let renamed = badge.replacing("NAME 'badge'", with: "NAME ( 'pass' 'badge' )")
        let answer = try await test.modify(subschema, [(.delete, "attributeTypes", [badge]), (.add, "attributeTypes", [renamed])])
        #expect(answer.code == .success, "\(answer.result)")
        #expect(try test.values("cn=one,ou=people,dc=com", "pass") == ["A"])
        let again = try await test.modify("cn=one,ou=people,dc=com", [(.replace, "badge", ["B"])])
        #expect(again.code == .success)
        #expect(try test.values("cn=one,ou=people,dc=com", "pass") == ["B"])
        // An operational attribute of that name would have another kind of number.
        try await test.delete("cn=one,ou=people,dc=com")
        let other = "( 1.2.3.9 NAME 'pass' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 USAGE directoryOperation )"
        let refused = try await test.modify(
            subschema,
            [(.delete, "objectClasses", [holder]), (.delete, "attributeTypes", [renamed]), (.add, "attributeTypes", [other])])
        #expect(refused.code == .constraintViolation && String(describing: refused.result).contains("for ever"), "\(refused.result)")
    }

    @Test func aTransactionHasNoPlaceForIt() async throws {
        let test = try TestDirectory()
        let request = ModifyRequest(
            object: Array(subschema.utf8), changes: [ModifyRequest.Change(.add, PartialAttribute("attributeTypes", [badge]))])
        let write = try test.directory.prepareModify(request, messageID: 1, controls: [], for: Requester(.root), observed: { _ in })
        #expect(write.isAlone)
        var transaction = OpenTransaction(identifier: [1], requester: Requester(Session(connectionID: 1, peer: ""), test.directory))
        #expect(throws: LDAPError.self) { try transaction.append(write, bytes: 10) }
    }

    @Test func whoIsNotRootMayNot() async throws {
        let test = try TestDirectory()
        try await test.plant()
        try await test.addPerson("one")
        let identity = try test.identity("cn=one,ou=people,dc=com", isAdministrator: true)
        let refused = try await test.modify(subschema, [(.add, "attributeTypes", [badge])], as: identity)
        #expect(refused.code == .insufficientAccessRights)
        #expect(test.directory.current === test.directory)
    }
}
