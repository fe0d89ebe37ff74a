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
        try forEachBlock { pair, changes throws(LMDBError) in
            value.removeAll(keepingCapacity: true)
            var stored = false
            if !fresh {
                var set = BlockSet()
                if let container = try transaction.get(pair, in: database) {
                    Container.decode(container, into: &set)
                    stored = true
                }
                if stored {
                    changes.apply(to: &set)
                    if set.isEmpty {
                        try transaction.delete(pair, in: database)
                        return
                    }
                    Container.encode(set, into: &value)
                }
            }
            if !stored {
                changes.encode(into: &value)
                if value.isEmpty { return }
            }
            try transaction.put(pair, value.rawSpan, in: database, append: fresh)
        }
    }

    /// What changes of one key in one block.
    struct Changes {
        fileprivate let list: ArraySlice<UInt64>
        /// Additions only, ascending: nearly always.
        fileprivate let isPlain: Bool

        func apply(to set: inout BlockSet) {
            for change in list {
                let offset = EntryID(rawValue: change & ~IndexBatch.removal).offset
                if change & IndexBatch.removal != 0 { set.remove(offset) } else { set.insert(offset) }
            }
        }

        /// The stored form of the changes made to an empty set; nothing if the set stays empty.
        func encode(into out: inout [UInt8]) {
            if isPlain, Container.encode(ascending: list, into: &out) { return }
            var set = BlockSet()
            apply(to: &set)
            if !set.isEmpty { Container.encode(set, into: &out) }
        }
    }

    /// Calls `body` with each pair of key and block that changes, in the order of the database's keys.
    func forEachBlock(_ body: (RawSpan, Changes) throws(LMDBError) -> Void) throws(LMDBError) {
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
        places = []
        var pair: [UInt8] = []
        for number in keys.sorted() {
            let range = starts[number]..<starts[number + 1]
            var isPlain = true
            var isByBlock = true
            var last: UInt64 = 0
            for index in range {
                let change = changes[index]
                if change <= last || change & Self.removal != 0 { isPlain = false }
                let id = change & ~Self.removal
                if EntryID(rawValue: id).block < EntryID(rawValue: last & ~Self.removal).block { isByBlock = false }
                last = change
            }
            // Changes of one block stand together, in their order.
            if !isByBlock {
                let ordered = changes[range].enumerated().sorted { a, b in
                    let (left, right) = (EntryID(rawValue: a.element & ~Self.removal).block, EntryID(rawValue: b.element & ~Self.removal).block)
                    return left != right ? left < right : a.offset < b.offset
                }
                for (place, change) in zip(range, ordered) { changes[place] = change.element }
            }
            var start = range.lowerBound
            while start < range.upperBound {
                let block = EntryID(rawValue: changes[start] & ~Self.removal).block
                var end = start + 1
                while end < range.upperBound, EntryID(rawValue: changes[end] & ~Self.removal).block == block { end += 1 }
                pair.removeAll(keepingCapacity: true)
                pair.append(keys.key(number))
                pair.appendBigEndian(block)
                try body(pair.rawSpan, Changes(list: changes[start..<end], isPlain: isPlain))
                start = end
            }
        }
    }
}
