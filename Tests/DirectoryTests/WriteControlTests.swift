@testable import Directory
import LDAP
import Testing

/// RFC 4527, RFC 4528 and RFC 4511 section 4.1.11 on changes.
struct WriteControlTests {
    private func assertion(_ filter: String) throws -> Control { Assertion(try Filter(filter)).control() }

    @Test func assertions() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a", [("title", ["chief"])])
        let name = "cn=a,ou=people,dc=com"
        let no = [try assertion("(title=nobody)")]
        #expect(try await directory.modify(name, [(.replace, "title", ["x"])], controls: no).code == .assertionFailed)
        #expect(try await directory.modify(name, [(.replace, "title", ["x"])], controls: [try assertion("(foo=x)")]).code == .assertionFailed)
        #expect(try await directory.rename(name, "cn=b", controls: no).code == .assertionFailed)
        #expect(try await directory.delete(name, controls: no).code == .assertionFailed)
        #expect(try await directory.delete("cn=q,dc=com", controls: no).code == .noSuchObject)
        #expect(try directory.values(name, "title") == ["chief"])
        let unit = [("objectClass", ["organizationalUnit"])]
        #expect(try await directory.add("ou=x,dc=com", unit, controls: [try assertion("(ou=y)")]).code == .assertionFailed)
        #expect(try await directory.add("ou=x,dc=com", unit, controls: [try assertion("(ou=x)")]).code == .success)
        #expect(try await directory.modify(name, [(.replace, "title", ["x"])], controls: [try assertion("(title=Chief)")]).code == .success)
    }

    @Test func readEntries() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a", [("title", ["chief"])])
        let name = "cn=a,ou=people,dc=com"
        let controls = [PreRead(attributes: [Array("title".utf8)]).control(), PostRead(attributes: [Array("*".utf8), Array("entryDN".utf8)]).control()]
        let answer = try await directory.modify(name, [(.replace, "title", ["new"])], controls: controls)
        #expect(answer.controls.map(\.oid) == [PreRead.oid, PostRead.oid])
        let before = try PreRead.entry(decoding: answer.controls[0])
        #expect(before.name == Array(name.utf8) && before["title"] == [Array("chief".utf8)] && before.attributes.count == 1)
        let after = try PostRead.entry(decoding: answer.controls[1])
        #expect(after["title"] == [Array("new".utf8)] && after["entryDN"] == [Array(name.utf8)] && after["entryUUID"].isEmpty)

        let renamed = try await directory.rename(name, "cn=b", controls: controls)
        #expect(try PreRead.entry(decoding: renamed.controls[0]).name == Array(name.utf8))
        #expect(try PostRead.entry(decoding: renamed.controls[1]).name == Array("cn=b,ou=people,dc=com".utf8))
        let deleted = try await directory.delete("cn=b,ou=people,dc=com", controls: [controls[0]])
        #expect(try PreRead.entry(decoding: deleted.controls[0])["title"] == [Array("new".utf8)])
        let added = try await directory.add("ou=y,dc=com", [("objectClass", ["organizationalUnit"])], controls: [controls[1]])
        #expect(try PostRead.entry(decoding: added.controls[0])["ou"] == [Array("y".utf8)])
    }

    @Test func unknownMisplacedAndRepeated() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        func code(_ controls: [Control]) async throws -> ResultCode {
            try await directory.modify("dc=com", [(.replace, "description", ["x"])], controls: controls).code
        }
        #expect(try await code([Control(oid: "1.2.3.4", isCritical: true)]) == .unavailableCriticalExtension)
        #expect(try await code([Control(oid: "1.2.3.4")]) == .success)
        #expect(try await code([TreeDelete().control(isCritical: true)]) == .unavailableCriticalExtension)
        #expect(try await code([TreeDelete().control(isCritical: false)]) == .success)
        #expect(try await code([ManageDsaIT().control(), ManageDsaIT().control()]) == .protocolError)
        #expect(try await code([Control(oid: PreRead.oid)]) == .protocolError)
        #expect(try await code([Control(oid: Assertion.oid, isCritical: true, value: [1, 2])]) == .protocolError)
    }

    @Test func permissive() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a", [("description", ["one", "two"])])
        let name = "cn=a,ou=people,dc=com"
        let permissive = [PermissiveModify().control()]
        #expect(try await directory.modify(name, [(.add, "description", ["ONE", "three"])]).code == .attributeOrValueExists)
        #expect(try await directory.modify(name, [(.add, "description", ["ONE", "three"])], controls: permissive).code == .success)
        #expect(try directory.values(name, "description") == ["one", "two", "three"])
        #expect(
            try await directory.modify(
                name, [(.delete, "description", ["none", "two"]), (.delete, "title", []), (.delete, "l", ["x"])], controls: permissive
            ).code == .success)
        #expect(try directory.values(name, "description") == ["one", "three"])
        // Many values are compared by their hashes.
        let many = (0..<50).map { "v\($0)" }
        #expect(try await directory.modify(name, [(.add, "description", many)]).code == .success)
        #expect(try await directory.modify(name, [(.add, "description", many + ["last"])], controls: permissive).code == .success)
        #expect(try directory.values(name, "description").count == 53)
        #expect(try await directory.delete(name, controls: permissive).code == .unavailableCriticalExtension)
    }

    @Test func noOperation() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a", [("mail", ["a@x"])])
        let name = "cn=a,ou=people,dc=com"
        let before = try #require(try directory.entry(name))
        for control in [NoOperation().control(), Control(oid: NoOperation.draftOID, isCritical: false)] {
            #expect(try await directory.modify(name, [(.replace, "mail", ["b@x"])], controls: [control]).code == .noOperation)
            #expect(try await directory.rename(name, "cn=b", controls: [control]).code == .noOperation)
            #expect(try await directory.delete(name, controls: [control]).code == .noOperation)
            #expect(try await directory.add("dc=org", [("objectClass", ["domain"])], controls: [control]).code == .noOperation)
            #expect(try await directory.modify(name, [(.delete, "sn", [])], controls: [control]).code == .objectClassViolation)
        }
        #expect(try directory.entry(name) == before)
        #expect(try directory.entry("dc=org") == nil)
        // An index that had taken the value would refuse it.
        #expect(try await directory.addPerson("c", [("mail", ["b@x"])]).code == .success)
        let read = PostRead(attributes: [Array("title".utf8)]).control()
        let answer = try await directory.modify(name, [(.replace, "title", ["x"])], controls: [NoOperation().control(), read])
        #expect(try PostRead.entry(decoding: #require(answer.controls.first))["title"] == [Array("x".utf8)])
    }

    @Test func relaxed() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a")
        let name = "cn=a,ou=people,dc=com"
        let relaxed = [RelaxRules().control()]
        let change: [(ModifyRequest.Operation, String, [String])] = [
            (.replace, "entryUUID", ["11111111-2222-4333-8444-555555555555"]), (.replace, "modifyTimestamp", ["20010203040506Z"]),
        ]
        #expect(try await directory.modify(name, change).code == .constraintViolation)
        #expect(try await directory.modify(name, change, controls: relaxed).code == .success)
        #expect(try directory.values(name, "entryUUID") == ["11111111-2222-4333-8444-555555555555"])
        #expect(try directory.values(name, "modifyTimestamp") == ["20010203040506Z"])
        #expect(try await directory.modify(name, [(.replace, "objectClass", ["person"])]).code == .objectClassModsProhibited)
        #expect(try await directory.modify(name, [(.replace, "objectClass", ["person"])], controls: relaxed).code == .success)
        #expect(try directory.values(name, "structuralObjectClass") == ["person"])
        #expect(try await directory.modify(name, [(.replace, "hasSubordinates", ["TRUE"])], controls: relaxed).code == .constraintViolation)
        let own = try directory.identity(name)
        #expect(try await directory.modify(name, [(.replace, "description", ["x"])], controls: relaxed, as: own).code == .insufficientAccessRights)
    }
}
