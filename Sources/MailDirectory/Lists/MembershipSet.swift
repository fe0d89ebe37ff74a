import BER
import Directory
import EntryStore
import LDAP
import Schema
import Synchronization

/// A filter item that names an entry and asks for those in a certain relation to it, such as `(member=DN)`: a set of entries, worked out
/// once for each snapshot that the search sees, from indexes.
final class MembershipSet: EntryPredicate {
    enum Relation: Sendable {
        /// Groups that have the named entry as `member`.
        case listsOf
        /// Groups above it, however far.
        case listsAbove
        /// Entries whose `memberOf` has the named group.
        case entriesOf
        /// Entries below it, however far.
        case entriesBelow
    }

    private struct Known {
        let commit: Int
        /// Ascending.
        let ids: [EntryID]
    }

    private struct State {
        var known: Known?
        /// Entries asked one by one so far.
        var asked = 0
    }

    private let membership: Membership
    private let context: VirtualContext
    private let relation: Relation
    private let name: DistinguishedName
    private let value: [UInt8]
    private let state = Mutex(State())
    /// After so many entries the whole set is worked out.
    private static let patience = 32

    private init(_ membership: Membership, _ context: VirtualContext, _ relation: Relation, _ name: DistinguishedName, _ value: [UInt8]) {
        self.membership = membership
        self.context = context
        self.relation = relation
        self.name = name
        self.value = value
    }

    /// What an item with a name as its assertion means. What is no name is Undefined, as are rules other than that of names and that of chains.
    static func item(
        _ item: borrowing CompiledFilter.Item, _ membership: Membership, _ context: VirtualContext, direct: Relation, chain: Relation
    ) -> VirtualItem {
        guard item.rule == .distinguishedNameMatch || item.rule == .inChainMatch, let name = try? DistinguishedName(parsing: item.value)
        else { return .constant(.undefined) }
        var canonical: [UInt8] = []
        guard (try? context.catalogue.schema.normalizeDN(name, into: &canonical)) != nil else { return .constant(.undefined) }
        return .predicate(
            MembershipSet(membership, context, item.rule == .inChainMatch ? chain : direct, name, item.value.array))
    }

    var isTwoValued: Bool { true }

    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
        guard let ids = set(snapshot) else { return nil }
        return Candidates(negated ? .except(.ids(ids)) : .ids(ids), isExact: true)
    }

    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool {
        var effort = Membership.Effort(budget: budget)
        defer { budget = effort.budget }
        if known(snapshot) != nil { return true }
        // A failure shows again where it can be told.
        guard let ids = try? find(snapshot, &effort) else { return true }
        guard !effort.isSpent else { return false }
        keep(ids, snapshot)
        return true
    }

    func prepareEvaluation(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool {
        // What goes upwards is short once the lists are known.
        do { return try membership.cache.index(snapshot, budget: &budget) != nil } catch { return true }
    }

    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        if let ids = known(snapshot) { return Ternary(ids.contains(sorted: id)) }
        if relation == .entriesOf || relation == .entriesBelow {
            let asked = state.withLock { state in
                state.asked += 1
                return state.asked
            }
            if asked <= Self.patience {
                // Who is in many groups is seldom; who has many members is not.
                guard let found = try? snapshot.resolve(name), found.isComplete, isVisible(found.id, snapshot) else { return .no }
                var effort = Membership.Effort(budget: Membership.Effort.unlimited)
                let groups =
                    relation == .entriesOf
                    ? try? membership.memberOf(id, snapshot, context, &effort)
                    : try? membership.groupsInChain(of: id, snapshot, context, &effort)
                guard let groups else { return .undefined }
                return Ternary(groups.contains(found.id))
            }
        }
        guard let ids = set(snapshot) else { return .undefined }
        return Ternary(ids.contains(sorted: id))
    }

    private func isVisible(_ id: EntryID, _ snapshot: borrowing Snapshot) -> Bool {
        var visibility = context.visibility(snapshot)
        return (try? visibility.contains(id, snapshot)) ?? false
    }

    private func known(_ snapshot: borrowing Snapshot) -> [EntryID]? {
        let known = state.withLock { $0.known }
        guard let known, known.commit == snapshot.commit, !snapshot.isUncommitted else { return nil }
        return known.ids
    }

    private func keep(_ ids: [EntryID], _ snapshot: borrowing Snapshot) {
        guard !snapshot.isUncommitted else { return }
        let commit = snapshot.commit
        state.withLock { $0.known = Known(commit: commit, ids: ids) }
    }

    private func set(_ snapshot: borrowing Snapshot) -> [EntryID]? {
        if let ids = known(snapshot) { return ids }
        var effort = Membership.Effort(budget: Membership.Effort.unlimited)
        guard let ids = try? find(snapshot, &effort) else { return nil }
        keep(ids, snapshot)
        return ids
    }

    private func find(_ snapshot: borrowing Snapshot, _ effort: inout Membership.Effort) throws(EntryStoreError) -> [EntryID] {
        let found = try? snapshot.resolve(name)
        let entry = found.flatMap { $0.isComplete ? $0.id : nil }
        // An entry that the client may not be told of is in no list but those that store its name, or find it with their own rights.
        let id = entry.flatMap { isVisible($0, snapshot) ? $0 : nil }
        var all: Set<EntryID>
        switch relation {
        case .listsOf, .listsAbove:
            // Names of members need not be names of entries.
            let value = self.value
            all = Set(try membership.entries(having: [membership.types.member], value.rawSpan, snapshot, context))
            if let id, relation == .listsAbove {
                all.formUnion(try membership.groupsInChain(of: id, snapshot, context, &effort))
                break
            }
            if let entry { all.formUnion(try membership.groups(of: entry, snapshot, context, byAddress: false, &effort)) }
            if relation == .listsAbove {
                for group in all {
                    all.formUnion(try membership.groupsInChain(of: group, snapshot, context, &effort))
                }
            }
        case .entriesOf:
            guard let id else { return [] }
            all = try membership.entries(withMemberOf: id, snapshot, context, &effort)
        case .entriesBelow:
            guard let id else { return [] }
            all = try membership.membersInChain(of: id, snapshot, context, &effort)
        }
        return all.sorted()
    }
}

extension [EntryID] {
    /// Whether an ascending list has a member.
    fileprivate func contains(sorted id: EntryID) -> Bool {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) >> 1
            if self[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == id
    }
}
