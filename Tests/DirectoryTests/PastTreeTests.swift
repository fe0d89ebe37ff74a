@testable import Directory
@testable import EntryStore
import BER
import LDAP
import Schema
import SeededRandom
import Testing

/// The tree as it was at a moment, from the log by undoing.
struct PastTreeTests {
    private typealias State = [String: [String: Set<String>]]

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func state(_ entry: Entry, _ table: AttributeTable) -> [String: Set<String>] {
        var state: [String: Set<String>] = [:]
        for attribute in entry.attributes { state[text(table[attribute.id]?.name ?? [])] = Set(attribute.values.map(text)) }
        return state
    }

    private func present(_ directory: TestDirectory) throws -> State {
        let snapshot = try directory.directory.store.snapshot()
        var result: State = [:]
        for id in try snapshot.descendants(of: .root) {
            guard let record = try snapshot.record(id) else { continue }
            result[text(try snapshot.name(of: id))] = state(Entry(record), snapshot.catalogue.table)
        }
        return result
    }

    private func past(_ directory: TestDirectory, at time: Int64) throws -> State {
        let snapshot = try directory.directory.store.snapshot()
        let past = try PastTree(at: time, snapshot)
        let ids = try past.subtree(of: .root, snapshot)
        let entries = try past.entries(ids, snapshot)
        var result: State = [:]
        for (id, image) in entries {
            let name = try past.name(of: id, snapshot)
            #expect(try past.resolve(DistinguishedName(parsing: name.rawSpan), snapshot) == id)
            result[text(name)] = state(image.entry, snapshot.catalogue.table)
        }
        return result
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyMomentOfRandomChangesIsThere(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let directory = try TestDirectory()
        try await directory.plant()
        try await directory.add("ou=other,dc=com", [("objectClass", ["organizationalUnit"])])
        var moments: [(Int64, State)] = []
        for step in 0..<60 {
            let names = try present(directory).keys.filter { $0.hasPrefix("cn=") }.sorted()
            let place = ["ou=people,dc=com", "ou=other,dc=com"].randomElement(using: &random) ?? ""
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let many = (0..<Int.random(in: 1...30, using: &random)).map { "v\($0)" }
                try await directory.add(
                    "cn=p\(step),\(place)", [("objectClass", ["inetOrgPerson"]), ("cn", ["p\(step)"]), ("sn", ["s"]), ("description", many)])
            case 4..<7:
                guard let name = names.randomElement(using: &random) else { continue }
                let value = "v\(Int.random(in: 0..<40, using: &random))"
                let operation: ModifyRequest.Operation = [.add, .delete, .replace].randomElement(using: &random) ?? .add
                try await directory.modify(name, [(operation, "description", [value]), (.replace, "title", ["t\(step)"])])
            case 7..<9:
                guard let name = names.randomElement(using: &random) else { continue }
                try await directory.rename(name, "cn=r\(step)", deleteOld: Bool.random(using: &random), below: place)
            default:
                guard let name = names.randomElement(using: &random) else { continue }
                try await directory.delete(name)
            }
            moments.append((Journal.clock(), try present(directory)))
        }
        for (time, wanted) in moments { #expect(try past(directory, at: time) == wanted) }
    }

    /// What the log does not reach is not made up.
    @Test func tooFarBack() async throws {
        var limits = ChangeLogLimits()
        limits.maxSize = 100_000
        let directory = try TestDirectory(log: limits)
        let before = Journal.clock()
        try await directory.plant()
        #expect(throws: EntryStoreError.self) { _ = try past(directory, at: before) }
        let start = Journal.clock()
        for number in 0..<120 { try await directory.addPerson("p\(number)", [("description", [String(repeating: "x", count: 2000)])]) }
        #expect(throws: EntryStoreError.self) { _ = try past(directory, at: start) }
        #expect(try past(directory, at: Journal.clock()).count == 122)
    }

    /// A subtree as it was, whatever became of its entries.
    @Test func restored() async throws {
        let directory = try TestDirectory()
        try await directory.plant()
        for name in ["a", "b", "c"] { try await directory.addPerson(name, [("mail", ["\(name)@x.example"])]) }
        let wanted = try present(directory)
        let moment = Journal.clock()
        try await directory.modify("cn=a,ou=people,dc=com", [(.replace, "sn", ["other"])])
        try await directory.rename("cn=b,ou=people,dc=com", "cn=d", below: "dc=com")
        try await directory.delete("ou=people,dc=com", controls: [TreeDelete().control()])
        let report = try await directory.directory.restore("ou=people,dc=com", at: moment, subtree: true)
        #expect(report.notes == [] && report.added == 3 && report.changed == 1)
        func bare(_ state: State) -> State {
            state.mapValues { $0.filter { !["entryCSN", "modifyTimestamp", "modifiersName"].contains($0.key) } }
        }
        #expect(bare(try present(directory)) == bare(wanted))
        let snapshot = try directory.directory.store.snapshot()
        #expect(try snapshot.deletedCount() == 0 && snapshot.check { Issue.record("\($0)") } == 0)
    }
}
