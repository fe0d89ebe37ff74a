import BER

/// A set of byte strings, each given a number in order of arrival: open addressing over one arena, no allocation per key.
struct KeyTable {
    private var arena: [UInt8] = []
    /// Where each key ends in the arena.
    private var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// Key numbers plus one, with the upper half of the hash above them, so that most other keys are told apart without being looked
    /// at; 0 is free. A power of two, at most half full.
    private var slots: [UInt64]

    init(capacity: Int = 64) {
        var size = 128
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: 0, count: size)
    }

    var count: Int { ends.count }
    /// Octets that the keys take.
    var byteCount: Int { arena.count }

    func range(_ number: Int) -> ByteRange {
        let start = number == 0 ? 0 : ends[number - 1]
        return ByteRange(start: start, count: ends[number] - start)
    }

    var bytes: RawSpan {
        @_lifetime(borrow self) get { arena.rawSpan }
    }

    @_lifetime(borrow self)
    func key(_ number: Int) -> RawSpan {
        let start = number == 0 ? 0 : ends[number - 1]
        return arena.rawSpan.extracting(start..<ends[number])
    }

    /// The number of a key, new or known.
    mutating func insert(_ key: RawSpan) -> Int {
        let hash = Self.hash(key)
        let (slot, number) = look(for: key, hash)
        if let number { return number }
        arena.append(key)
        ends.append(arena.count)
        hashes.append(hash)
        slots[slot] = Self.slot(hash, ends.count - 1)
        if ends.count * 2 > slots.count { grow() }
        return ends.count - 1
    }

    func find(_ key: RawSpan) -> Int? { look(for: key, Self.hash(key)).number }

    /// Where a key is, or the free slot where it would be.
    private func look(for key: RawSpan, _ hash: UInt64) -> (slot: Int, number: Int?) {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash >> 32 {
                let number = Int(slots[slot] & 0xffff_ffff) - 1
                if self.key(number).elementsEqual(key) { return (slot, number) }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return (slot, nil)
    }

    private static func slot(_ hash: UInt64, _ number: Int) -> UInt64 {
        hash & 0xffff_ffff_0000_0000 | UInt64(UInt32(truncatingIfNeeded: number + 1))
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: slots.count * 2)
        for (number, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Self.slot(hash, number)
        }
    }

    mutating func removeAll() {
        arena.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        hashes.removeAll(keepingCapacity: true)
        for index in slots.indices { slots[index] = 0 }
    }

    /// Key numbers in the order of their bytes.
    func sorted() -> [Int] {
        // The first eight octets decide most comparisons without touching the arena.
        var order: [(prefix: UInt64, number: Int)] = []
        order.reserveCapacity(count)
        for number in 0..<count {
            let key = key(number)
            var prefix: UInt64 = 0
            for index in 0..<min(8, key.byteCount) { prefix |= UInt64(key[at: index]) << UInt64(56 - index * 8) }
            order.append((prefix, number))
        }
        order.sort { a, b in
            if a.prefix != b.prefix { return a.prefix < b.prefix }
            return key(a.number).precedes(key(b.number))
        }
        return order.map(\.number)
    }

    private static func hash(_ key: RawSpan) -> UInt64 {
        var hash: UInt64 = 0x9e37_79b9_7f4a_7c15 ^ UInt64(key.byteCount)
        var index = 0
        while index + 8 <= key.byteCount {
            // Sound: eight bytes are left, and any eight bytes are a UInt64.
            let word = unsafe key.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            hash = mix(hash ^ word)
            index += 8
        }
        var tail: UInt64 = 0
        while index < key.byteCount {
            tail = tail << 8 | UInt64(key[at: index])
            index += 1
        }
        return mix(hash ^ tail)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low
    }
}

extension RawSpan {
    /// Whether these bytes sort before others (octet by octet, the shorter first).
    func precedes(_ other: borrowing RawSpan) -> Bool {
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
