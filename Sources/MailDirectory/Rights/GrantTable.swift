import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// All grants of a directory, by the entry they stand on and by grantee. A value, right for one commit.
struct GrantTable: Sendable {
    /// An entry with grants: those that can be read.
    struct Holding: Sendable {
        let values: [[UInt8]]
        let grants: [Grant]
    }

    private(set) var entries: [EntryID: Holding] = [:]
    /// Entries by type and name of grantees: `usr 1f0e…`.
    private var byGrantee: [String: Set<EntryID>] = [:]
    /// By domain, its groups in another directory to which something is granted: how often, and how often a right of users.
    private var outsideGroups: [String: [String: (all: Int, users: Int)]] = [:]
    /// How many grants there are to grantees of each type.
    private var counts: [Grant.GranteeType: Int] = [:]
    /// The commit of the snapshot it was last made right for.
    fileprivate(set) var commit = 0

    init() {}

    static func key(_ type: Grant.GranteeType, _ grantee: String) -> String { "\(type.rawValue) \(grantee)" }

    /// Reads entries that may have changed.
    mutating func update(_ ids: [EntryID], _ attribute: AttributeID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        commit = snapshot.commit
        for id in ids {
            var values: [[UInt8]] = []
            if let record = try snapshot.record(id) {
                var stored = record.values(of: attribute)
                while let value = stored.next() { values.append(value.array) }
            }
            let before = entries[id]
            guard values != before?.values ?? [] else { continue }
            for grant in before?.grants ?? [] {
                let key = Self.key(grant.type, grant.grantee)
                byGrantee[key]?.remove(id)
                if byGrantee[key]?.isEmpty == true { byGrantee[key] = nil }
                counts[grant.type, default: 0] -= 1
                if grant.type == .externalGroup { countOutside(grant, -1) }
            }
            entries[id] = nil
            guard !values.isEmpty else { continue }
            // What cannot be read grants nothing.
            let grants = values.compactMap { try? Grant($0) }
            for grant in grants {
                byGrantee[Self.key(grant.type, grant.grantee), default: []].insert(id)
                counts[grant.type, default: 0] += 1
                if grant.type == .externalGroup { countOutside(grant, 1) }
            }
            entries[id] = Holding(values: values, grants: grants)
        }
    }

    private mutating func countOutside(_ grant: Grant, _ change: Int) {
        guard let domain = grant.outsideDomain else { return }
        var count = outsideGroups[domain]?[grant.grantee] ?? (0, 0)
        count.all += change
        if RightDefinition.named(grant.right)?.isUserRight == true { count.users += change }
        outsideGroups[domain, default: [:]][grant.grantee] = count.all > 0 ? count : nil
        if outsideGroups[domain]?.isEmpty == true { outsideGroups[domain] = nil }
    }

    /// The groups of a domain in another directory, as grantees, to which something is granted that matters for an account of it.
    /// - Parameter asAdministrator: whether rights of administrators matter.
    func outsideGroups(of domain: String, asAdministrator: Bool) -> [String] {
        (outsideGroups[domain] ?? [:]).filter { asAdministrator || $0.value.users > 0 }.keys.sorted()
    }

    func grants(on id: EntryID) -> [Grant] { entries[id]?.grants ?? [] }

    /// The entries with grants to somebody.
    func entries(grantingTo type: Grant.GranteeType, _ grantee: String) -> Set<EntryID> { byGrantee[Self.key(type, grantee)] ?? [] }

    /// The entries with grants to somebody who has an id, whatever the grantee is; and, if it is a domain's, to its groups elsewhere.
    func entries(grantingTo id: String) -> Set<EntryID> {
        var found = Set<EntryID>()
        for type in Grant.GranteeType.allCases where grantsAnything(to: type) {
            found.formUnion(entries(grantingTo: type, id))
        }
        if grantsAnything(to: .externalGroup) {
            let prefix = Self.key(.externalGroup, id) + ":"
            for (key, entries) in byGrantee where key.hasPrefix(prefix) { found.formUnion(entries) }
        }
        return found
    }

    /// Whether anything is granted to grantees of a type.
    func grantsAnything(to type: Grant.GranteeType) -> Bool { counts[type, default: 0] > 0 }
}

/// The grants as the snapshots of a store have them: read once, then only what changed is read again.
final class Grants: Sendable {
    let type: AttributeTypeID
    let attribute: AttributeID
    private let watch: ClassWatch
    private let current = Mutex<GrantTable?>(nil)

    /// Nil for a schema without `zimbraACE`.
    init?(_ store: EntryStore, _ catalogue: Catalogue) {
        let schema = catalogue.schema
        guard let type = schema.attributeType(named: "zimbraACE"), let attribute = catalogue.table.id(of: type) else { return nil }
        self.type = type
        self.attribute = attribute
        watch = store.watch(
            schema.objectClasses.filter { $0.allMay.contains(type) || $0.allMust.contains(type) }.map(\.id)
                + [schema.objectClass(named: "extensibleObject")].compactMap { $0 },
            schema)
    }

    /// Changed entries that are looked at before the table is brought up to date.
    private static let besides = 64

    func table(_ snapshot: borrowing Snapshot) throws(EntryStoreError) -> GrantTable {
        let kept = current.withLock { $0 }
        guard var table = kept, let changed = changes(since: min(table.commit, snapshot.commit), snapshot) else {
            var made = GrantTable()
            var found: [EntryID] = []
            try snapshot.forEach(StoredItems.present(type, snapshot.catalogue)) { id, _ throws(EntryStoreError) in found.append(id) }
            try made.update(found, attribute, snapshot)
            keep(made, snapshot)
            return made
        }
        guard !changed.isEmpty else { return table }
        try table.update(changed, attribute, snapshot)
        keep(table, snapshot)
        return table
    }

    /// The grants to somebody who has an id, as they are stored, by the entries they stand on.
    func values(to id: [UInt8], _ snapshot: borrowing Snapshot) throws(LDAPError) -> [(EntryID, [[UInt8]])] {
        let name = String(decoding: id, as: UTF8.self).lowercased()
        if name.isEmpty { return [] }
        do throws(EntryStoreError) {
            // The table itself is not made anew for every change of a large transaction: what has changed is looked at besides.
            let candidates: Set<EntryID>
            if let table = current.withLock({ $0 }), let changed = changes(since: min(table.commit, snapshot.commit), snapshot),
                changed.count <= Self.besides + snapshot.changes(of: watch).count
            {
                candidates = table.entries(grantingTo: name).union(changed)
            } else {
                candidates = try table(snapshot).entries(grantingTo: name)
            }
            var found: [(EntryID, [[UInt8]])] = []
            for holder in candidates.sorted() {
                guard let record = try snapshot.record(holder) else { continue }
                var values: [[UInt8]] = []
                var stored = record.values(of: attribute)
                while let value = stored.next() {
                    guard let grant = try? Grant(value.array) else { continue }
                    let isOutside = grant.type == .externalGroup && grant.grantee.hasPrefix(name + ":")
                    if grant.grantee == name || isOutside { values.append(value.array) }
                }
                if !values.isEmpty { found.append((holder, values)) }
            }
            return found
        } catch { throw LDAPError(storage: error) }
    }

    /// Entries that a commit after one, or the snapshot's own transaction, has changed; nil if they are not known.
    private func changes(since commit: Int, _ snapshot: borrowing Snapshot) -> [EntryID]? {
        if snapshot.serves(watch, madeAt: commit) { return [] }
        guard let changes = watch.changes(after: commit) else { return nil }
        return changes + snapshot.changes(of: watch)
    }

    private func keep(_ table: GrantTable, _ snapshot: borrowing Snapshot) {
        guard let commit = snapshot.commitToKeep(of: watch) else { return }
        var table = table
        table.commit = commit
        current.withLock { if table.commit >= $0?.commit ?? 0 { $0 = table } }
    }
}
