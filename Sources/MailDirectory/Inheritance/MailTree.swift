import EntryStore
import Schema
import Synchronization

/// Tells of each entry whom it inherits from. Shared by all threads; nothing is locked longer than it takes to copy a reference.
final class MailTree: Sendable {
    let types: MailTypes
    private let watch: ClassWatch
    private let kept = Mutex<Kept>(Kept())

    private struct Kept {
        var table: InheritanceTable?
        /// The last entry asked about: clients ask for many attributes of one.
        var commit = -1
        var entry = EntryID.root
        var lineage = Lineage.none
    }

    init(_ types: MailTypes, _ store: EntryStore, _ schema: Schema) {
        self.types = types
        watch = store.watch(types.classOfService.classes + types.domain.classes + types.globalConfig.classes, schema)
    }

    /// The table that is right for a snapshot.
    func table(_ snapshot: borrowing Snapshot) throws(EntryStoreError) -> InheritanceTable {
        if let table = known(snapshot) { return table }
        let table = try InheritanceTable(types, snapshot)
        if !snapshot.isUncommitted {
            kept.withLock { kept in
                if kept.table.map({ $0.commit <= table.commit }) ?? true { kept.table = table }
            }
        }
        return table
    }

    /// The table that is right for a snapshot, if there is one already.
    func known(_ snapshot: borrowing Snapshot) -> InheritanceTable? {
        guard let table = kept.withLock({ $0.table }), table.catalogue === snapshot.catalogue, snapshot.serves(watch, madeAt: table.commit) else { return nil }
        return table
    }

    /// Whether what was worked out of classes of service, domains and global configuration at a commit is right for a snapshot.
    func serves(_ snapshot: borrowing Snapshot, madeAt commit: Int) -> Bool { snapshot.serves(watch, madeAt: commit) }

    /// Whether the table for a snapshot is there, or made by looking at no more than so many entries: work for a thread that may take long,
    /// if not.
    func isReady(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool {
        // How many domains there are is not known.
        guard let table = kept.withLock({ $0.table }) else { return budget > .max / 2 }
        if table.catalogue === snapshot.catalogue, snapshot.serves(watch, madeAt: table.commit) { return true }
        budget -= table.domains.count + table.classes.count
        return budget > 0
    }

    /// Whom an entry inherits from.
    func lineage(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> Lineage {
        let commit = snapshot.isUncommitted ? -1 : snapshot.commit
        if commit >= 0, let lineage = kept.withLock({ $0.commit == commit && $0.entry == id ? $0.lineage : nil }) { return lineage }
        let lineage = try Lineage(record, table(snapshot), snapshot)
        if commit >= 0 {
            kept.withLock { kept in
                kept.commit = commit
                kept.entry = id
                kept.lineage = lineage
            }
        }
        return lineage
    }
}

/// Whom an entry inherits from (2.1 to 2.6).
enum Lineage: Sendable {
    /// Classes of service, lists, groups, aliases, identities: from nobody (2.3).
    case none
    case account(classOfService: EntryID?, classID: [UInt8], domain: EntryID?, config: EntryID?)
    case domain(config: EntryID?)
    case server(config: EntryID?)

    init(
        _ record: borrowing EntryRecord, _ table: InheritanceTable, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) {
        let types = table.types
        if types.account.matches(record) {
            let domain = try table.domain(above: record.parent, snapshot)
            let classOfService = table.classOfService(of: record, in: domain).map { table.classes[$0] }
            self = .account(
                classOfService: classOfService?.entry, classID: classOfService?.id ?? [], domain: domain, config: table.config)
        } else if types.domain.matches(record) {
            self = .domain(config: table.config)
        } else if types.server.matches(record) {
            self = .server(config: table.config)
        } else {
            self = .none
        }
    }

    /// The entry whose value of an attribute shows where the entry itself has none.
    func source(
        _ attribute: AttributeID, _ inheritance: InheritedTypes.Levels, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> EntryID? {
        func holds(_ entry: EntryID?) throws(EntryStoreError) -> EntryID? {
            guard let entry, let record = try snapshot.record(entry), record.contains(attribute) else { return nil }
            return entry
        }
        switch self {
        case .none: return nil
        case .account(let classOfService, _, let domain, let config):
            // 2.2: one that comes from the domain comes from the class of service first.
            guard inheritance.contains(.account) || inheritance.contains(.classThenDomain) else { return nil }
            if let found = try holds(classOfService) { return found }
            guard inheritance.contains(.classThenDomain), let domain else { return nil }
            if let found = try holds(domain) { return found }
            return inheritance.contains(.domain) ? try holds(config) : nil
        case .domain(let config): return inheritance.contains(.domain) ? try holds(config) : nil
        case .server(let config): return inheritance.contains(.server) ? try holds(config) : nil
        }
    }
}
