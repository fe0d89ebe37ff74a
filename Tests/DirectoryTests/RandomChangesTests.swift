@testable import Directory
import BER
import EntryStore
import LDAP
import Schema
import SeededRandom
import Testing

/// Whatever changes are asked for, in whatever order: every entry keeps to the schema, the tree and the indexes are whole.
struct RandomChangesTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func entriesKeepToTheRules(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let directory = try TestDirectory()
        try await directory.plant()
        let words = ["a", "A", "b", "ä", "", " a ", "x@y.example", "dc=com", "1", "TRUE", "cn=a,dc=com", "+,\"\\<>;=#", "999999999999999999999"]
        let types = [
            "cn", "sn", "ou", "dc", "mail", "description", "description;lang-de", "seeAlso", "objectClass", "userPassword", "title",
            "jpegPhoto", "preferredLanguage", "telephoneNumber", "zimbraMailQuota", "zimbraMailStatus", "entryUUID", "foo", "userCertificate;binary",
        ]
        let classes = [
            "top", "person", "inetOrgPerson", "organizationalUnit", "organization", "dcObject", "extensibleObject", "zimbraAccount",
            "zimbraMailRecipient", "groupOfURLs", "alias", "nonsense",
        ]
        var names = ["dc=com", "ou=people,dc=com"]
        var succeeded = 0
        for _ in 0..<400 {
            func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
            func values(_ type: String) -> [String] {
                (0..<Int.random(in: 0...2, using: &random)).map { _ in pick(type == "objectClass" ? classes : words) }
            }
            let name = pick(names)
            let rdn = pick(["cn", "ou", "sn", "mail", "cn=x+sn"]) + "=" + pick(["a", "A", "b", "c", "d\\,e"])
            let code: ResultCode
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                var attributes = pick([
                    [("objectClass", ["inetOrgPerson"]), ("cn", ["c"]), ("sn", ["s"])],
                    [("objectClass", ["organizationalUnit", "extensibleObject"]), ("ou", ["o"])],
                    [("objectClass", ["inetOrgPerson", "zimbraAccount"]), ("cn", ["c"]), ("sn", ["s"]), ("zimbraId", ["i"])],
                ])
                if Bool.random(using: &random) {
                    let type = pick(types)
                    attributes.append((type, values(type) + [pick(words)]))
                }
                code = try await directory.add("\(rdn),\(name)", attributes).code
                if code == .success { names.append("\(rdn),\(name)") }
            case 4..<8:
                let changes = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    let type = pick(types)
                    let operation = pick([ModifyRequest.Operation.add, .delete, .replace, .increment])
                    let needed = operation == .add || operation == .increment ? [pick(type == "objectClass" ? classes : words)] : []
                    return (operation, type, needed.isEmpty ? values(type) : needed)
                }
                code = try await directory.modify(name, changes).code
            case 8:
                let superior = Bool.random(using: &random) ? pick(names) : nil
                code = try await directory.rename(name, rdn, deleteOld: Bool.random(using: &random), below: superior).code
                if code == .success { names.append("\(rdn),\(superior ?? String(name.drop { $0 != "," }.dropFirst()))") }
            default:
                let isTree = Int.random(in: 0..<4, using: &random) == 0 && name.hasPrefix("cn")
                code = try await directory.delete(name, controls: isTree ? [TreeDelete().control()] : []).code
            }
            if code == .success { succeeded += 1 }
            #expect(code != .other && code != .protocolError)
        }
        #expect(succeeded > 40)
        try check(directory.directory)
    }

    private struct Stored {
        let entry: Entry
        let flags: EntryRecord.Flags
        let rdn: [UInt8]
    }

    private func load(_ id: EntryID, _ snapshot: borrowing Snapshot) throws -> Stored? {
        guard let record = try snapshot.record(id) else { return nil }
        return Stored(entry: Entry(record), flags: record.flags, rdn: record.rdn.array)
    }

    /// What a check of the whole store finds.
    private static func problems(_ snapshot: borrowing Snapshot) throws -> [String] {
        var problems: [String] = []
        _ = try snapshot.check { problems.append($0) }
        return problems
    }

    private func isFoundByName(_ id: EntryID, _ snapshot: borrowing Snapshot) throws -> Bool {
        let text = try snapshot.name(of: id)
        let found = try snapshot.resolve(DistinguishedName(parsing: text.rawSpan))
        return found.isComplete && found.id == id
    }

    private func check(_ directory: Directory) throws {
        let snapshot = try directory.store.snapshot()
        var mails = Set<String>()
        for id in try snapshot.descendants(of: .root) {
            guard let stored = try load(id, snapshot) else {
                Issue.record("entry \(id.rawValue) has no record")
                continue
            }
            try check(stored, directory, snapshot.catalogue.table, &mails)
            let isFound = try isFoundByName(id, snapshot)
            #expect(isFound)
        }
        let problems = try Self.problems(snapshot)
        #expect(problems.isEmpty)
    }

    private func check(_ stored: Stored, _ directory: Directory, _ table: AttributeTable, _ mails: inout Set<String>) throws {
        let known = directory.known
        let rdn = try RelativeDistinguishedName(parsing: stored.rdn.rawSpan)
        let flags = try directory.checker.check(stored.entry, rdn: rdn, table: table)
        #expect(flags == stored.flags)
        func values(_ type: AttributeTypeID) -> [[UInt8]] { table.id(of: type).map { stored.entry[$0] } ?? [] }
        let rules = try directory.checker.classRules(values(known.objectClass))
        #expect(values(known.structuralObjectClass) == [rules.structuralName])
        #expect(values(known.entryUUID).count == 1 && values(known.entryCSN).count == 1)
        guard let mail = directory.schema.attributeType(named: "mail") else { return }
        for value in values(mail) {
            let isNew = mails.insert(String(decoding: value, as: UTF8.self).lowercased()).inserted
            #expect(isNew)
        }
    }
}
