import BER
public import LDAP
import LMDB

/// A search under way: goes through the entries of a scope that satisfy a filter, in ascending order of their ids.
///
/// It holds no snapshot: it can stop after any entry and go on with another snapshot, days later if need be; entries that come or
/// go meanwhile are seen as the later snapshot has them.
///
/// It can be used for one search after the other, and keeps its memory (``begin(base:scope:from:)``).
public struct EntrySearch: ~Copyable {
    private var planner: Planner
    public private(set) var base: EntryID
    public private(set) var scope: SearchScope
    /// No entry below this is looked at any more.
    public private(set) var position: EntryID

    /// The commit for which was planned; what follows is the plan.
    private var plannedAt = -1
    private var plan = Planner.Outcome(tests: [])

    public init(filter: CompiledFilter, base: EntryID, scope: SearchScope, from position: EntryID = EntryID(rawValue: 1)) {
        planner = Planner(filter)
        self.base = base
        self.scope = scope
        self.position = position
    }

    /// What entries must satisfy. To be changed only before ``begin(base:scope:from:)``.
    public var filter: CompiledFilter {
        _read { yield planner.filter }
        _modify { yield &planner.filter }
    }

    /// Whether certain entries are gone through, in an order of their own; ``position`` is then a place among them.
    private var isListed = false

    /// Begins another search, for what ``filter`` now holds.
    public mutating func begin(base: EntryID, scope: SearchScope, from position: EntryID = EntryID(rawValue: 1)) {
        isListed = false
        self.base = base
        self.scope = scope
        self.position = position
        plannedAt = -1
    }

    /// Has certain entries gone through in the order given, as far as they satisfy ``filter`` (and whatever their place in the tree).
    public mutating func begin(list: [EntryID]) {
        isListed = true
        position = EntryID(rawValue: 0)
        plan = Planner.Outcome(few: list, tests: [0])
        plannedAt = -1
    }

    /// The entries that can satisfy the search, as a set.
    public mutating func candidates(_ snapshot: borrowing Snapshot) throws(EntryStoreError) -> CandidateBlocks {
        try makePlan(snapshot, mayRecall: false)
        var blocks = CandidateBlocks(isExact: plan.tests.isEmpty)
        guard let sets = plan.sets else {
            for id in plan.few { blocks.insert(id) }
            return blocks
        }
        var set = BlockSet()
        var wanted: UInt32 = 0
        do {
            while let block = try sets.next(from: wanted, snapshot, into: &set) {
                blocks.append(set, block)
                guard block < UInt32.max else { break }
                wanted = block + 1
            }
        } catch { throw EntryStoreError(error) }
        // The sets have been read to their end.
        plannedAt = -1
        return blocks
    }

    /// Lets go of the sets of an ended search, which may be large.
    public mutating func trim() {
        plan.sets = nil
        if plan.few.capacity > 4096 { plan.few = [] }
    }

    /// Lets the filter's virtual items work out what they need, if that takes no more than a bounded effort.
    /// - Returns: false if it takes more: ``run(_:budget:scratch:_:)`` will spend it.
    public func prepare(_ snapshot: borrowing Snapshot, budget: Int) -> Bool {
        var budget = budget
        return plannedAt == snapshot.commit || planner.filter.prepare(snapshot, budget: &budget)
    }

    /// Has the last entry looked at looked at again.
    public mutating func stepBack() {
        if position > EntryID(rawValue: 0) { position = EntryID(rawValue: position.rawValue - 1) }
    }

    public enum Outcome: Sendable { case finished, stopped, outOfBudget }

    /// Goes on until the search ends, `body` says stop (false), or the budget is used up.
    /// - Parameters:
    ///   - budget: candidates that may be looked at; what is left of it afterwards.
    ///   - body: gets each entry that matches.
    public mutating func run(
        _ snapshot: borrowing Snapshot, budget: inout Int, scratch: inout FilterScratch,
        _ body: (EntryID, borrowing EntryRecord) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) -> Outcome {
        if isListed { return try runList(snapshot, &budget, &scratch, body) }
        if plannedAt != snapshot.commit { try makePlan(snapshot) }
        if let sets = plan.sets { return try run(sets, snapshot, &budget, &scratch, body) }
        let isCertain = plan.tests.isEmpty
        // By index: the list is this search's own, and `body` may take long.
        for index in plan.few.indices {
            let id = plan.few[index]
            if id < position { continue }
            guard budget > 0 else { return .outOfBudget }
            budget -= 1
            let before = position
            position = EntryID(rawValue: id.rawValue + 1)
            if let record = try snapshot.record(id) {
                if !plan.isRecalled || planner.filter.evaluate(planner.recalled, id, record, snapshot, scratch: &scratch) {
                    if isCertain || planner.filter.evaluate(plan.tests, id, record, snapshot, scratch: &scratch) {
                        guard try body(id, record) else { return .stopped }
                    }
                    continue
                }
            } else if !plan.isRecalled {
                continue
            }
            // The entry does not have what it was recalled for.
            position = before
            try makePlan(snapshot, mayRecall: false)
            return try run(snapshot, budget: &budget, scratch: &scratch, body)
        }
        return .finished
    }

    private mutating func runList(
        _ snapshot: borrowing Snapshot, _ budget: inout Int, _ scratch: inout FilterScratch,
        _ body: (EntryID, borrowing EntryRecord) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) -> Outcome {
        while Int(position.rawValue) < plan.few.count {
            guard budget > 0 else { return .outOfBudget }
            budget -= 1
            let id = plan.few[Int(position.rawValue)]
            position = EntryID(rawValue: position.rawValue + 1)
            if let record = try snapshot.record(id), planner.filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes {
                guard try body(id, record) else { return .stopped }
            }
        }
        return .finished
    }

    private mutating func makePlan(_ snapshot: borrowing Snapshot, mayRecall: Bool = true) throws(EntryStoreError) {
        do {
            plan = try planner.plan(base: base, scope: scope, from: position, mayRecall: mayRecall, snapshot)
        } catch { throw EntryStoreError(error) }
        if snapshot.hasPending, scope != .baseObject { try correctPlan(snapshot) }
        plannedAt = snapshot.commit
    }

    /// In a write transaction, whose sets are not right of some entries: of these, those that satisfy the search are gone through.
    private mutating func correctPlan(_ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        let doubtful = snapshot.pending.ordered
        snapshot.pending.noteTest()
        var members: [EntryID] = []
        var scratch = FilterScratch()
        for id in doubtful where id >= position {
            guard let record = try snapshot.record(id), try isInScope(id, record.parent, snapshot) else { continue }
            if planner.filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes { members.append(id) }
        }
        if let sets = plan.sets {
            plan.sets = sets.replacing(doubtful, by: members)
        } else {
            let others = Set(doubtful)
            plan.few = (plan.few.filter { !others.contains($0) } + members).sorted()
        }
    }

    private borrowing func isInScope(_ id: EntryID, _ parent: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
        switch scope {
        case .baseObject: id == base
        case .singleLevel: parent == base
        case .wholeSubtree: try snapshot.isInSubtree(id, of: base)
        case .subordinateSubtree: id == base ? false : try snapshot.isInSubtree(id, of: base)
        }
    }

    private mutating func run(
        _ sets: Plan, _ snapshot: borrowing Snapshot, _ budget: inout Int, _ scratch: inout FilterScratch,
        _ body: (EntryID, borrowing EntryRecord) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) -> Outcome {
        var set = BlockSet()
        let isCertain = plan.tests.isEmpty
        while true {
            let next: UInt32?
            do { next = try sets.next(from: position.block, snapshot, into: &set) } catch { throw EntryStoreError(error) }
            guard let block = next else { return .finished }
            if block > position.block { position = EntryID(block: block, offset: 0) }
            var from = position.offset
            let words = set.words.span
            while let offset = BlockSet.first(in: words, from: from) {
                guard budget > 0 else { return .outOfBudget }
                budget -= 1
                let id = EntryID(block: block, offset: offset)
                from = offset + 1
                position = EntryID(rawValue: id.rawValue + 1)
                if let record = try snapshot.record(id),
                    isCertain || planner.filter.evaluate(plan.tests, id, record, snapshot, scratch: &scratch)
                {
                    guard try body(id, record) else { return .stopped }
                }
            }
            guard block < UInt32.max else { return .finished }
            position = EntryID(block: block + 1, offset: 0)
        }
    }
}
