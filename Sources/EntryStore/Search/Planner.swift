import BER
import LDAP
import LMDB
import Schema

/// Turns a compiled filter and a scope into a ``Plan``: index sets for what has an index, nothing for the rest.
///
/// Sets are looked at as they are planned (one descent of the tree each), so that the smallest can lead; when it is very small
/// the others are left unread, because testing its members is cheaper.
///
/// It holds the filter that it plans, and keeps its memory from one filter to the next.
struct Planner: ~Copyable {
    /// The filter; while a predicate's sets are planned, the one they name.
    var filter: CompiledFilter
    /// The sets of the plan that is being made.
    var leaves: [Leaf] = []
    /// The key of a set.
    var scratch: [UInt8] = []
    /// The first block of interest.
    var start: UInt32 = 0

    /// Whether no other set could narrow one down, so that more than few members are better named than kept as a set.
    var isPlain = false

    /// Whether ``FoundValues`` may be asked.
    var mayRecall = false
    /// The items that it knew, as places in the filter.
    var recalled: [Int] = []

    /// Fewer candidates than this are tested at once instead of reading more sets.
    static let few = 24
    /// As many are named when the filter is plain.
    static let many = 512

    /// What is known of a part of the filter.
    struct Part: Sendable {
        var node: Plan.Node
        /// Members of the set are exactly the entries for which the item is true.
        var isExact: Bool
        /// About how many members; `.max` for no restriction.
        var estimate: Int
        /// All members, ascending, when they are few: no set is needed then.
        var ids: [EntryID]?
        /// Of an `and`: its children that the set does not say all about, as places in the filter. Nil: the whole item, unless exact.
        var untested: [Int]?

        static let all = Part(node: .all, isExact: false, estimate: .max)
        static let none = Part(node: .none, isExact: true, estimate: 0, ids: [])
    }

    /// How the entries are to be gone through: these few, ascending, or those of a plan; and which parts of the filter, as places of
    /// its nodes, must be true of each (none: the sets say it all).
    struct Outcome {
        var few: [EntryID] = []
        var sets: Plan?
        var tests: [Int]
        /// Whether it is remembered that ``Planner/recalled`` lead to the one entry of ``few``. If one of them is not true of it, another plan must
        /// be made.
        var isRecalled = false
    }

    init(_ filter: CompiledFilter) {
        self.filter = filter
        scratch.reserveCapacity(128)
    }

    /// - Parameters:
    ///   - from: ids below it are not of interest.
    ///   - mayRecall: whether the outcome may be from memory, to be verified.
    mutating func plan(
        base: EntryID, scope: SearchScope, from: EntryID, mayRecall: Bool = false, _ snapshot: borrowing Snapshot
    ) throws(LMDBError) -> Outcome {
        self.mayRecall = mayRecall && !snapshot.isUncommitted
        if !recalled.isEmpty { recalled.removeAll(keepingCapacity: true) }
        var outcome = try plan(base, scope, from, snapshot)
        if recalled.isEmpty { return outcome }
        if outcome.few.count == 1 {
            outcome.isRecalled = true
            return outcome
        }
        // Which of several entries is whose would have to be verified: the indexes know.
        return try plan(base: base, scope: scope, from: from, snapshot)
    }

    private mutating func plan(
        _ base: EntryID, _ scope: SearchScope, _ from: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LMDBError) -> Outcome {
        // One entry: no index is worth a look.
        if scope == .baseObject { return Outcome(few: base == .root ? [] : [base], tests: [0]) }
        if !leaves.isEmpty { leaves.removeAll(keepingCapacity: true) }
        start = from.block
        let isWholeTree = base == .root && scope != .singleLevel
        isPlain = isWholeTree && filter.nodes.allSatisfy { $0.kind == .equality || $0.kind == .or }
        var part = try part(0, snapshot)
        if case .all = part.node {} else if part.node.isOpen { part = .all }
        let tests = part.isExact ? [] : part.untested ?? [0]
        if let ids = part.ids {
            return Outcome(few: isWholeTree ? ids : try within(base, scope, ids, snapshot), tests: tests)
        }
        if isWholeTree {
            // First the part, which adds a leaf to the planner, then what is made of all leaves.
            if case .all = part.node { part = try self.scope(.descendants, .root, snapshot) }
            return outcome(part, tests)
        }
        var scopePart = try self.scope(scope == .singleLevel ? .children : .descendants, base, snapshot)
        if scope == .wholeSubtree {
            if let ids = scopePart.ids {
                scopePart.ids = ([base] + ids).sorted()
            } else {
                let itself = add([base])
                scopePart = Part(node: .or([itself, scopePart.node]), isExact: true, estimate: scopePart.estimate)
            }
        }
        // Few entries in the scope: the whole filter is tested on them.
        if scopePart.ids != nil { return outcome(scopePart, [0]) }
        if case .all = part.node { return outcome(scopePart, tests) }
        let nodes = part.estimate <= scopePart.estimate ? [part.node, scopePart.node] : [scopePart.node, part.node]
        return Outcome(sets: sets(.and(nodes)), tests: tests)
    }

    private mutating func outcome(_ part: Part, _ tests: [Int]) -> Outcome {
        if let ids = part.ids { return Outcome(few: ids, tests: tests) }
        return Outcome(sets: sets(part.node), tests: tests)
    }

    /// Hands the leaves over: the plan changes them, and must be their only owner.
    private mutating func sets(_ root: Plan.Node) -> Plan {
        var given: [Leaf] = []
        swap(&given, &leaves)
        return Plan(root: root, leaves: given)
    }

    /// Those of a few entries that are in a scope.
    private mutating func within(
        _ base: EntryID, _ scope: SearchScope, _ ids: [EntryID], _ snapshot: borrowing Snapshot
    ) throws(LMDBError) -> [EntryID] {
        let kind: IndexKey.Kind = scope == .singleLevel ? .children : .descendants
        var kept: [EntryID] = []
        for id in ids {
            if id == base {
                if scope == .wholeSubtree { kept.append(id) }
                continue
            }
            scratch.removeAll(keepingCapacity: true)
            IndexKey.appendScope(kind, base, to: &scratch)
            scratch.appendBigEndian(id.block)
            if let container = try snapshot.transaction.get(scratch.rawSpan, in: snapshot.store.databases.indexes),
                Container.contains(container, id.offset)
            {
                kept.append(id)
            }
        }
        return kept
    }

    // MARK: Leaves

    /// A leaf of known ids, ascending.
    mutating func add(_ ids: [EntryID]) -> Plan.Node {
        guard let leaf = Leaf(ids: ids) else { return .none }
        leaves.append(leaf)
        return .leaf(leaves.count - 1)
    }

    /// The node of a part; makes a set of its ids if it has none.
    mutating func node(_ part: Part) -> Plan.Node {
        guard let ids = part.ids else { return part.node }
        return add(ids)
    }

    /// The set of the index whose key is in ``scratch``, looked at.
    mutating func leaf(isExact: Bool = true, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        let count = scratch.count
        scratch.appendBigEndian(start)
        let indexes = snapshot.store.databases.indexes
        guard let pair = try snapshot.transaction.seek(scratch.rawSpan, in: indexes), pair.key.byteCount == count + 4,
            pair.key.starts(with: scratch.rawSpan.extracting(0..<count)), let block = pair.key.bigEndian32(count)
        else { return .none }
        var ids: [EntryID] = []
        let container = pair.value
        let limit = isPlain ? Self.many : Self.few
        if Container.members(container, block: block, atMost: limit, into: &ids) {
            // A short list in its first block: is it all?
            var follows = try snapshot.transaction.next(in: indexes)
            while let more = follows, more.key.starts(with: scratch.rawSpan.extracting(0..<count)) {
                guard isPlain, let block = more.key.bigEndian32(count), more.key.byteCount == count + 4,
                    Container.members(more.value, block: block, atMost: limit - ids.count, into: &ids)
                else { break }
                follows = try snapshot.transaction.next(in: indexes)
            }
            if follows?.key.starts(with: scratch.rawSpan.extracting(0..<count)) != true {
                return Part(node: .none, isExact: isExact, estimate: ids.count, ids: ids)
            }
        }
        leaves.append(Leaf(key: Array(scratch[0..<count]), block: block, container: container))
        return Part(node: .leaf(leaves.count - 1), isExact: isExact, estimate: max(Container.count(container), 1) * 16)
    }

    mutating func scope(_ kind: IndexKey.Kind, _ id: EntryID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        scratch.removeAll(keepingCapacity: true)
        IndexKey.appendScope(kind, id, to: &scratch)
        return try leaf(snapshot)
    }

    // MARK: The filter

    mutating func part(_ index: Int, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        let node = filter.nodes[index]
        switch node.kind {
        case .and: return try and(index, node, snapshot)
        case .or: return try or(index, node, snapshot)
        case .constantNo, .constantUndefined: return .none
        case .constantYes: return Part(node: .all, isExact: true, estimate: .max)
        case .predicate:
            return try predicate(node, negated: false, snapshot)
        case .equality: return try forEachAttribute(node, .equality, snapshot) { planner, attribute, snapshot throws(LMDBError) in
            let (bytes, kinds) = (planner.filter.bytes, planner.kinds(of: attribute))
            planner.scratch.removeAll(keepingCapacity: true)
            let isExact = IndexKey.append(attribute, bytes.rawSpan.slice(node.value), kinds, to: &planner.scratch)
            return try planner.equality(index, isExact: isExact, snapshot)
        }
        case .present: return try forEachAttribute(node, .presence, snapshot) { planner, attribute, snapshot throws(LMDBError) in
            planner.scratch.removeAll(keepingCapacity: true)
            IndexKey.appendPresence(attribute, to: &planner.scratch)
            return try planner.leaf(snapshot)
        }
        case .substrings: return try forEachAttribute(node, .substring, snapshot) { planner, attribute, snapshot throws(LMDBError) in
            try planner.substrings(index, attribute, snapshot)
        }
        case .greaterOrEqual, .lessOrEqual: return try forEachAttribute(node, .equality, snapshot) {
            planner, attribute, snapshot throws(LMDBError) in
            try planner.range(node, attribute, snapshot)
        }
        case .not: return try not(index, snapshot)
        case .less, .bitAnd, .bitOr, .word, .nameScope, .nameValue, .components, .initial, .any, .final: return .all
        }
    }

    private mutating func and(_ index: Int, _ node: CompiledFilter.Node, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var parts: [Part] = []
        var excluded: [Plan.Node] = []
        var untested: [Int] = []
        var child = index + 1
        while child < node.end {
            let part = try part(child, snapshot)
            if !part.isExact { untested.append(child) }
            if let ids = part.ids {
                // So few that the rest of the filter is tested on them.
                if ids.isEmpty { return .none }
                var rest: [Int] = []
                var other = index + 1
                while other < node.end {
                    if other != child || !part.isExact { rest.append(other) }
                    other = Int(filter.nodes[other].end)
                }
                return Part(node: .none, isExact: rest.isEmpty, estimate: ids.count, ids: ids, untested: rest)
            }
            child = Int(filter.nodes[child].end)
            if case .all = part.node { continue }
            if part.node.isOpen { excluded.append(part.node) } else { parts.append(part) }
        }
        let isExact = untested.isEmpty
        guard !parts.isEmpty else {
            // Nothing that restricts: what is excluded is tested.
            return Part(node: .all, isExact: isExact && excluded.isEmpty, estimate: .max, untested: excluded.isEmpty ? untested : nil)
        }
        parts.sort { $0.estimate < $1.estimate }
        let nodes = parts.map(\.node) + excluded
        return Part(node: nodes.count == 1 ? nodes[0] : .and(nodes), isExact: isExact, estimate: parts[0].estimate, untested: untested)
    }

    private mutating func or(_ index: Int, _ node: CompiledFilter.Node, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var parts: [Part] = []
        var ids: [EntryID] = []
        var isExact = true
        var child = index + 1
        while child < node.end {
            let part = try part(child, snapshot)
            child = Int(filter.nodes[child].end)
            if case .all = part.node { return Part(node: .all, isExact: part.isExact, estimate: .max) }
            guard let few = part.ids else {
                parts.append(part)
                continue
            }
            if few.isEmpty { continue }
            if !part.isExact { isExact = false }
            if ids.isEmpty { ids = few } else if few.count == 1 { ids.insert(ascending: few[0]) } else { ids += few }
        }
        return union(sets: parts, ids, isExact: isExact)
    }

    /// Items that are true or false of every entry, never Undefined: only of these is the complement of a set the negation.
    private func isTwoValued(_ index: Int) -> Bool {
        for node in filter.nodes[index..<Int(filter.nodes[index].end)] {
            switch node.kind {
            case .constantUndefined, .nameValue, .components: return false
            case .predicate: if !filter.predicates[Int(node.predicate)].isTwoValued { return false }
            default: break
            }
        }
        return true
    }

    private mutating func not(_ index: Int, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        guard isTwoValued(index) else { return .all }
        let inner = filter.nodes[index + 1]
        if inner.kind == .predicate { return try predicate(inner, negated: true, snapshot) }
        return complement(try part(index + 1, snapshot))
    }

    /// All entries that are not members of a set; no restriction unless the set is exact.
    mutating func complement(_ part: Part) -> Part {
        guard part.isExact else { return .all }
        if case .not(let inner) = part.node { return Part(node: inner, isExact: true, estimate: .max) }
        if case .all = part.node { return .none }
        if part.ids?.isEmpty == true { return Part(node: .all, isExact: true, estimate: .max) }
        return Part(node: .not(node(part)), isExact: true, estimate: .max)
    }
}

extension [EntryID] {
    /// Puts one where it belongs, unless it is there; where the others are not in order, anywhere.
    fileprivate mutating func insert(ascending id: EntryID) {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) >> 1
            if self[middle] < id { low = middle + 1 } else { high = middle }
        }
        if low == count || self[low] != id { insert(id, at: low) }
    }
}
