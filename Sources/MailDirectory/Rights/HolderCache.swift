import BER
import EntryStore
import Schema
import Synchronization

/// Keeps what identities hold from one commit to the next, and through a group of changes: to work it out anew means to look for groups
/// and grants. It stays right as long as nothing but other people's accounts changes, and no grant on them.
final class HolderCache: Sendable {
    /// What was worked out for an identity.
    struct Item: Sendable {
        /// nil: it holds nothing.
        var held: HeldRights?
        /// What was known of its groups in another directory.
        let outsideGroups: Set<String>
        let table: GrantTable
        let catalogue: Catalogue
        /// The account and the entries it stands below.
        let path: [EntryID]
        /// The commit from which on it is right.
        var commit = 0
        /// A write transaction, and how many of its changes have been found to make no difference. It may have been committed since.
        var transaction = 0
        var seen = 0
    }

    private let types: RightTypes
    private let watch: ClassWatch
    /// Attributes that make an account a list as well.
    private let listAttributes: [AttributeTypeID]
    private let grants: AttributeTypeID
    private let kept = Mutex<[EntryID: Item]>([:])
    private static let limit = 256

    /// Nil for a schema without `top`.
    init?(_ store: EntryStore, _ schema: Schema, _ types: RightTypes, _ grants: Grants, _ lists: ListTypes) {
        guard let top = schema.objectClass(named: "top") else { return nil }
        self.types = types
        self.grants = grants.type
        listAttributes = [lists.member, lists.memberURL]
        // All entries: every class is derived from it.
        watch = store.watch([top], schema)
    }

    /// What is known of an identity, if it is right for a snapshot; whether its groups in another directory are the same is for the caller to see.
    func item(_ id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Item? {
        guard var item = kept.withLock({ $0[id] }), item.catalogue === snapshot.catalogue else { return nil }
        if snapshot.serves(watch, madeAt: item.commit) { return item }
        guard item.commit <= snapshot.commit, let changed = watch.changes(after: item.commit, but: (item.transaction, item.seen)) else { return nil }
        let own = snapshot.changes(of: watch)
        let isGoingOn = snapshot.isUncommitted && item.transaction == snapshot.transactionNumber && item.seen <= own.count
        if !isGoingOn { for id in changed { guard try isIndifferent(id, item, snapshot) else { return nil } } }
        for id in own[(isGoingOn ? item.seen : 0)...] { guard try isIndifferent(id, item, snapshot) else { return nil } }
        item.held = item.held.map { HeldRights(again: $0) }
        if snapshot.isUncommitted, !own.isEmpty {
            item.transaction = snapshot.transactionNumber
            item.seen = own.count
            let noted = item
            kept.withLock { kept in
                if kept[id]?.commit == noted.commit { kept[id] = noted }
            }
        } else {
            keep(id, item, snapshot)
        }
        return item
    }

    /// Keeps what was worked out in a snapshot.
    func keep(_ id: EntryID, _ item: Item, _ snapshot: borrowing Snapshot) {
        guard let commit = snapshot.commitToKeep(of: watch) else { return }
        var item = item
        (item.commit, item.transaction, item.seen) = (commit, 0, 0)
        kept.withLock { kept in
            if kept.count >= Self.limit, kept[id] == nil { kept.removeAll() }
            if kept[id].map({ $0.commit <= commit }) ?? true { kept[id] = item }
        }
    }

    /// Whether a changed entry makes no difference: an account, not the identity's own and none that it stands below, with the same grants
    /// before and after.
    private func isIndifferent(_ id: EntryID, _ item: Item, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
        guard !item.path.contains(id), let record = try snapshot.record(id), let kind = types.kind(record), kind == .account || kind == .resource
        else { return false }
        let table = snapshot.catalogue.table
        for type in listAttributes { if let attribute = table.id(of: type), record.contains(attribute) { return false } }
        let before = item.table.entries[id]
        guard let attribute = table.id(of: grants), record.contains(attribute) else { return before == nil }
        // Where it stands matters if a grant says that it may be moved away.
        guard let before, item.held?.dependsOnPlaces != true else { return false }
        var values = record.values(of: attribute)
        var count = 0
        while let value = values.next() {
            guard count < before.values.count else { return false }
            let known = before.values[count]
            guard value.elementsEqual(known.rawSpan) else { return false }
            count += 1
        }
        return count == before.values.count
    }
}
