@testable import Directory
@testable import EntryStore
import BER
import LDAP
import Schema
import SeededRandom
import Testing

/// The change log: what each operation leaves in it.
struct ChangeLogTests {
    private func log(_ directory: TestDirectory) throws -> [ChangeRecord] {
        let snapshot = try directory.directory.store.snapshot()
        guard let numbers = try snapshot.changeNumbers() else { return [] }
        var records: [ChangeRecord] = []
        for number in numbers { if let record = try snapshot.change(number) { records.append(record) } }
        return records
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func everyOperationIsOneRecord() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.addPerson("a", [("mail", ["a@x.example"])])
        try await directory.modify("cn=a,ou=people,dc=com", [(.replace, "sn", ["b"]), (.delete, "mail", [])])
        try await directory.rename("cn=a,ou=people,dc=com", "cn=c", below: "dc=com")
        try await directory.rename("ou=people,dc=com", "ou=staff")
        try await directory.delete("cn=c,dc=com")
        // Refused: nothing is noted.
        try await directory.delete("cn=c,dc=com")
        let records = try log(directory)
        #expect(records.map(\.kind) == [.add, .add, .add, .modify, .modifyDN, .modifyDN, .delete])
        #expect(records.map(\.number) == Array(1...7) && records.map(\.operation) == Array(1...7))
        #expect(records.allSatisfy { text($0.author) == "cn=config" && $0.uuid.count == 36 && $0.csn.count == 40 })
        #expect(zip(records, records.dropFirst()).allSatisfy { $0.time <= $1.time && $0.csn.lexicographicallyPrecedes($1.csn) })
        #expect(text(records[3].name) == "cn=a,ou=people,dc=com")
        let table = directory.directory.store.catalogue.table
        let changed = records[3].modifications(table).map { "\($0.operation) \(text($0.attribute.description)) \($0.attribute.values.map(text))" }
        #expect(changed.prefix(2).sorted() == ["delete mail []", "replace sn [\"b\"]"])
        #expect(records[3].changes.first { table[$0.id]?.name == Array("mail".utf8) }?.removed.map(text) == ["a@x.example"])
        #expect(records[4].renaming?.newSuperior.map(text) == "dc=com" && text(records[4].renaming?.newRDN ?? []) == "cn=c")
        #expect(records[5].renaming?.newSuperior == nil && records[5].renaming?.deletesOldRDN == true)
        #expect(text(records[6].name) == "cn=c,dc=com" && records[6].image?.entry.attributes.isEmpty == false)
        #expect(try directory.directory.store.snapshot().check { Issue.record("\($0)") } == 0)
    }

    /// A tree delete is one operation: its records say so.
    @Test func treeDelete() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        for name in ["a", "b"] { try await directory.addPerson(name) }
        try await directory.delete("dc=com", controls: [TreeDelete().control()])
        let records = try log(directory).suffix(4)
        #expect(records.map(\.kind) == [.delete, .delete, .delete, .delete] && records.allSatisfy { $0.operation == 5 })
        #expect(text(records.last?.name ?? []) == "dc=com")
    }

    /// One value more in a long list is noted as one value.
    @Test func longLists() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        let members = (0..<100).map { "cn=m\($0),ou=people,dc=com" }
        try await directory.add("cn=g,dc=com", [("objectClass", ["groupOfNames"]), ("cn", ["g"]), ("member", members)])
        try await directory.modify("cn=g,dc=com", [(.delete, "member", [members[40]]), (.add, "member", ["cn=x,dc=com", "cn=y,dc=com"])])
        let table = directory.directory.store.catalogue.table
        let change = try #require(try log(directory).last?.changes.first { table[$0.id]?.name == Array("member".utf8) })
        #expect(!change.isWhole)
        let after = try directory.values("cn=g,dc=com", "member")
        #expect(Set(change.undo(after.map { Array($0.utf8) }).map(text)) == Set(members))
        #expect(change.removed.count + change.added.count < 70)
    }

    /// Numbers go on when all records have gone; nothing stays longer than the limits say.
    @Test func trimming() async throws {
        var limits = ChangeLogLimits()
        limits.maxSize = 1
        limits.keepDeleted = 0
        let directory = try TestDirectory(log: limits)
        try await directory.plant()
        #expect(try log(directory).isEmpty)
        try await directory.addPerson("a")
        try await directory.delete("cn=a,ou=people,dc=com")
        let snapshot = try directory.directory.store.snapshot()
        #expect(try snapshot.nextChangeNumber() == 5 && snapshot.deletedCount() == 0)
        #expect(try snapshot.check { Issue.record("\($0)") } == 0)
    }

    @Test func trimmingBySizeGoesByBoundedSteps() async throws {
        var limits = ChangeLogLimits()
        limits.maxSize = 200_000
        let directory = try TestDirectory(log: limits)
        try await directory.plant()
        for number in 0..<400 {
            try await directory.addPerson("p\(number)", [("description", [String(repeating: "x", count: 2000)])])
        }
        let snapshot = try directory.directory.store.snapshot()
        let numbers = try #require(try snapshot.changeNumbers())
        #expect(numbers.upperBound == 402 && numbers.lowerBound > 250)
        #expect(try snapshot.check { Issue.record("\($0)") } == 0)
    }

    @Test func recordsFromDamagedBytesAreNone() throws {
        var random = SeededGenerator(seed: 7)
        var entry = Entry()
        entry[AttributeID(rawValue: 3)] = [Array("x".utf8)]
        var buffer = BERBuffer()
        buffer.beginChange(.delete, time: 5)
        for number in [1, 2] { buffer.append(integer: number) }
        for _ in 0..<4 { buffer.append(BERTag.octetString, contents: Array("abc".utf8)) }
        buffer.append(BERTag.octetString, contents: entry.record(parent: .root, rdn: [1], flags: []))
        let bytes = buffer.bytes.array
        #expect(ChangeRecord(number: 1, bytes.rawSpan)?.image?.entry == entry)
        for _ in 0..<20_000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            damaged.removeLast(Int.random(in: 0...damaged.count, using: &random) / 8)
            _ = ChangeRecord(number: 1, damaged.rawSpan)
        }
    }
}
