import BER

/// ASCII lower case of one byte; everything else unchanged.
@inline(__always)
func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// Finds numbers by ASCII names in any case: open addressing over one array of words, so that a look-up allocates nothing.
struct NameTable: Sendable {
    /// A name: its place in `words`, its length in bytes, and what it stands for.
    private struct Entry {
        var hash: UInt32
        var start: UInt32
        var count: UInt16
        var value: UInt16
    }

    /// The longest name that can be held, in bytes.
    static let maximumLength = 0x3fff

    /// Names in lower case, each filled up with zeros to whole words.
    private var words: [UInt64] = []
    private var entries: [Entry] = []
    /// Index into `entries` plus one; 0 is free. The count is a power of two.
    private var slots = [UInt32](repeating: 0, count: 64)

    @inline(__always)
    private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        // Names are short and chosen by the administrator, not by clients: no defence against collisions is needed.
        let mixed = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
        return mixed ^ mixed >> 32
    }

    @inline(__always)
    private static func hash(_ name: borrowing RawSpan) -> UInt32 {
        let count = name.byteCount
        var hash = UInt64(truncatingIfNeeded: count)
        var offset = 0
        while count - offset >= 8 {
            hash = mix(hash, ASCIIWord.lowercased(ASCIIWord.load(name, offset)))
            offset += 8
        }
        if offset < count { hash = mix(hash, ASCIIWord.lowercased(ASCIIWord.loadTail(name, offset))) }
        return UInt32(truncatingIfNeeded: hash)
    }

    /// The number of a name, nil when nobody has it.
    func value(of name: borrowing RawSpan) -> UInt16? {
        guard name.byteCount <= Self.maximumLength else { return nil }
        let hash = Self.hash(name)
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.hash == hash, matches(entry, name) { return entry.value }
            slot = (slot + 1) & mask
        }
        return nil
    }

    @inline(__always)
    private func matches(_ entry: Entry, _ name: borrowing RawSpan) -> Bool {
        let count = name.byteCount
        guard Int(entry.count) == count else { return false }
        var place = Int(entry.start)
        var offset = 0
        while count - offset >= 8 {
            guard words[place] == ASCIIWord.lowercased(ASCIIWord.load(name, offset)) else { return false }
            place += 1
            offset += 8
        }
        return offset == count || words[place] == ASCIIWord.lowercased(ASCIIWord.loadTail(name, offset))
    }

    /// Adds a name of at most ``maximumLength`` bytes that nobody has yet; gives the number of who has it otherwise, or nil when it
    /// was added.
    mutating func insert(_ name: String, _ value: UInt16) -> UInt16? {
        let utf8 = Array(name.utf8)
        let bytes = utf8.rawSpan
        if let owner = self.value(of: bytes) { return owner }
        precondition(utf8.count <= Self.maximumLength)
        entries.append(
            Entry(hash: Self.hash(bytes), start: UInt32(words.count), count: UInt16(utf8.count), value: value))
        var offset = 0
        while offset < utf8.count {
            words.append(ASCIIWord.lowercased(utf8.count - offset >= 8 ? ASCIIWord.load(bytes, offset) : ASCIIWord.loadTail(bytes, offset)))
            offset += 8
        }
        if entries.count * 2 > slots.count {
            slots = [UInt32](repeating: 0, count: slots.count * 2)
            for index in entries.indices { place(index) }
        } else {
            place(entries.count - 1)
        }
        return nil
    }

    private mutating func place(_ index: Int) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: entries[index].hash) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = UInt32(index + 1)
    }
}
