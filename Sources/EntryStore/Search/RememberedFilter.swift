import LDAP
import LMDB
import Synchronization

/// A filter that many searches demand beside their own: where the indexes say exactly which entries of a scope satisfy it, they are remembered
/// as one set as long as nothing is changed.
public final class RememberedFilter: EntryPredicate {
    private struct State {
        var commit = -1
        /// Searches at that commit.
        var asked = 0
        /// Nil: not gathered yet, or not to be had.
        var blocks: [(block: UInt32, set: BlockSet)]?
    }

    private let filter: CompiledFilter
    private let base: EntryID
    private let scope: SearchScope
    private let state = Mutex(State())
    /// So many searches at one commit must ask before gathering pays.
    private static let patience = 8
    /// Sets of more blocks (of 8,192 neighbouring entries) are not gathered: it would take long.
    private static let blockLimit = 64

    /// - Parameters:
    ///   - base: all searches that use it must look below this entry and
    ///   - scope: no further than this.
    public init(_ filter: CompiledFilter, base: EntryID, scope: SearchScope) {
        self.filter = filter
        self.base = base
        self.scope = scope
    }

    public func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        var scratch = FilterScratch()
        return filter.evaluate(id, record, snapshot, scratch: &scratch)
    }

    public func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { filter.prepare(snapshot, budget: &budget) }

    public func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
        if negated { return nil }
        return Candidates(blocks(snapshot).map { .gathered(GatheredEntries(blocks: $0)) } ?? .matching(filter), isExact: true)
    }

    private func blocks(_ snapshot: borrowing Snapshot) -> [(block: UInt32, set: BlockSet)]? {
        guard !snapshot.isUncommitted else { return nil }
        let commit = snapshot.commit
        let (known, isDue) = state.withLock { state in
            if state.commit != commit { state = State(commit: commit) }
            state.asked += 1
            return (state.blocks, state.asked == Self.patience)
        }
        guard isDue, let gathered = try? gather(snapshot) else { return known }
        state.withLock { if $0.commit == commit { $0.blocks = gathered } }
        return gathered
    }

    /// Nil if the indexes do not say it all, or it is too much.
    private func gather(_ snapshot: borrowing Snapshot) throws(LMDBError) -> [(block: UInt32, set: BlockSet)]? {
        var planner = Planner(filter)
        let plan = try planner.plan(base: base, scope: scope, from: EntryID(rawValue: 1), snapshot)
        guard plan.tests.isEmpty else { return nil }
        var gathered: [(block: UInt32, set: BlockSet)] = []
        guard let sets = plan.sets else {
            for id in plan.few {
                if gathered.last?.block != id.block { gathered.append((id.block, BlockSet())) }
                gathered[gathered.count - 1].set.insert(id.offset)
            }
            return gathered
        }
        var set = BlockSet()
        var next: UInt32 = 0
        while let block = try sets.next(from: next, snapshot, into: &set) {
            guard gathered.count < Self.blockLimit else { return nil }
            gathered.append((block, set))
            guard block < .max else { break }
            next = block + 1
        }
        return gathered
    }
}

/// Entries that were gathered beforehand.
public struct GatheredEntries: Sendable {
    /// Ascending.
    let blocks: [(block: UInt32, set: BlockSet)]
}
