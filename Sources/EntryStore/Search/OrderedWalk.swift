import BER
import LMDB
public import Schema

/// Goes through members of a set of entries in the order of the values of an attribute, by its equality index: without looking at
/// entries that come later, and without sorting anything.
///
/// An entry with several values stands where its least one does; entries without a value stand after all others, or before them in
/// reverse order (RFC 2891 section 1.1); among equals the order is that of their numbers. Values too long for a key
/// (``IndexKey/valueLimit``) are told apart by their beginnings only.
public struct OrderedWalk: Sendable {
    /// How far the walk has come.
    public enum Position: Sendable, Hashable {
        /// Among entries with a value: after an entry, under a key.
        case value(key: [UInt8], after: EntryID)
        /// Among entries without one.
        case missing(after: EntryID)
        case end
    }

    /// An entry on the way, and where it stands.
    public struct Step: Sendable {
        public let id: EntryID
        /// Place of its key among the keys of the same call; -1: it has no value.
        let key: Int
    }

    /// The attribute: the bare type, whose index holds all its values, and every number of it that an entry can have.
    private let attribute: AttributeID
    private let ids: [AttributeID]
    private let rule: MatchingRule
    private let isReversed: Bool
    private let prefix: [UInt8]
    public private(set) var position: Position
    public let members: CandidateBlocks
    private var keys: [[UInt8]] = []
    private var scratch: [UInt8] = []

    /// Whether an index serves for an order.
    /// - Parameter rule: an ordering rule, or the equality rule whose canonical form orders values.
    public static func serves(_ type: AttributeTypeID, by rule: MatchingRule, _ catalogue: Catalogue) -> Bool {
        guard catalogue.usable.kinds(of: type).contains(.equality), catalogue.table.id(of: type) != nil,
            let own = catalogue.schema[type].equality
        else { return false }
        return own.sharesCanonicalForm(with: rule) && catalogue.schema.subtypes(of: type).count == 1
    }

    /// Nil if there is no such index.
    public init?(
        _ type: AttributeTypeID, by rule: MatchingRule, reversed: Bool, members: CandidateBlocks, from position: Position? = nil,
        _ catalogue: Catalogue
    ) {
        guard Self.serves(type, by: rule, catalogue), let attribute = catalogue.table.id(of: type) else { return nil }
        self.attribute = attribute
        var ids: [AttributeID] = []
        catalogue.table.appendIDs(matching: type, options: [], to: &ids)
        self.ids = ids
        self.rule = rule
        isReversed = reversed
        self.members = members
        var prefix: [UInt8] = []
        IndexKey.begin(attribute, .value, &prefix)
        self.prefix = prefix
        self.position = position ?? Self.start(reversed)
    }

    /// Where a walk begins.
    private static func start(_ reversed: Bool) -> Position { reversed ? .missing(after: .root) : .value(key: [], after: .root) }

    /// Where the walk was after a step of the last call.
    public func position(after step: Step) -> Position {
        step.key < 0 || step.key >= keys.count ? .missing(after: step.id) : .value(key: keys[step.key], after: step.id)
    }

    /// Whether a step of the last call is not before a value, in the direction of the walk.
    public func isAtOrAfter(_ step: Step, _ canonical: RawSpan) -> Bool {
        guard step.key >= 0, step.key < keys.count else { return !isReversed }
        var key: [UInt8] = []
        IndexKey.appendValue(attribute, canonical, to: &key)
        let own = keys[step.key]
        return isReversed ? !key.rawSpan.precedes(own.rawSpan) : !own.rawSpan.precedes(key.rawSpan)
    }

    /// Takes some more members in order; none are left if fewer than the limit come (or none at all).
    ///
    /// They are taken in one go: what tests them may read the index for purposes of its own.
    public mutating func next(
        _ limit: Int, _ snapshot: borrowing Snapshot, into steps: inout [Step]
    ) throws(EntryStoreError) {
        steps.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        while steps.count < limit {
            switch position {
            case .value:
                if isReversed { try takeBackwards(limit, snapshot, &steps) } else { try takeForwards(limit, snapshot, &steps) }
                if steps.count < limit { position = isReversed ? .end : .missing(after: .root) }
            case .missing(let last):
                try takeMissing(after: last, limit, snapshot, &steps)
                if steps.count < limit {
                    // Before the first of all in reverse order: a key above all others.
                    position = isReversed ? .value(key: [], after: EntryID(rawValue: .max)) : .end
                }
            case .end: return
            }
        }
    }

    private mutating func takeMissing(
        after last: EntryID, _ limit: Int, _ snapshot: borrowing Snapshot, _ steps: inout [Step]
    ) throws(EntryStoreError) {
        var id = last
        while steps.count < limit, let next = members.first(from: EntryID(rawValue: id.rawValue &+ 1)) {
            id = next
            position = .missing(after: id)
            if let record = try snapshot.record(id), !ids.contains(where: { record.contains($0) }) { steps.append(Step(id: id, key: -1)) }
        }
    }

    private mutating func takeForwards(_ limit: Int, _ snapshot: borrowing Snapshot, _ steps: inout [Step]) throws(EntryStoreError) {
        guard case .value(let startKey, let startID) = position else { return }
        let indexes = snapshot.store.databases.indexes
        var start = startKey.isEmpty ? prefix : startKey
        if !startKey.isEmpty { start.appendBigEndian(startID.block) }
        var current: [UInt8] = []
        do {
            var pair = try snapshot.transaction.seek(start.rawSpan, in: indexes)
            while let found = pair, found.key.starts(with: prefix.rawSpan), let block = found.key.bigEndian32(found.key.byteCount - 4) {
                let key = found.key.extracting(0..<found.key.byteCount - 4)
                if !current.rawSpan.elementsEqual(key) { current = key.array }
                try take(found.value, block, current, after: current == startKey ? startID : .root, limit, snapshot, &steps)
                if steps.count >= limit { return }
                pair = try snapshot.transaction.next(in: indexes)
            }
        } catch { throw Self.storage(error) }
    }

    private mutating func takeBackwards(_ limit: Int, _ snapshot: borrowing Snapshot, _ steps: inout [Step]) throws(EntryStoreError) {
        guard case .value(let startKey, let startID) = position else { return }
        let indexes = snapshot.store.databases.indexes
        var key: [UInt8]?
        var after = EntryID.root
        do {
            if startKey.isEmpty {
                // The next kind of key follows all values.
                var bound = prefix
                bound[bound.count - 1] += 1
                if try snapshot.transaction.seek(bound.rawSpan, in: indexes) != nil {
                    key = try valueKey(snapshot.transaction.previous(in: indexes))
                } else {
                    key = try valueKey(snapshot.transaction.last(in: indexes))
                }
            } else {
                key = startKey
                after = startID
            }
            while let current = key {
                // The blocks of one value in ascending order.
                var first = current
                first.appendBigEndian(after.block)
                var pair = try snapshot.transaction.seek(first.rawSpan, in: indexes)
                while let found = pair, found.key.byteCount == current.count + 4, found.key.starts(with: current.rawSpan),
                    let block = found.key.bigEndian32(current.count)
                {
                    try take(found.value, block, current, after: after, limit, snapshot, &steps)
                    if steps.count >= limit { return }
                    pair = try snapshot.transaction.next(in: indexes)
                }
                after = .root
                first = current
                first.appendBigEndian(UInt32(0))
                if try snapshot.transaction.seek(first.rawSpan, in: indexes) != nil {
                    key = try valueKey(snapshot.transaction.previous(in: indexes))
                } else {
                    key = try valueKey(snapshot.transaction.last(in: indexes))
                }
            }
        } catch { throw Self.storage(error) }
    }

    /// The key of a value without its block; nil if the pair is none of the attribute's.
    private func valueKey(_ pair: KeyValue?) -> [UInt8]? {
        guard let pair, pair.key.starts(with: prefix.rawSpan), pair.key.byteCount > prefix.count + 4 else { return nil }
        return pair.key.extracting(0..<pair.key.byteCount - 4).array
    }

    /// Takes the members of a block under a key.
    private mutating func take(
        _ container: RawSpan, _ block: UInt32, _ key: [UInt8], after last: EntryID, _ limit: Int, _ snapshot: borrowing Snapshot,
        _ steps: inout [Step]
    ) throws(EntryStoreError) {
        var set = BlockSet()
        Container.decode(container, into: &set)
        guard members.intersect(&set, block) else { return }
        var offset = last.block == block && last != .root ? last.offset + 1 : 0
        while let member = set.first(from: offset) {
            offset = member + 1
            let id = EntryID(block: block, offset: member)
            position = .value(key: key, after: id)
            guard try isLeast(key, of: id, snapshot) else { continue }
            if keys.last != key { keys.append(key) }
            steps.append(Step(id: id, key: keys.count - 1))
            if steps.count >= limit { return }
        }
    }

    /// Whether no other value of an entry comes before that of a key.
    private mutating func isLeast(_ key: [UInt8], of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
        guard let record = try snapshot.record(id) else { return false }
        var count = 0
        for attribute in ids {
            var values = record.values(of: attribute)
            while values.next() != nil { count += 1 }
        }
        if count <= 1 { return true }
        var other: [UInt8] = []
        for attribute in ids {
            var values = record.values(of: attribute)
            while let value = values.next() {
                scratch.removeAll(keepingCapacity: true)
                guard snapshot.schema.normalize(value, by: rule, into: &scratch) else { continue }
                other.removeAll(keepingCapacity: true)
                IndexKey.appendValue(self.attribute, scratch.rawSpan, to: &other)
                if other.rawSpan.precedes(key.rawSpan) { return false }
            }
        }
        return true
    }

    private static func storage(_ error: any Error) -> EntryStoreError {
        if let error = error as? EntryStoreError { return error }
        if let error = error as? LMDBError { return EntryStoreError(error) }
        return EntryStoreError(.storage, "\(error)")
    }
}
