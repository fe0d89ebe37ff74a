import BER
import Directory
import EntryStore
import LDAP
import Schema

/// `memberOf`: the names of the groups that an entry is in. Computed, only when it is asked for by name; what it holds is told by
/// ``Membership/memberOf(_:_:_:_:)``, and further groups by the rule of chains.
struct MemberOf: LongVirtualAttribute {
    let membership: Membership

    var types: [AttributeTypeID] { [membership.types.memberOf] }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, budget: inout Int, _ body: (RawSpan, RawSpan) -> Void
    ) throws(EntryStoreError) -> Bool {
        guard let groups = try names(of: type, id, record, snapshot, context, budget: &budget) else { return false }
        var names = NeighbourNames()
        for group in groups {
            guard let record = try snapshot.record(group) else { continue }
            try names.follow(record, snapshot)
            body(record.rdn, names.superior)
        }
        return true
    }

    func names(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: VirtualContext,
        budget: inout Int
    ) throws(EntryStoreError) -> [EntryID]? {
        var effort = Membership.Effort(budget: min(budget, Membership.Effort.unlimited))
        defer { budget = effort.budget }
        let groups = try membership.memberOf(id, snapshot, context, &effort)
        if effort.isSpent { return nil }
        // Nobody learns of a group that he may not see.
        var visibility = context.visibility(snapshot)
        var visible: [EntryID] = []
        for group in groups.sorted() where try visibility.contains(group, snapshot) { visible.append(group) }
        return visible
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        switch item.kind {
        case .present: return .predicate(IsMember(membership: membership, context: context))
        case .equality, .approximate, .extensible:
            return MembershipSet.item(item, membership, context, direct: .entriesOf, chain: .entriesBelow)
        default: return .constant(.undefined)
        }
    }

    /// `(memberOf=*)`.
    private struct IsMember: EntryPredicate {
        let membership: Membership
        let context: VirtualContext

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            var effort = Membership.Effort(budget: Membership.Effort.unlimited)
            guard let groups = try? membership.groups(of: id, snapshot, context, &effort) else { return .undefined }
            var visibility = context.visibility(snapshot)
            for group in groups where (try? visibility.contains(group, snapshot)) ?? false { return .yes }
            return .no
        }

        func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? { nil }

        func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool {
            do { return try membership.cache.index(snapshot, budget: &budget) != nil } catch { return true }
        }
    }
}
