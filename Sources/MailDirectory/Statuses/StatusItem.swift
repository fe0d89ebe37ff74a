import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// A filter item on an effective status.
final class StatusItem: EntryPredicate {
    private let status: EffectiveStatus
    /// The item as it would be on a stored value.
    private let asserted: CompiledFilter
    private let kind: Filter.Kind
    private let kept = Mutex<Memo?>(nil)

    private struct Memo: Sendable {
        var tree = ItemMemo()
        /// What is known of values: there are six.
        var verdicts: [([UInt8], Ternary)] = []
    }

    init(status: EffectiveStatus, kind: Filter.Kind, asserted: CompiledFilter) {
        self.status = status
        self.kind = kind
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
        if let exact = exact(table, snapshot) { return Candidates(negated ? .except(exact) : exact, isExact: true) }
        switch status.kind {
        case .account: return Candidates(accounts(negated: negated, table, snapshot))
        case .mail: return Candidates(recipients(negated: negated, table, snapshot))
        }
    }

    /// Exactly the entries that satisfy the item; nil if that cannot be said.
    private func exact(_ table: InheritanceTable, _ snapshot: borrowing Snapshot) -> CandidateSet? {
        switch status.kind {
        case .account:
            // Statuses that are not known are shown as they are: only of equality it is certain that it does not mean them.
            let wanted = AccountStatus.allCases.filter { test($0.value, snapshot) == .yes }
            guard kind == .equality, !wanted.isEmpty else { return nil }
            return table.accounts(withStatus: wanted, admitsActive: status.rules.admitsActiveInLockedDomains)
        case .mail:
            let (enabled, disabled) = (test(MailStatus.enabled, snapshot) == .yes, test(MailStatus.disabled, snapshot) == .yes)
            if enabled && disabled { return table.recipients }
            return enabled || disabled ? table.recipients(takingMail: enabled) : .union([])
        }
    }

    /// Accounts in domains that leave statuses as they are, by their own status; all that is in other domains; and accounts without a
    /// status that is known.
    private func accounts(negated: Bool, _ table: InheritanceTable, _ snapshot: borrowing Snapshot) -> CandidateSet {
        let everyone = table.accounts
        let restricted = table.restrictedDomains.filter { table.domains[$0]?.status != .active }
        var sets: [CandidateSet]
        if restricted.count > InheritanceTable.domainLimit {
            sets = [everyone]
        } else {
            let wanted = AccountStatus.allCases.filter { (test($0.value, snapshot) == .yes) != negated }
            sets = [
                table.below(restricted),
                .intersection([everyone, .except(.union(table.accountsByStatus))]),
            ]
            sets += wanted.map { table.accountsByStatus[$0.rawValue] }
        }
        if negated { sets.append(.except(everyone)) }
        return .union(sets)
    }

    /// Recipients whose own mail status decides, those in domains that do not accept mail, and accounts that are pending or closed.
    private func recipients(negated: Bool, _ table: InheritanceTable, _ snapshot: borrowing Snapshot) -> CandidateSet {
        let (everyone, enabled) = (table.recipients, table.mailEnabled)
        var sets: [CandidateSet] = []
        if (test(MailStatus.enabled, snapshot) == .yes) != negated { sets.append(enabled) }
        if (test(MailStatus.disabled, snapshot) == .yes) != negated {
            if table.restrictedDomains.count > InheritanceTable.domainLimit {
                sets.append(everyone)
            } else {
                let stopped = [AccountStatus.pending, .closed].map { table.accountsByStatus[$0.rawValue] }
                sets += [
                    .intersection([everyone, .except(enabled)]), table.below(table.restrictedDomains), .ids(table.restrictedDomains),
                ]
                sets += stopped
            }
        }
        if negated { sets.append(.except(everyone)) }
        return .union(sets)
    }
}
