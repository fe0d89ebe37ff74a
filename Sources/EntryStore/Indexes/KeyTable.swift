import BER

/// A set of byte strings, each given a number in order of arrival: open addressing over one arena, no allocation per key.
///
/// Keys of up to eight octets, which most are (all pieces of values), are compared in their slot and touch no other memory.
struct KeyTable {
    private struct Slot {
        /// The key itself if it is short, else its hash.
        var word: UInt64
        /// Key number plus one; 0 is free.
        var number: UInt32
        /// Octets of the key.
        var count: UInt32
    }

    private var arena: [UInt8] = []
    /// Where each key ends in the arena.
    private var ends: [Int] = []
    /// A power of two, at most three quarters full.
    private var slots: [Slot]
    private let seed = OctetHash.seed

    init(capacity: Int = 64) {
        var size = 128
        while size * 3 < capacity * 4 { size *= 2 }
        slots = Array(repeating: Slot(word: 0, number: 0, count: 0), count: size)
    }

    /// Keeps the memory of a small table.
    mutating func removeAll() {
        if ends.isEmpty { return }
        if slots.count > 1024 { return self = KeyTable() }
        for index in slots.indices { slots[index].number = 0 }
        arena.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    var count: Int { ends.count }
    /// About how many octets the table takes.
    var memory: Int { arena.count + ends.count * 8 + slots.count * MemoryLayout<Slot>.stride }

    @_lifetime(borrow self)
    func key(_ number: Int) -> RawSpan {
        let start = number == 0 ? 0 : ends[number - 1]
        return arena.rawSpan.extracting(start..<ends[number])
    }

    /// The number of a key, new or known.
    mutating func insert(_ key: RawSpan) -> Int {
        if let short = ShortKey(key) { return insert(short) }
        let hash = OctetHash.hash(key)
        let (slot, number) = look(for: key, hash)
        if let number { return number }
        arena.append(key)
        return register(slot, word: hash, count: key.byteCount)
    }

    /// The number of a key, new or known.
    @inline(__always)
    mutating func insert(_ key: ShortKey) -> Int {
        let (slot, number) = look(for: key)
        if let number { return number }
        return insertNew(key, slot)
    }

    @inline(never)
    private mutating func insertNew(_ key: ShortKey, _ slot: Int) -> Int {
        key.append(to: &arena)
        return register(slot, word: key.word, count: key.count)
    }

    private mutating func register(_ slot: Int, word: UInt64, count: Int) -> Int {
        ends.append(arena.count)
        slots[slot] = Slot(word: word, number: UInt32(truncatingIfNeeded: ends.count), count: UInt32(truncatingIfNeeded: count))
        if ends.count * 4 > slots.count * 3 { grow() }
        return ends.count - 1
    }

    func find(_ key: RawSpan) -> Int? {
        if let short = ShortKey(key) { return look(for: short).number }
        return look(for: key, OctetHash.hash(key)).number
    }

    /// Where a long key is, or the free slot where it would be.
    private func look(for key: RawSpan, _ hash: UInt64) -> (slot: Int, number: Int?) {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[index]
            if slot.number == 0 { return (index, nil) }
            if slot.word == hash, slot.count == key.byteCount {
                let number = Int(slot.number) - 1
                if self.key(number).elementsEqual(key) { return (index, number) }
            }
            index = (index + 1) & mask
        }
    }

    @inline(__always)
    private func look(for key: ShortKey) -> (slot: Int, number: Int?) {
        let mask = slots.count - 1
        var index = place(key.word) & mask
        while true {
            let slot = slots[index]
            if slot.number == 0 { return (index, nil) }
            if slot.word == key.word, slot.count == key.count { return (index, Int(slot.number) - 1) }
            index = (index + 1) & mask
        }
    }

    /// Where the search for a short key begins.
    @inline(__always)
    private func place(_ word: UInt64) -> Int { Int(truncatingIfNeeded: OctetHash.mix(seed, word)) }

    private mutating func grow() {
        var larger = Array(repeating: Slot(word: 0, number: 0, count: 0), count: slots.count * 2)
        let mask = larger.count - 1
        for slot in slots where slot.number != 0 {
            var index = (slot.count <= ShortKey.limit ? place(slot.word) : Int(truncatingIfNeeded: slot.word)) & mask
            while larger[index].number != 0 { index = (index + 1) & mask }
            larger[index] = slot
        }
        slots = larger
    }

    /// Key numbers in the order of their bytes.
    func sorted() -> [Int] {
        // The first sixteen octets decide most comparisons without touching the arena.
        struct Place {
            var high: UInt64
            var low: UInt64
            var number: Int
        }
        var order: [Place] = []
        order.reserveCapacity(count)
        for number in 0..<count {
            let key = key(number)
            order.append(Place(high: key.prefixWord(0), low: key.prefixWord(8), number: number))
        }
        order.sort { a, b in
            if a.high != b.high { return a.high < b.high }
            if a.low != b.low { return a.low < b.low }
            return key(a.number).precedes(key(b.number))
        }
        return order.map(\.number)
    }
}

extension RawSpan {
    /// Eight octets from a place on as a big-endian number, which sorts as they do; zeros behind the end.
    @inline(__always)
    fileprivate func prefixWord(_ offset: Int) -> UInt64 {
        if let word = bigEndian64(offset) { return word }
        var word: UInt64 = 0
        var index = offset
        while index < byteCount {
            word |= UInt64(self[at: index]) << UInt64(56 - (index - offset) * 8)
            index += 1
        }
        return word
    }

    /// Whether these bytes sort before others (octet by octet, the shorter first).
    public func precedes(_ other: borrowing RawSpan) -> Bool {
        let common = min(byteCount, other.byteCount)
        var index = 0
        while index < common {
            let a = self[at: index]
            let b = other[at: index]
            if a != b { return a < b }
            index += 1
        }
        return byteCount < other.byteCount
    }

    /// Whether these bytes begin with others.
    func starts(with prefix: borrowing RawSpan) -> Bool {
        guard byteCount >= prefix.byteCount else { return false }
        return extracting(0..<prefix.byteCount).elementsEqual(prefix)
    }
}
