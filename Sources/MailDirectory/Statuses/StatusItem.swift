import BER
import EntryStore
import Schema
import Synchronization

/// A filter item on an effective status.
final class StatusItem: EntryPredicate {
    private let status: EffectiveStatus
    /// The item as it would be on a stored value.
    private let asserted: CompiledFilter
    private let kept = Mutex<Memo?>(nil)

    private struct Memo: Sendable {
        var tree = ItemMemo()
        /// What is known of values: there are six.
        var verdicts: [([UInt8], Ternary)] = []
    }

    init(status: EffectiveStatus, asserted: CompiledFilter) {
        self.status = status
        self.asserted = asserted
    }

    var isTwoValued: Bool { true }

    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        var memo = kept.withLock { $0.take() } ?? Memo()
        let result = (try? evaluate(id, record, snapshot, &memo)) ?? .no
        kept.withLock { $0 = memo }
        return result
    }

    private func evaluate(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ memo: inout Memo
    ) throws(EntryStoreError) -> Ternary {
        let table = try memo.tree.prepare(status.rules.tree, snapshot)
        try memo.tree.visit(record.parent, table, snapshot)
        guard let value = status.value(id, record, domain: memo.tree.domain, table) else { return .no }
        if let known = memo.verdicts.first(where: { $0.0 == value }) { return known.1 }
        let verdict = test(value, snapshot)
        if memo.verdicts.count < 16 { memo.verdicts.append((value, verdict)) }
        return verdict
    }

    /// Whether a value satisfies the item: it is put into an entry of its own and tested there.
    private func test(_ value: [UInt8], _ snapshot: borrowing Snapshot) -> Ternary {
        guard let attribute = snapshot.catalogue.table.id(of: status.type) else { return .no }
        var entry = Entry()
        entry[attribute] = [value]
        let bytes = entry.record(parent: .root, rdn: [], flags: [])
        guard let record = EntryRecord(bytes.rawSpan) else { return .no }
        var scratch = FilterScratch()
        return Ternary(asserted.evaluate(.root, record, snapshot, scratch: &scratch) == .yes)
    }

    // MARK: Sets

    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { status.rules.tree.isReady(snapshot, budget: &budget) }

    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
        guard let table = try? status.rules.tree.table(snapshot) else { return nil }
        switch status.kind {
        case .account: return Candidates(accounts(negated: negated, table, snapshot))
        case .mail: return Candidates(recipients(negated: negated, table, snapshot))
        }
    }

    /// Accounts in domains that leave statuses as they are, by their own status; all that is in other domains; and accounts without a
    /// status that is known.
    private func accounts(negated: Bool, _ table: InheritanceTable, _ snapshot: borrowing Snapshot) -> CandidateSet {
        let catalogue = snapshot.catalogue
        let types = status.rules.tree.types
        let everyone = table.accounts
        let restricted = table.restrictedDomains.filter { table.domains[$0]?.status != .active }
        var sets: [CandidateSet]
        if restricted.count > InheritanceTable.domainLimit {
            sets = [everyone]
        } else {
            let wanted = AccountStatus.allCases.map(\.value).filter { (test($0, snapshot) == .yes) != negated }
            sets = [
                table.below(restricted),
                .intersection([
                    everyone, .except(.matching(StoredItems.equal(types.accountStatus.type, toAnyOf: AccountStatus.allCases.map(\.value), catalogue))),
                ]),
            ]
            if !wanted.isEmpty { sets.append(.matching(StoredItems.equal(types.accountStatus.type, toAnyOf: wanted, catalogue))) }
        }
        if negated { sets.append(.except(everyone)) }
        return .union(sets)
    }

    /// Recipients whose own mail status decides, those in domains that do not accept mail, and accounts that are pending or closed.
    private func recipients(negated: Bool, _ table: InheritanceTable, _ snapshot: borrowing Snapshot) -> CandidateSet {
        let catalogue = snapshot.catalogue
        let types = status.rules.tree.types
        let everyone = CandidateSet.matching(types.recipient.filter(catalogue))
        let enabled = CandidateSet.matching(StoredItems.equal(types.mailStatus.type, toAnyOf: [MailStatus.enabled], catalogue))
        var sets: [CandidateSet] = []
        if (test(MailStatus.enabled, snapshot) == .yes) != negated { sets.append(enabled) }
        if (test(MailStatus.disabled, snapshot) == .yes) != negated {
            if table.restrictedDomains.count > InheritanceTable.domainLimit {
                sets.append(everyone)
            } else {
                let stopped = [AccountStatus.pending, .closed].map(\.value)
                sets += [
                    .intersection([everyone, .except(enabled)]), table.below(table.restrictedDomains), .ids(table.restrictedDomains),
                    .matching(StoredItems.equal(types.accountStatus.type, toAnyOf: stopped, catalogue)),
                ]
            }
        }
        if negated { sets.append(.except(everyone)) }
        return .union(sets)
    }
}
