import BER
import LDAP
import LMDB
import Schema

/// Turns a compiled filter and a scope into a ``Plan``: index sets for what has an index, nothing for the rest.
///
/// Sets are looked at as they are planned (one descent of the tree each), so that the smallest can lead; when it is very small
/// the others are left unread, because testing its members is cheaper.
struct Planner {
    private let filter: CompiledFilter
    private var leaves: [Leaf] = []
    private var scratch: [UInt8] = []
    /// The first block of interest.
    private let start: UInt32

    /// Fewer candidates than this are tested at once instead of reading more sets.
    private static let few = 24
    /// More keys than this in a range of values make it useless as a set.
    private static let rangeLimit = 20_000
    /// Pieces of one substring part that are looked up.
    private static let pieceLimit = 8

    /// What is known of a part of the filter.
    private struct Part {
        var node: Plan.Node
        /// Members of the set are exactly the entries for which the item is true.
        var isExact: Bool
        /// About how many members; `.max` for no restriction.
        var estimate: Int

        static let all = Part(node: .all, isExact: false, estimate: .max)
        static let none = Part(node: .none, isExact: true, estimate: 0)
    }

    private init(_ filter: CompiledFilter, _ start: UInt32) {
        self.filter = filter
        self.start = start
    }

    /// - Parameter from: ids below it are not of interest.
    static func plan(
        _ filter: CompiledFilter, base: EntryID, scope: SearchScope, from: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LMDBError) -> Plan {
        var planner = Planner(filter, from.block)
        var scopePart: Part?
        switch scope {
        case .baseObject:
            scopePart = planner.add(Leaf(ids: base == .root ? [] : [base]), estimate: 1)
        case .singleLevel:
            scopePart = try planner.scope(.children, base, snapshot)
        case .subordinateSubtree, .wholeSubtree:
            if base != .root {
                let below = try planner.scope(.descendants, base, snapshot)
                if scope == .wholeSubtree {
                    let itself = planner.add(Leaf(ids: [base]), estimate: 1)
                    scopePart = Part(node: .or([itself.node, below.node]), isExact: true, estimate: below.estimate + 1)
                } else {
                    scopePart = below
                }
            }
        }
        // One entry: no index is worth a look.
        if scope == .baseObject, let scopePart { return Plan(root: scopePart.node, leaves: planner.leaves, isExact: false) }

        let part = try planner.part(0, snapshot)
        var root = part.node
        if let scopePart {
            if case .all = part.node {
                root = scopePart.node
            } else {
                root = part.estimate <= scopePart.estimate ? .and([part.node, scopePart.node]) : .and([scopePart.node, part.node])
            }
        } else if case .all = part.node {
            root = try planner.scope(.descendants, .root, snapshot).node
        }
        return Plan(root: root, leaves: planner.leaves, isExact: part.isExact)
    }

    // MARK: Leaves

    private mutating func add(_ leaf: Leaf, estimate: Int) -> Part {
        leaves.append(leaf)
        return Part(node: .leaf(leaves.count - 1), isExact: true, estimate: estimate)
    }

    /// A set of the index, looked at.
    private mutating func leaf(_ key: [UInt8], isExact: Bool = true, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var leaf = Leaf(key: key)
        guard try leaf.seek(start, snapshot, &scratch) != nil else { return .none }
        var estimate = leaf.firstCount
        if estimate <= Self.few * 4, try !leaf.isLast(snapshot) { estimate *= 16 }
        else if estimate > Self.few * 4 { estimate *= 16 }
        leaves.append(leaf)
        return Part(node: .leaf(leaves.count - 1), isExact: isExact, estimate: estimate)
    }

    private mutating func scope(_ kind: IndexKey.Kind, _ id: EntryID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var key: [UInt8] = []
        IndexKey.appendScope(kind, id, to: &key)
        return try leaf(key, snapshot)
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
            guard let ids = filter.predicates[Int(node.predicate)].candidates(snapshot) else { return .all }
            var part = add(Leaf(ids: ids), estimate: ids.count)
            part.isExact = false
            return part
        case .equality: return try forEachAttribute(node, .equality, snapshot) { planner, attribute, snapshot throws(LMDBError) in
            var key: [UInt8] = []
            key.reserveCapacity(8 + Int(node.value.count))
            let whole = IndexKey.appendValue(attribute, planner.filter.bytes.rawSpan.slice(node.value), to: &key)
            return try planner.leaf(key, isExact: whole, snapshot)
        }
        case .present: return try forEachAttribute(node, .presence, snapshot) { planner, attribute, snapshot throws(LMDBError) in
            var key: [UInt8] = []
            IndexKey.appendPresence(attribute, to: &key)
            return try planner.leaf(key, snapshot)
        }
        case .substrings: return try forEachAttribute(node, .substring, snapshot) { planner, attribute, snapshot throws(LMDBError) in
            try planner.substrings(index, attribute, snapshot)
        }
        case .greaterOrEqual, .lessOrEqual: return try forEachAttribute(node, .equality, snapshot) {
            planner, attribute, snapshot throws(LMDBError) in
            try planner.range(node, attribute, snapshot)
        }
        case .not, .bitAnd, .bitOr, .nameScope, .nameValue, .initial, .any, .final: return .all
        }
    }

    private mutating func and(_ index: Int, _ node: CompiledFilter.Node, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var parts: [Part] = []
        var isExact = true
        var child = index + 1
        while child < node.end {
            let part = try part(child, snapshot)
            child = Int(filter.nodes[child].end)
            if case .none = part.node { return .none }
            if !part.isExact { isExact = false }
            if case .all = part.node { continue }
            parts.append(part)
            if part.estimate <= Self.few {
                // So few that the rest of the filter is tested on them. The rest may still say that nothing matches.
                return Part(node: part.node, isExact: isExact && child >= node.end && parts.count == 1, estimate: part.estimate)
            }
        }
        guard !parts.isEmpty else { return Part(node: .all, isExact: isExact, estimate: .max) }
        if parts.count == 1 { return Part(node: parts[0].node, isExact: isExact, estimate: parts[0].estimate) }
        parts.sort { $0.estimate < $1.estimate }
        return Part(node: .and(parts.map(\.node)), isExact: isExact, estimate: parts[0].estimate)
    }

    private mutating func or(_ index: Int, _ node: CompiledFilter.Node, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var nodes: [Plan.Node] = []
        var isExact = true
        var estimate = 0
        var child = index + 1
        while child < node.end {
            let part = try part(child, snapshot)
            child = Int(filter.nodes[child].end)
            if case .all = part.node { return Part(node: .all, isExact: part.isExact, estimate: .max) }
            if case .none = part.node { continue }
            if !part.isExact { isExact = false }
            estimate = estimate.addingReportingOverflow(part.estimate).overflow ? .max - 1 : estimate + part.estimate
            nodes.append(part.node)
        }
        switch nodes.count {
        case 0: return .none
        case 1: return Part(node: nodes[0], isExact: isExact, estimate: estimate)
        default: return Part(node: .or(nodes), isExact: isExact, estimate: estimate)
        }
    }

    /// The union over the attribute types that an item concerns (a type, its subtypes), each once, if all of them are indexed.
    private mutating func forEachAttribute(
        _ node: CompiledFilter.Node, _ kind: IndexDefinition.Kinds, _ snapshot: borrowing Snapshot,
        _ body: (inout Planner, AttributeID, borrowing Snapshot) throws(LMDBError) -> Part
    ) throws(LMDBError) -> Part {
        let table = filter.catalogue.table
        // All values of a type are indexed under the number of the bare type, whatever their options.
        var bare: AttributeID?
        var others: [AttributeID] = []
        var isExact = true
        for place in Int(node.firstAttribute)..<Int(node.firstAttribute + node.attributeCount) {
            let id = filter.attributes[place]
            guard let description = table[id], let type = description.type, filter.catalogue.usable.kinds(of: type).contains(kind),
                let key = table.id(of: type)
            else { return .all }
            if kind != .presence {
                // The index is built by the type's own rule: an item by another rule cannot use it.
                let own = kind == .substring ? filter.catalogue.schema[type].substring : filter.catalogue.schema[type].equality
                let isOrdering = node.kind == .greaterOrEqual || node.kind == .lessOrEqual
                guard own == node.rule || isOrdering && own?.sharesCanonicalForm(with: node.rule) == true else { return .all }
            }
            if !description.options.isEmpty { isExact = false }
            if bare == nil { bare = key } else if bare != key, !others.contains(key) { others.append(key) }
        }
        guard let bare else { return .none }
        var part = try body(&self, bare, snapshot)
        if !isExact { part.isExact = false }
        guard !others.isEmpty else { return part }
        var nodes: [Plan.Node] = []
        if case .none = part.node {} else { nodes.append(part.node) }
        for other in others {
            let more = try body(&self, other, snapshot)
            if case .all = more.node { return .all }
            if case .none = more.node { continue }
            nodes.append(more.node)
            part.isExact = part.isExact && more.isExact
            part.estimate += more.estimate
        }
        if nodes.isEmpty { return .none }
        part.node = nodes.count == 1 ? nodes[0] : .or(nodes)
        return part
    }

    /// Entries whose values have all the pieces of a substring item, and those with a value too long to have been cut up.
    private mutating func substrings(_ index: Int, _ attribute: AttributeID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        let filter = self.filter
        var parts: [Part] = []
        var isExact = filter.nodes[index].end == index + 2
        lookUp: for place in (index + 1)..<Int(filter.nodes[index].end) {
            let node = filter.nodes[place]
            let piece = filter.bytes.rawSpan.slice(node.value)
            let count = piece.byteCount
            guard count > 0 else { continue }
            // Each piece of three octets; a shorter part has a key of its own. Evenly chosen when there are many.
            let length = min(3, count)
            let places = count - length + 1
            let step = max(1, (places + Self.pieceLimit - 1) / Self.pieceLimit)
            if count > 3 || node.kind == .final { isExact = false }
            var start = 0
            while start < places {
                var key: [UInt8] = []
                let kind: IndexKey.Kind = node.kind == .initial && start == 0 ? .beginning : .piece
                IndexKey.appendPiece(attribute, kind, piece.slice(ByteRange(start: start, count: length)), to: &key)
                let part = try leaf(key, snapshot)
                parts.append(part)
                if part.estimate <= Self.few {
                    isExact = isExact && parts.count == 1 && places == 1
                    break lookUp
                }
                start += step
            }
        }
        guard !parts.isEmpty else { return .all }
        parts.sort { $0.estimate < $1.estimate }
        var result: Part
        if case .none = parts[0].node {
            result = .none
        } else if parts[0].estimate <= Self.few || parts.count == 1 {
            result = Part(node: parts[0].node, isExact: isExact, estimate: parts[0].estimate)
        } else {
            result = Part(node: .and(parts.map(\.node)), isExact: isExact, estimate: parts[0].estimate)
        }
        var key: [UInt8] = []
        IndexKeys.appendOverlong(attribute, to: &key)
        let overlong = try leaf(key, isExact: false, snapshot)
        if case .none = overlong.node { return result }
        if case .none = result.node { return overlong }
        return Part(node: .or([result.node, overlong.node]), isExact: false, estimate: result.estimate + overlong.estimate)
    }

    /// All values from or up to the assertion, gathered into one set.
    private mutating func range(_ node: CompiledFilter.Node, _ attribute: AttributeID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var prefix: [UInt8] = []
        IndexKey.begin(attribute, .value, &prefix)
        var bound: [UInt8] = []
        _ = IndexKey.appendValue(attribute, filter.bytes.rawSpan.slice(node.value), to: &bound)
        let isUp = node.kind == .greaterOrEqual
        let indexes = snapshot.store.databases.indexes
        var blocks: [UInt32: BlockSet] = [:]
        var keys = 0
        let first = isUp ? bound : prefix
        var pair = try snapshot.transaction.seek(first.rawSpan, in: indexes)
        while let current = pair, current.key.starts(with: prefix.rawSpan) {
            let valueKey = current.key.extracting(0..<max(0, current.key.byteCount - 4))
            if !isUp, bound.rawSpan.precedes(valueKey), !valueKey.elementsEqual(bound.rawSpan) { break }
            keys += 1
            if keys > Self.rangeLimit { return .all }
            if let block = current.key.bigEndian32(current.key.byteCount - 4), block >= start {
                Container.decode(current.value, into: &blocks[block, default: BlockSet()])
            }
            pair = try snapshot.transaction.next(in: indexes)
        }
        guard !blocks.isEmpty else { return .none }
        let gathered = blocks.sorted { $0.key < $1.key }.map { (block: $0.key, set: $0.value) }
        let count = gathered.reduce(0) { $0 + $1.set.count }
        // Values that were cut for their key are tested again.
        var part = add(Leaf(gathered: gathered), estimate: count)
        part.isExact = false
        return part
    }
}
