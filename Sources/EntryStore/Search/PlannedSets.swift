import LMDB

/// How the sets that predicates name become sets of the plan, and several become one.
extension Planner {
    /// What can satisfy (or fail) a predicate; exact only if it says so.
    mutating func predicate(
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

    /// What satisfies any of several parts, none of which is without restriction.
    mutating func union(_ parts: [Part]) -> Part {
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
    mutating func union(sets: [Part], _ some: [EntryID], isExact isExactOfIDs: Bool) -> Part {
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
}

extension [EntryID] {
    /// Whether each is above the one before.
    fileprivate var isAscending: Bool {
        for index in indices.dropFirst() where self[index] <= self[index - 1] { return false }
        return true
    }
}
