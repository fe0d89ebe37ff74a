import BER
import Directory
import EntryStore
import LDAP
import Schema

/// `memberOf`: the names of the groups that an entry is in. Computed, only when it is asked for by name; what it holds is told by
/// ``Membership/memberOf(_:_:_:_:)``, and further groups by the rule of chains.
struct MemberOf: VirtualAttribute {
    let membership: Membership

    var types: [AttributeTypeID] { [membership.types.memberOf] }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        var effort = Membership.Effort(budget: Membership.Effort.unlimited)
        var group: [UInt8] = []
        var visibility = context.visibility(snapshot)
        for id in try membership.memberOf(id, snapshot, context, &effort).sorted() where try visibility.contains(id, snapshot) {
            group.removeAll(keepingCapacity: true)
            try snapshot.appendName(of: id, to: &group)
            body(group.rawSpan)
        }
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
    }
}
