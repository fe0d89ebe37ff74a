import BER
import LMDB

/// Changes of index sets, gathered and then applied in key order. The same for one operation and for a bulk load.
struct IndexBatch {
    private(set) var keys = KeyTable()
    private var numbers: [UInt32] = []
    /// Entry ids; the top bit marks a removal.
    private var ids: [UInt64] = []
    /// Per key, the last id added: repeated pieces of one entry's values are logged once.
    private var lastAdded: [UInt64] = []
    private static let removal: UInt64 = 1 << 63

    var count: Int { ids.count }
    /// About how much memory the batch takes, in bytes.
    var memory: Int { keys.byteCount + keys.count * 40 + ids.count * 12 }

    mutating func add(_ id: EntryID, to key: RawSpan) {
        let number = keys.insert(key)
        if number == lastAdded.count {
            lastAdded.append(id.rawValue)
        } else if lastAdded[number] == id.rawValue {
            return
        } else {
            lastAdded[number] = id.rawValue
        }
        numbers.append(UInt32(truncatingIfNeeded: number))
        ids.append(id.rawValue)
    }

    mutating func remove(_ id: EntryID, from key: RawSpan) {
        let number = keys.insert(key)
        if number == lastAdded.count { lastAdded.append(.max) } else { lastAdded[number] = .max }
        numbers.append(UInt32(truncatingIfNeeded: number))
        ids.append(id.rawValue | Self.removal)
    }

    /// The last entry that this batch added to a key.
    func lastAdded(to key: RawSpan) -> EntryID? {
        guard let number = keys.find(key), lastAdded[number] != .max else { return nil }
        return EntryID(rawValue: lastAdded[number])
    }

    mutating func removeAll() { self = IndexBatch() }

    /// Writes all changes. `fresh`: the database is empty, so that pairs can be appended without looking.
    func apply(to transaction: inout Transaction, database: Database, fresh: Bool = false) throws(LMDBError) {
        var value: [UInt8] = []
        try forEachBlock { pair, change throws(LMDBError) in
            var set = BlockSet()
            var existed = false
            if !fresh, let stored = try transaction.get(pair, in: database) {
                Container.decode(stored, into: &set)
                existed = true
            }
            change(&set)
            if set.isEmpty {
                if existed { try transaction.delete(pair, in: database) }
            } else {
                value.removeAll(keepingCapacity: true)
                Container.encode(set, into: &value)
                try transaction.put(pair, value.rawSpan, in: database, append: fresh)
            }
        }
    }

    /// Calls `body` with each pair of key and block that changes, in the order of the database's keys, and with the change of its set.
    func forEachBlock(_ body: (RawSpan, (inout BlockSet) -> Void) throws(LMDBError) -> Void) throws(LMDBError) {
        guard !ids.isEmpty else { return }
        // Gather each key's changes, in their order, by counting.
        var starts = [Int](repeating: 0, count: keys.count + 1)
        for number in numbers { starts[Int(number) + 1] += 1 }
        for index in 1...keys.count { starts[index] += starts[index - 1] }
        var places = starts
        var changes = [UInt64](repeating: 0, count: ids.count)
        for (number, id) in zip(numbers, ids) {
            changes[places[Int(number)]] = id
            places[Int(number)] += 1
        }
        var pair: [UInt8] = []
        for number in keys.sorted() {
            let range = starts[number]..<starts[number + 1]
            var blocks: [UInt32] = []
            var ascending = true
            for index in range {
                let block = EntryID(rawValue: changes[index] & ~Self.removal).block
                if let last = blocks.last {
                    if block == last { continue }
                    if block < last { ascending = false }
                }
                blocks.append(block)
            }
            if !ascending { blocks = Array(Set(blocks)).sorted() }
            var position = range.lowerBound
            for block in blocks {
                pair.removeAll(keepingCapacity: true)
                pair.append(keys.key(number))
                pair.appendBigEndian(block)
                try body(pair.rawSpan) { set in
                    if ascending {
                        while position < range.upperBound, Self.change(changes[position], block, &set) { position += 1 }
                    } else {
                        for index in range { _ = Self.change(changes[index], block, &set) }
                    }
                }
            }
        }
    }

    /// Carries a change out if it concerns the block.
    private static func change(_ change: UInt64, _ block: UInt32, _ set: inout BlockSet) -> Bool {
        let id = EntryID(rawValue: change & ~removal)
        guard id.block == block else { return false }
        if change & removal != 0 { set.remove(id.offset) } else { set.insert(id.offset) }
        return true
    }
}
