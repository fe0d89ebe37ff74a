import BER
public import LDAP
import LMDB

/// A search under way: goes through the entries of a scope that satisfy a filter, in ascending order of their ids.
///
/// It holds no snapshot: it can stop after any entry and go on with another snapshot, days later if need be; entries that come or
/// go meanwhile are seen as the later snapshot has them.
public struct EntrySearch: Sendable {
    public let filter: CompiledFilter
    public let base: EntryID
    public let scope: SearchScope
    /// No entry below this is looked at any more.
    public private(set) var position: EntryID

    private var plan: Plan?
    private var plannedAt = -1
    private var set = BlockSet()
    private var block: UInt32?

    public init(filter: CompiledFilter, base: EntryID, scope: SearchScope, from position: EntryID = EntryID(rawValue: 1)) {
        self.filter = filter
        self.base = base
        self.scope = scope
        self.position = position
    }

    public enum Outcome: Sendable { case finished, stopped, outOfBudget }

    /// Goes on until the search ends, `body` says stop (false), or the budget is used up.
    /// - Parameters:
    ///   - budget: candidates that may be looked at; what is left of it afterwards.
    ///   - body: gets each entry that matches.
    @inline(__always)
    public mutating func run(
        _ snapshot: borrowing Snapshot, budget: inout Int, scratch: inout FilterScratch,
        _ body: (EntryID, borrowing EntryRecord) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) -> Outcome {
        if plan == nil || plannedAt != snapshot.commit {
            do { plan = try Planner.plan(filter, base: base, scope: scope, from: position, snapshot) } catch { throw EntryStoreError(error) }
            plannedAt = snapshot.commit
            block = nil
        }
        let isExact = plan?.isExact ?? false
        while true {
            if block == nil {
                do { block = try plan?.next(from: position.block, snapshot, into: &set) } catch { throw EntryStoreError(error) }
                guard let block else { return .finished }
                if block > position.block { position = EntryID(block: block, offset: 0) }
            }
            guard let current = block else { return .finished }
            while let offset = set.first(from: position.block == current ? position.offset : 0) {
                guard budget > 0 else { return .outOfBudget }
                budget -= 1
                let id = EntryID(block: current, offset: offset)
                position = EntryID(rawValue: id.rawValue + 1)
                if let record = try snapshot.record(id), isExact || filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes {
                    guard try body(id, record) else { return .stopped }
                }
                if position.block != current { break }
            }
            guard current < UInt32.max else { return .finished }
            if position.block == current { position = EntryID(block: current + 1, offset: 0) }
            block = nil
        }
    }
}
