import BER
import LMDB
import Schema

/// How the items of a filter about values become sets of the indexes.
extension Planner {
    /// More keys than this in a range of values make it useless as a set.
    private static let rangeLimit = 20_000
    /// Values of a range that are sets of their own.
    private static let rangeLeafLimit = 64
    /// Pieces of one substring part that are looked up.
    private static let pieceLimit = 8

    /// The union over the attribute types that an item concerns (a type, its subtypes), each once, if all of them are indexed.
    mutating func forEachAttribute(
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
            guard let type = table.type(of: id), let key = table.id(of: type) else { return .all }
            let kinds = filter.catalogue.usable.kinds(of: type)
            guard kind == .equality ? kinds.hasValues : kinds.contains(kind) else { return .all }
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

    /// The indexes that an attribute has.
    func kinds(of attribute: AttributeID) -> IndexDefinition.Kinds {
        filter.catalogue.table.type(of: attribute).map { filter.catalogue.usable.kinds(of: $0) } ?? []
    }

    /// The set of the value whose key is in ``scratch``, or what is remembered of it.
    mutating func equality(_ index: Int, isExact: Bool, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        let knowledge = snapshot.knowledge(of: scratch.rawSpan, recalls: mayRecall)
        if knowledge.isEmpty { return .none }
        if let entry = knowledge.entry {
            recalled.append(index)
            snapshot.fetchAhead(entry)
            return Part(node: .none, isExact: isExact, estimate: 1, ids: [entry])
        }
        let count = scratch.count
        let part = try leaf(isExact: isExact, snapshot)
        if part.estimate == 0 { snapshot.noteEmpty(scratch.rawSpan.extracting(0..<count)) }
        if let ids = part.ids, ids.count == 1, start == 0 { snapshot.note(ids[0], aloneBeyond: knowledge) }
        return part
    }

    /// Entries whose values have all the pieces of a substring item, and those with a value too long to have been cut up.
    mutating func substrings(_ index: Int, _ attribute: AttributeID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
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
    mutating func range(_ node: CompiledFilter.Node, _ attribute: AttributeID, _ snapshot: borrowing Snapshot) throws(LMDBError) -> Part {
        var prefix: [UInt8] = []
        IndexKey.begin(attribute, .value, &prefix)
        var bound: [UInt8] = []
        var isExact = IndexKey.append(attribute, filter.bytes.rawSpan.slice(node.value), kinds(of: attribute), to: &bound)
        let isUp = node.kind == .greaterOrEqual
        let indexes = snapshot.store.databases.indexes
        var parts: [Part] = []
        var blocks: [UInt32: BlockSet] = [:]
        var keys = 0
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
