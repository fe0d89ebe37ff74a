import BER
import LMDB

/// Changes of index sets, gathered and then applied in key order. The same for one operation and for a bulk load.
struct IndexBatch {
    init() {}

    private(set) var keys = KeyTable()
    /// Per key, the entries added and removed.
    private var changes = ChangeLists()
    /// The entry whose keys are being taken.
    var entry = EntryID.root
    private static let removal = ChangeLists.mark

    var isEmpty: Bool { keys.count == 0 }
    /// About how much memory the batch takes, in bytes.
    var memory: Int { keys.memory + changes.memory }

    mutating func add(_ id: EntryID, to key: RawSpan) { changes.append(id.rawValue, to: keys.insert(key)) }
    mutating func remove(_ id: EntryID, from key: RawSpan) { changes.append(id.rawValue | Self.removal, to: keys.insert(key)) }

    /// Adds an entry to the sets of what is below others.
    /// - Parameter superiors: its own superior first, the root last.
    mutating func addToScopes(_ id: EntryID, below superiors: some Sequence<EntryID>, scratch key: inout [UInt8]) {
        var kind = IndexKey.Kind.children
        for superior in superiors {
            if kind == .children {
                key.removeAll(keepingCapacity: true)
                IndexKey.appendScope(kind, superior, to: &key)
                add(id, to: key.rawSpan)
                kind = .descendants
            }
            key.removeAll(keepingCapacity: true)
            IndexKey.appendScope(kind, superior, to: &key)
            add(id, to: key.rawSpan)
        }
    }

    mutating func removeAll() { if !isEmpty { self = IndexBatch() } }

    /// Writes all changes.
    /// - Parameter note: gets each key before it changes, and whether a block of it is new.
    func apply(to transaction: inout Transaction, database: Database, note: (RawSpan, Bool) -> Void) throws(LMDBError) {
        var value: [UInt8] = []
        var count = 0
        try forEachBlock { pair, changes throws(LMDBError) in
            value.removeAll(keepingCapacity: true)
            count += 1
            if count & 7 == 0 { BackgroundThread.giveWay() }
            var isStored = false
            let key = pair.extracting(0..<(pair.byteCount - 4))
            if let container = try transaction.find(pair, in: database) {
                changes.apply(to: container, into: &value)
                isStored = true
            } else {
                changes.encode(into: &value)
            }
            note(key, !isStored && !value.isEmpty)
            if value.isEmpty {
                if isStored { try transaction.delete(pair, in: database) }
            } else if isStored {
                try transaction.replaceFound(pair, with: value.rawSpan, in: database)
            } else {
                try transaction.insertUnfound(pair, value.rawSpan, in: database)
            }
        }
    }

    // MARK: In words

    /// The changes for a log: for each key its length and the number of its changes (4 octets each), the key, the changes in their order (8 each: the entry's number, with the
    /// uppermost bit set if it is removed). All numbers begin with their highest octet.
    var words: [UInt8] {
        var words: [UInt8] = []
        var list: [UInt64] = []
        for number in 0..<keys.count {
            let key = keys.key(number)
            changes.read(number, into: &list)
            words.appendBigEndian(UInt32(truncatingIfNeeded: key.byteCount))
            words.appendBigEndian(UInt32(truncatingIfNeeded: list.count))
            words.append(key)
            for change in list { words.appendBigEndian(change) }
        }
        return words
    }

    /// Reads what ``words`` has made. Nil if it is something else.
    init?(words: RawSpan) {
        var place = 0
        while place < words.byteCount {
            guard let length = words.bigEndian32(place).map(Int.init), let count = words.bigEndian32(place + 4), count > 0 else { return nil }
            place += 8
            guard words.byteCount - place >= length else { return nil }
            let number = keys.insert(words.extracting(place..<(place + length)))
            place += length
            for _ in 0..<count {
                guard let change = words.bigEndian64(place) else { return nil }
                changes.append(change, to: number)
                place += 8
            }
        }
    }

    // MARK: Asking

    /// Whether the changes make an entry a member of a set, or take it out; nil if they say nothing of it.
    func membership(of id: EntryID, in key: RawSpan) -> Bool? {
        guard !isEmpty, let number = keys.find(key) else { return nil }
        var list: [UInt64] = []
        changes.read(number, into: &list)
        for change in list.reversed() where Self.id(change) == id { return change & Self.removal == 0 }
        return nil
    }

    /// What the changes make of a set: the entries that they leave in it, and those that they take out of it. Nil: nothing.
    func changes(of key: RawSpan) -> (members: Set<EntryID>, others: Set<EntryID>)? {
        guard !isEmpty, let number = keys.find(key) else { return nil }
        var list: [UInt64] = []
        changes.read(number, into: &list)
        var members: Set<EntryID> = []
        var others: Set<EntryID> = []
        for change in list {
            let id = Self.id(change)
            if change & Self.removal == 0 {
                members.insert(id)
                others.remove(id)
            } else {
                others.insert(id)
                members.remove(id)
            }
        }
        return (members, others)
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

        /// The stored form of a set with the changes made to it; nothing if it becomes empty.
        func apply(to stored: RawSpan, into out: inout [UInt8]) {
            if isPlain, Container.append(list, to: stored, into: &out) { return }
            if Container.change(list, removal: IndexBatch.removal, in: stored, into: &out) { return }
            var set = BlockSet()
            Container.decode(stored, into: &set)
            apply(to: &set)
            if !set.isEmpty { Container.encode(set, into: &out) }
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
    func forEachBlock<E: Error>(_ body: (RawSpan, Changes) throws(E) -> Void) throws(E) {
        var list: [UInt64] = []
        var pair: [UInt8] = []
        for number in keys.sorted() {
            changes.read(number, into: &list)
            var isPlain = true
            var isByBlock = true
            var last: UInt64 = 0
            for change in list {
                if change <= last || change & Self.removal != 0 { isPlain = false }
                if Self.id(change).block < Self.id(last).block { isByBlock = false }
                last = change
            }
            if !isByBlock { Self.orderByBlock(&list) }
            pair.removeAll(keepingCapacity: true)
            pair.append(keys.key(number))
            let end = pair.count
            var start = 0
            while start < list.count {
                let block = Self.id(list[start]).block
                var next = start + 1
                while next < list.count, Self.id(list[next]).block == block { next += 1 }
                pair.removeLast(pair.count - end)
                pair.appendBigEndian(block)
                try body(pair.rawSpan, Changes(list: list[start..<next], isPlain: isPlain))
                start = next
            }
        }
    }

    private static func id(_ change: UInt64) -> EntryID { EntryID(rawValue: change & ~removal) }

    /// Puts changes of one block together, in their order.
    private static func orderByBlock(_ list: inout [UInt64]) {
        list = list.enumerated().sorted { a, b in
            let (left, right) = (id(a.element).block, id(b.element).block)
            return left != right ? left < right : a.offset < b.offset
        }.map(\.element)
    }
}

extension IndexBatch: IndexKeySink {
    mutating func take(_ key: RawSpan) { changes.append(entry.rawValue, to: keys.insert(key)) }
    @inline(__always)
    mutating func take(_ key: ShortKey) { changes.append(entry.rawValue, to: keys.insert(key)) }
}
