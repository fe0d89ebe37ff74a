import BER
import Directory
import EntryStore
import LDAP
import Schema
import Synchronization

/// `zimbraCOSId` of accounts: the id of the class of service that rule 2.6 finds, whether the account names it or not. An id that no class
/// of service has is not shown.
struct EffectiveClassOfService: VirtualAttribute {
    let tree: MailTree
    var types: [AttributeTypeID] { [tree.types.classOfServiceID.type] }
    var isInStoredView: Bool { false }

    func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        tree.types.account.matches(record)
    }

    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { tree.isReady(snapshot, budget: &budget) }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        let table = try tree.table(snapshot)
        // Named by the account itself: nothing is computed.
        guard table.ownClassOfService(record) == nil,
            case .account(_, let classID, _, _) = try tree.lineage(id, record, snapshot), !classID.isEmpty
        else { return }
        body(classID.rawSpan)
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        let own = item.onStored(context.catalogue)
        if own.isUndefined { return .constant(.undefined) }
        return .predicate(Item(tree: tree, own: own, ofClass: item.onStored(context.catalogue, type: tree.types.id.type)))
    }

    /// A filter item on the effective `zimbraCOSId`.
    final class Item: EntryPredicate {
        private let tree: MailTree
        /// The item on the stored attribute, for what is not an account; and on the class of service's own id.
        private let own: CompiledFilter
        private let ofClass: CompiledFilter
        private let kept = Mutex<ItemMemo?>(nil)

        init(tree: MailTree, own: CompiledFilter, ofClass: CompiledFilter) {
            self.tree = tree
            self.own = own
            self.ofClass = ofClass
        }

        var isTwoValued: Bool { true }

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            guard tree.types.account.matches(record) else {
                var scratch = FilterScratch()
                return Ternary(own.evaluate(id, record, snapshot, scratch: &scratch) == .yes)
            }
            var memo = kept.withLock { $0.take() } ?? ItemMemo()
            let result = (try? effective(record, snapshot, &memo)) ?? .no
            kept.withLock { $0 = memo }
            return result
        }

        private func effective(
            _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ memo: inout ItemMemo
        ) throws(EntryStoreError) -> Ternary {
            let table = try memo.prepare(tree, snapshot)
            var place = table.ownClassOfService(record)
            if place == nil {
                try memo.visit(record.parent, table, snapshot)
                place = table.defaultClassOfService(record, in: memo.domain)
            }
            guard let place else { return .no }
            return try memo.verdict(of: place) { () throws(EntryStoreError) in
                try self.verdict(of: table.classes[place].entry, snapshot)
            }
        }

        private func verdict(of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Ternary {
            guard let record = try snapshot.record(id) else { return .no }
            var scratch = FilterScratch()
            return Ternary(ofClass.evaluate(id, record, snapshot, scratch: &scratch) == .yes)
        }

        func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { tree.isReady(snapshot, budget: &budget) }

        func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
            guard let table = try? tree.table(snapshot) else { return nil }
            var wanted: [Bool] = []
            for known in table.classes {
                guard let verdict = try? verdict(of: known.entry, snapshot) else { return nil }
                wanted.append((verdict == .yes) != negated)
            }
            let accounts = table.accounts(ofClasses: wanted, none: negated, snapshot)
            if negated { return Candidates(.union([accounts, .except(table.accounts)])) }
            // Of entries that are no accounts the stored value counts.
            return Candidates(.union([accounts, .intersection([.matching(own), .except(table.accounts)])]))
        }
    }
}
