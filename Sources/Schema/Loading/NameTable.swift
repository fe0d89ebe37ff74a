import BER

/// ASCII lower case of one byte; everything else unchanged.
@inline(__always)
func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// Finds numbers by ASCII names in any case: open addressing over one array of bytes, so that a look-up allocates nothing.
struct NameTable: Sendable {
    /// A name: its place in `bytes` and what it stands for.
    private struct Entry {
        var hash: UInt32
        var start: UInt32
        var count: UInt16
        var value: UInt16
    }

    /// The longest name that can be held, in bytes.
    static let maximumLength = 0x3fff

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// Index into `entries` plus one; 0 is free. The count is a power of two.
    private var slots = [UInt32](repeating: 0, count: 64)

    private static func hash(_ name: borrowing RawSpan) -> UInt32 {
        // FNV-1a over lower case; names are short and chosen by the administrator, not by clients.
        var hash: UInt32 = 0x811c_9dc5
        for index in 0..<name.byteCount {
            hash = (hash ^ UInt32(lowercase(name[at: index]))) &* 0x0100_0193
        }
        return hash ^ hash >> 15
    }

    /// The number of a name, nil when nobody has it.
    func value(of name: borrowing RawSpan) -> UInt16? {
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

    private func matches(_ entry: Entry, _ name: borrowing RawSpan) -> Bool {
        guard Int(entry.count) == name.byteCount else { return false }
        let start = Int(entry.start)
        for index in 0..<name.byteCount where bytes[start + index] != lowercase(name[at: index]) { return false }
        return true
    }

    /// Adds a name that nobody has yet; gives the number of who has it otherwise, or nil when it was added.
    mutating func insert(_ name: String, _ value: UInt16) -> UInt16? {
        let utf8 = Array(name.utf8)
        if let owner = self.value(of: utf8.rawSpan) { return owner }
        precondition(utf8.count <= Self.maximumLength)
        entries.append(
            Entry(hash: Self.hash(utf8.rawSpan), start: UInt32(bytes.count), count: UInt16(utf8.count), value: value))
        for byte in utf8 { bytes.append(lowercase(byte)) }
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
