@testable import Directory
import BER
import EntryStore
import LDAP
import SeededRandom
import Testing

/// A name leads to the entry that has it now, whatever it led to when it was asked for before.
struct NameResolutionTests {
    /// What a fresh look says, which remembers nothing.
    private static func expected(_ name: String, _ snapshot: borrowing Snapshot) throws -> EntryID? {
        let found = try snapshot.resolve(DistinguishedName(parsing: Array(name.utf8).rawSpan))
        return found.isComplete ? found.id : nil
    }

    private static func resolve(_ name: String, _ resolution: inout NameResolution, _ snapshot: borrowing Snapshot) throws -> EntryID? {
        let found = try resolution.resolve(Array(name.utf8).rawSpan, snapshot)
        return found.isComplete ? found.id : nil
    }

    @Test func afterEachChangeNamesLeadWhereTheyShould() async throws {
        let directory = try TestDirectory()
        let store = directory.directory.store
        try await directory.add("dc=com", [("objectClass", ["domain"]), ("dc", ["com"])])
        let containers = ["ou=a,dc=com", "ou=b,dc=com", "ou=c,ou=b,dc=com"]
        for container in containers { try await directory.add(container, [("objectClass", ["organizationalUnit"])]) }
        let long = "cn=a name that is longer than forty octets are"
        let rdns = ["cn=x", "CN=X", "cn= x", "cn=eight123", "cn=nine12345", "cn=sixteen 12345678", long, "cn=\\E4", "cn=a+sn=b"]
        var names: [String] = []
        for container in containers { for rdn in rdns { names.append("\(rdn),\(container)") } }
        var random = SeededGenerator(seed: 11)
        var resolution = NameResolution()
        var (added, removed, renamed) = (0, 0, 0)
        for _ in 0..<400 {
            let name = names[random.below(names.count)]
            let container = containers[random.below(containers.count)]
            switch random.below(4) {
            case 0, 1:
                let value = ["x", "eight123", "nine12345", "sixteen 12345678", String(long.dropFirst(3)), "y"][random.below(6)]
                if try await directory.add(
                    "cn=\(value),\(container)", [("objectClass", ["person"]), ("sn", ["b"]), ("cn", [value])]).code == .success { added += 1 }
            case 2: if try await directory.delete(name).code == .success { removed += 1 }
            default:
                let rdn = rdns[random.below(rdns.count - 2)]
                if try await directory.rename(name, rdn, below: container).code == .success { renamed += 1 }
            }
            let snapshot = try store.snapshot()
            for name in names {
                guard let wanted = try? Self.expected(name, snapshot) else { continue }
                #expect(try Self.resolve(name, &resolution, snapshot) == wanted, "\(name)")
            }
            for name in names { _ = try? Self.resolve(name, &resolution, snapshot) }
        }
        // Enough happened.
        #expect(added > 30 && removed > 10 && renamed > 10, "\(added) \(removed) \(renamed)")
    }

    @Test func whatWasNotedIsKnownUntilSomethingGoes() {
        var names = ResolvedNames()
        func entry(_ rdn: String, below superior: UInt64, at commit: Int = 7, since change: Int = 3) -> EntryID? {
            names.entry(Array(rdn.utf8).rawSpan, below: EntryID(rawValue: superior), at: commit, since: change)
        }
        let rdns = ["cn=a", "cn=eight", "cn=nine12", "cn=" + String(repeating: "x", count: 37)]
        #expect(entry("cn=a", below: 1) == nil)
        names.note(EntryID(rawValue: 9), Array("cn=a".utf8).rawSpan, below: EntryID(rawValue: 1), at: 5)
        #expect(entry("cn=a", below: 1) == nil && !names.isPrepared)
        names.prepare(for: 100_000, from: 5)
        for (place, rdn) in rdns.enumerated() {
            names.note(EntryID(rawValue: UInt64(place) + 10), Array(rdn.utf8).rawSpan, below: EntryID(rawValue: 1), at: 5 + place % 2)
        }
        for (place, rdn) in rdns.enumerated() {
            let (id, noted) = (EntryID(rawValue: UInt64(place) + 10), 5 + place % 2)
            #expect(entry(rdn, below: 1) == id && entry(rdn, below: 1, at: noted, since: noted) == id)
            #expect(entry(rdn, below: 1, since: noted + 1) == nil && entry(rdn, below: 1, at: noted - 1) == nil)
            #expect(entry(rdn, below: 2) == nil)
            #expect(entry(rdn + "\0", below: 1) == nil && entry(String(rdn.dropLast()) + "b", below: 1) == nil)
            #expect(entry(rdn.uppercased(), below: 1) == nil)
        }
        let long = "cn=" + String(repeating: "x", count: 38)
        names.note(EntryID(rawValue: 20), Array(long.utf8).rawSpan, below: EntryID(rawValue: 1), at: 7)
        #expect(entry(long, below: 1) == nil)
        // One of four milliards of commits later has no number.
        names.note(EntryID(rawValue: 20), Array("cn=a".utf8).rawSpan, below: EntryID(rawValue: 1), at: 1 << 40)
        #expect(entry("cn=a", below: 1) == EntryID(rawValue: 10))
    }

    @Test func anOlderSnapshotSeesWhatWasThere() async throws {
        let directory = try TestDirectory()
        let store = directory.directory.store
        try await directory.add("dc=com", [("objectClass", ["domain"]), ("dc", ["com"])])
        let name = "cn=x,dc=com"
        try await directory.add(name, [("objectClass", ["person"]), ("sn", ["b"])])
        let before = try store.snapshot()
        try await directory.delete(name)
        let between = try store.snapshot()
        try await directory.add(name, [("objectClass", ["person"]), ("sn", ["c"])])
        let after = try store.snapshot()
        var resolution = NameResolution()
        for _ in 0..<3 {
            #expect(try Self.resolve(name, &resolution, before) == Self.expected(name, before))
            #expect(try Self.resolve(name, &resolution, after) == Self.expected(name, after))
            #expect(try Self.resolve(name, &resolution, between) == nil)
            #expect(try Self.resolve(name, &resolution, after) == Self.expected(name, after))
        }
        #expect(try Self.expected(name, before) != Self.expected(name, after))
    }
}
