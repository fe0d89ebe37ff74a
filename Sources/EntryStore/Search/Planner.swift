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
    private var leaves: [Leaf] = []
    private var scratch: [UInt8] = []
    /// The first block of interest.
    private var start: UInt32 = 0

    /// Whether no other set could narrow one down, so that more than few members are better named than kept as a set.
    private var isPlain = false

    /// Whether ``FoundValues`` may be asked.
    private var mayRecall = false
    private var recalled: [Int] = []

    /// Fewer candidates than this are tested at once instead of reading more sets.
    private static let few = 24
    /// As many are named when the filter is plain.
    private static let many = 512
    /// More keys than this in a range of values make it useless as a set.
    private static let rangeLimit = 20_000
    /// Values of a range that are sets of their own.
    private static let rangeLeafLimit = 64
    /// Pieces of one substring part that are looked up.
    private static let pieceLimit = 8

    /// What is known of a part of the filter.
    private struct Part: Sendable {
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
        /// Items of which is remembered that they lead to the one entry of ``few``. If one of them is not true of it, another plan must be made.
        var recalled: [Int] = []
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
            outcome.recalled = recalled
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
    private mutating func add(_ ids: [EntryID]) -> Plan.Node {
        guard let leaf = Leaf(ids: ids) else { return .none }
        leaves.append(leaf)
        return .leaf(leaves.count - 1)
    }

    /// The node of a part; makes a set of its ids if it has none.
    private mutating func node(_ part: Part) -> Plan.Node {
        guard let ids = part.ids else { return part.node }
        return add(ids)
    }

    /// The set of the index whose key is in ``scratch``, looked at.
    private mutating func leaf(isExact: Bool = true, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
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

    /// The set of the value whose key is in ``scratch``, or what is remembered of it.
    private mutating func equality(_ index: Int, isExact: Bool, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        let filters = snapshot.store.filters
        if filters.excludes(scratch.rawSpan, at: snapshot.commit) { return .none }
        let found = mayRecall ? snapshot.store.found : nil
        let finding = found?.look(KeyTable.hash(scratch.rawSpan), at: snapshot.commit)
        if let entry = finding?.entry {
            recalled.append(index)
            return Part(node: .none, isExact: isExact, estimate: 1, ids: [entry])
        }
        let count = scratch.count
        let part = try leaf(isExact: isExact, snapshot)
        if part.estimate == 0 { filters.noteVain(scratch.rawSpan.extracting(0..<count)) }
        if let found, let finding, let ids = part.ids, ids.count == 1, start == 0 { found.note(ids[0], at: snapshot.commit, finding) }
        return part
    }

    private mutating func scope(_ kind: IndexKey.Kind, _ id: EntryID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        scratch.removeAll(keepingCapacity: true)
        IndexKey.appendScope(kind, id, to: &scratch)
        return try leaf(snapshot)
    }

    // MARK: The filter

    private mutating func part(_ index: Int, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        let node = filter.nodes[index]
        switch node.kind {
        case .and: return try and(index, node, snapshot)
        case .or: return try or(index, node, snapshot)
        case .constantNo, .constantUndefined: return .none
        case .constantYes: return Part(node: .all, isExact: true, estimate: .max)
        case .predicate:
            return try predicate(node, negated: false, snapshot)
        case .equality: return try forEachAttribute(node, .equality, snapshot) { planner, attribute, snapshot throws(LMDBError) in
            let bytes = planner.filter.bytes
            planner.scratch.removeAll(keepingCapacity: true)
            let whole = IndexKey.appendValue(attribute, bytes.rawSpan.slice(node.value), to: &planner.scratch)
            return try planner.equality(index, isExact: whole, snapshot)
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
    private mutating func complement(_ part: Part) -> Part {
        guard part.isExact else { return .all }
        if case .not(let inner) = part.node { return Part(node: inner, isExact: true, estimate: .max) }
        if case .all = part.node { return .none }
        if part.ids?.isEmpty == true { return Part(node: .all, isExact: true, estimate: .max) }
        return Part(node: .not(node(part)), isExact: true, estimate: .max)
    }

    // MARK: Predicates

    /// What can satisfy (or fail) a predicate; exact only if it says so.
    private mutating func predicate(
        _ node: CompiledFilter.Node, negated: Bool, _ snapshot: borrowing Snapshot
    ) throws(LMDBError) -> Part {
        guard let candidates = filter.predicates[Int(node.predicate)].sets(negated: negated, snapshot) else { return .all }
        var part = try part(candidates.set, snapshot)
        if !candidates.isExact { part.isExact = false }
        if !part.isExact { part.untested = nil }
        return part
    }

    private mutating func part(_ set: CandidateSet, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        switch set {
        case .ids(let ids):
            if ids.count <= Self.few { return Part(node: .none, isExact: true, estimate: ids.count, ids: ids) }
            return Part(node: add(ids), isExact: true, estimate: ids.count)
        case .gathered(let entries):
            guard let leaf = Leaf(gathered: entries.blocks) else { return .none }
            leaves.append(leaf)
            return Part(node: .leaf(leaves.count - 1), isExact: true, estimate: leaf.set.count * entries.blocks.count)
        case .matching(let other):
            let (outer, mayRecallOuter) = (filter, mayRecall)
            filter = other
            // What is recalled is told by its place in the outer one.
            mayRecall = false
            defer { (filter, mayRecall) = (outer, mayRecallOuter) }
            var part = try part(0, snapshot)
            part.untested = nil
            return part
        case .directlyBelow(let id): return try scope(.children, id, snapshot)
        case .below(let id): return try scope(.descendants, id, snapshot)
        case .except(let inner): return complement(try part(inner, snapshot))
        case .union(let sets):
            var parts: [Part] = []
            for set in sets {
                let part = try part(set, snapshot)
                if case .all = part.node { return Part(node: .all, isExact: part.isExact, estimate: .max) }
                parts.append(part)
            }
            return union(parts)
        case .intersection(let sets): return try intersection(sets, snapshot)
        }
    }

    private mutating func intersection(_ sets: [CandidateSet], _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var parts: [Part] = []
        var isExact = true
        for set in sets {
            var part = try part(set, snapshot)
            if part.ids?.isEmpty == true { return .none }
            if part.ids != nil {
                // So few that the rest is not worth a look.
                part.isExact = part.isExact && sets.count == 1
                return part
            }
            if !part.isExact { isExact = false }
            if case .all = part.node { continue }
            parts.append(part)
        }
        guard !parts.isEmpty else { return Part(node: .all, isExact: isExact, estimate: .max) }
        // What restricts comes first.
        parts.sort { $0.node.isOpen != $1.node.isOpen ? $1.node.isOpen : $0.estimate < $1.estimate }
        return Part(node: parts.count == 1 ? parts[0].node : .and(parts.map(\.node)), isExact: isExact, estimate: parts[0].estimate)
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

    /// What satisfies any of several parts, none of which is without restriction.
    private mutating func union(_ parts: [Part]) -> Part {
        var ids: [EntryID] = []
        var isExact = true
        var sets: [Part] = []
        for part in parts {
            guard let more = part.ids else {
                sets.append(part)
                continue
            }
            if more.isEmpty { continue }
            if !part.isExact { isExact = false }
            ids += more
        }
        return union(sets: sets, ids, isExact: isExact)
    }

    /// What is in any of some sets or among ids, which may be in any order and twice.
    /// - Parameter isExact: whether the item is true of all ids.
    private mutating func union(sets: [Part], _ some: [EntryID], isExact isExactOfIDs: Bool) -> Part {
        var ids = some
        if !ids.isAscending {
            ids.sort()
            var count = 1
            for index in 1..<ids.count where ids[index] != ids[count - 1] {
                ids[count] = ids[index]
                count += 1
            }
            ids.removeLast(ids.count - count)
        }
        if sets.isEmpty {
            if ids.isEmpty { return .none }
            if ids.count <= (isPlain ? Self.many : Self.few) * 2 { return Part(node: .none, isExact: isExactOfIDs, estimate: ids.count, ids: ids) }
        }
        var nodes: [Plan.Node] = []
        var isExact = isExactOfIDs
        var estimate = ids.count
        for part in sets {
            nodes.append(part.node)
            if !part.isExact { isExact = false }
            estimate = estimate.addingReportingOverflow(part.estimate).overflow ? .max - 1 : estimate + part.estimate
        }
        if !ids.isEmpty { nodes.append(add(ids)) }
        return Part(node: nodes.count == 1 ? nodes[0] : .or(nodes), isExact: isExact, estimate: estimate)
    }

    /// The union over the attribute types that an item concerns (a type, its subtypes), each once, if all of them are indexed.
    private mutating func forEachAttribute(
        _ node: CompiledFilter.Node, _ kind: IndexDefinition.Kinds, _ snapshot: borrowing Snapshot,
        _ body: (inout Self, AttributeID, borrowing Snapshot) throws(LMDBError) -> Part
    ) throws(LMDBError) -> Part {
        let table = filter.catalogue.table
        // All values of a type are indexed under the number of the bare type, whatever their options.
        var bare: AttributeID?
        var others: [AttributeID] = []
        var isExact = true
        for place in Int(node.firstAttribute)..<Int(node.firstAttribute + node.attributeCount) {
            let id = filter.attributes[place]
            guard let type = table.type(of: id), filter.catalogue.usable.kinds(of: type).contains(kind), let key = table.id(of: type)
            else { return .all }
            if kind != .presence {
                // The index is built by the type's own rule: an item by another rule cannot use it.
                let own = kind == .substring ? filter.catalogue.schema[type].substring : filter.catalogue.schema[type].equality
                let isOrdering = node.kind == .greaterOrEqual || node.kind == .lessOrEqual
                guard own == node.rule || isOrdering && own?.sharesCanonicalForm(with: node.rule) == true else { return .all }
            }
            // A description with options: others of its type are in the set too.
            if key != id { isExact = false }
            if bare == nil { bare = key } else if bare != key, !others.contains(key) { others.append(key) }
        }
        guard let bare else { return .none }
        var part = try body(&self, bare, snapshot)
        if !isExact { part.isExact = false }
        guard !others.isEmpty else { return part }
        var parts = [part]
        for other in others {
            let more = try body(&self, other, snapshot)
            if case .all = more.node { return .all }
            parts.append(more)
        }
        return union(parts)
    }

    /// Entries whose values have all the pieces of a substring item, and those with a value too long to have been cut up.
    private mutating func substrings(_ index: Int, _ attribute: AttributeID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var parts: [Part] = []
        var isExact = filter.nodes[index].end == index + 2
        lookUp: for place in (index + 1)..<Int(filter.nodes[index].end) {
            let node = filter.nodes[place]
            let bytes = filter.bytes
            let piece = bytes.rawSpan.slice(node.value)
            let count = piece.byteCount
            guard count > 0 else { continue }
            // Each piece of three octets; a shorter part has a key of its own. Evenly chosen when there are many.
            let length = min(3, count)
            let places = count - length + 1
            let step = max(1, (places + Self.pieceLimit - 1) / Self.pieceLimit)
            if count > 3 || node.kind == .final { isExact = false }
            var start = 0
            while start < places {
                let kind: IndexKey.Kind = node.kind == .initial && start == 0 ? .beginning : .piece
                scratch.removeAll(keepingCapacity: true)
                IndexKey.appendPiece(attribute, kind, piece.slice(ByteRange(start: start, count: length)), to: &scratch)
                let part = try leaf(snapshot)
                parts.append(part)
                if part.ids != nil {
                    isExact = isExact && parts.count == 1 && places == 1
                    break lookUp
                }
                start += step
            }
        }
        guard !parts.isEmpty else { return .all }
        let result: Part
        if let few = parts.last, few.ids != nil {
            result = Part(node: .none, isExact: isExact || few.ids?.isEmpty == true, estimate: few.estimate, ids: few.ids)
        } else if parts.count == 1 {
            result = Part(node: parts[0].node, isExact: isExact, estimate: parts[0].estimate)
        } else {
            parts.sort { $0.estimate < $1.estimate }
            result = Part(node: .and(parts.map(\.node)), isExact: isExact, estimate: parts[0].estimate)
        }
        scratch.removeAll(keepingCapacity: true)
        IndexKeys.appendOverlong(attribute, to: &scratch)
        let overlong = try leaf(isExact: false, snapshot)
        return overlong.ids?.isEmpty == true ? result : union([result, overlong])
    }

    /// All values from or up to the assertion. Those that many entries have are read block by block like any other set, those of few
    /// are gathered into one.
    private mutating func range(_ node: CompiledFilter.Node, _ attribute: AttributeID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var prefix: [UInt8] = []
        IndexKey.begin(attribute, .value, &prefix)
        var bound: [UInt8] = []
        _ = IndexKey.appendValue(attribute, filter.bytes.rawSpan.slice(node.value), to: &bound)
        let isUp = node.kind == .greaterOrEqual
        let indexes = snapshot.store.databases.indexes
        var parts: [Part] = []
        var blocks: [UInt32: BlockSet] = [:]
        var keys = 0
        var isExact = true
        let first = isUp ? bound : prefix
        var pair = try snapshot.transaction.seek(first.rawSpan, in: indexes)
        while let current = pair, current.key.starts(with: prefix.rawSpan) {
            let value = current.key.extracting(0..<max(0, current.key.byteCount - 4))
            if !isUp, bound.rawSpan.precedes(value), !value.elementsEqual(bound.rawSpan) { break }
            keys += 1
            // Values that were cut for their key are tested again.
            if value.byteCount > IndexKey.valueLimit { isExact = false }
            if keys > Self.rangeLimit { return .all }
            let container = current.value
            let block = current.key.bigEndian32(value.byteCount)
            let next = try snapshot.transaction.next(in: indexes)
            if parts.count < Self.rangeLeafLimit, let next, next.key.byteCount == value.byteCount + 4, next.key.starts(with: value) {
                scratch.removeAll(keepingCapacity: true)
                scratch.append(value)
                let part = try leaf(snapshot)
                if let ids = part.ids {
                    for id in ids { blocks[id.block, default: BlockSet()].insert(id.offset) }
                } else {
                    parts.append(part)
                }
                // On to the next value: no key of this one is behind.
                scratch.removeLast(4)
                scratch.append(contentsOf: repeatElement(0xff, count: 4))
                pair = try snapshot.transaction.seek(scratch.rawSpan, in: indexes)
                continue
            }
            if let block, block >= start { Container.decode(container, into: &blocks[block, default: BlockSet()]) }
            pair = next
        }
        let gathered = blocks.sorted { $0.key < $1.key }.map { (block: $0.key, set: $0.value) }
        if let leaf = Leaf(gathered: gathered) {
            leaves.append(leaf)
            parts.append(Part(node: .leaf(leaves.count - 1), isExact: true, estimate: gathered.reduce(0) { $0 + $1.set.count }))
        }
        if parts.isEmpty { return .none }
        var part = parts.count == 1 ? parts[0] : union(parts)
        if !isExact { part.isExact = false }
        return part
    }
}

extension [EntryID] {
    /// Whether each is above the one before.
    fileprivate var isAscending: Bool {
        for index in indices.dropFirst() where self[index] <= self[index - 1] { return false }
        return true
    }

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
