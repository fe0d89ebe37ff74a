import BER

/// An entry in memory, to be made or changed: attributes sorted by number, each with at least one value.
/// Values are as clients gave them; nothing is normalised.
///
/// What comes from a record stays packed as it is there until somebody asks for it: most of an entry that is changed is only copied.
public struct Entry: Sendable, Equatable {
    public struct Attribute: Sendable, Equatable {
        public var id: AttributeID
        public var values: [[UInt8]]
        public init(id: AttributeID, values: [[UInt8]]) {
            self.id = id
            self.values = values
        }
    }

    /// An attribute, packed or not.
    private struct Slot: Sendable {
        let id: AttributeID
        /// Where its finished `SET OF` lies in the record; empty if the values are in the list.
        var place = ByteRange.empty
        var values: [[UInt8]] = []

        var isPacked: Bool { place.count > 0 }
    }

    /// A record that was unpacked, which copies of the entry share.
    private final class Packed: Sendable {
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// Sorted by number; no number twice; no attribute without values.
    private var slots: [Slot]
    private var packed: Packed?

    public init() { slots = [] }

    /// Unpacks a record.
    public init(_ record: borrowing EntryRecord) {
        slots = []
        slots.reserveCapacity(record.attributeCount)
        packed = Packed(record.bytes.array)
        let bytes = record.bytes
        record.forEachPlace(in: 0..<record.attributeCount) { id, place in
            var reader = BERReader(bytes, place)
            // What a damaged record has is left out, as for those who read it.
            if (try? reader.contents(of: BERTag.set)) != nil, reader.isAtEnd { slots.append(Slot(id: id, place: place)) }
        }
    }

    /// All attributes, unpacked.
    public var attributes: [Attribute] { slots.map { Attribute(id: $0.id, values: values($0)) } }

    /// The numbers of all attributes.
    public func forEachID(_ body: (AttributeID) -> Void) { for slot in slots { body(slot.id) } }

    private func values(_ slot: Slot) -> [[UInt8]] {
        guard slot.isPacked, let packed else { return slot.values }
        let bytes = packed.bytes
        var values = AttributeValues(bytes.rawSpan.slice(slot.place))
        var list: [[UInt8]] = []
        while let value = values.next() { list.append(value.array) }
        return list
    }

    /// Whether an attribute has the same values, in the same order, in another entry.
    private func hasSameValues(_ slot: Slot, _ other: Entry, _ otherSlot: Slot) -> Bool {
        guard slot.isPacked, otherSlot.isPacked, let packed, let otherPacked = other.packed else { return values(slot) == other.values(otherSlot) }
        if packed === otherPacked, slot.place == otherSlot.place { return true }
        let (own, others) = (packed.bytes, otherPacked.bytes)
        return own.rawSpan.slice(slot.place).elementsEqual(others.rawSpan.slice(otherSlot.place))
    }

    public static func == (a: Entry, b: Entry) -> Bool {
        a.slots.count == b.slots.count && zip(a.slots, b.slots).allSatisfy { $0.id == $1.id && a.hasSameValues($0, b, $1) }
    }

    private func lowerBound(_ id: AttributeID) -> Int {
        var low = 0
        var high = slots.count
        while low < high {
            let middle = (low + high) >> 1
            if slots[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The values of an attribute, empty if there are none; setting none removes it.
    public subscript(_ id: AttributeID) -> [[UInt8]] {
        get {
            let index = lowerBound(id)
            return index < slots.count && slots[index].id == id ? values(slots[index]) : []
        }
        set {
            let index = lowerBound(id)
            let exists = index < slots.count && slots[index].id == id
            switch (exists, newValue.isEmpty) {
            case (true, true): slots.remove(at: index)
            case (true, false): slots[index] = Slot(id: id, values: newValue)
            case (false, false): slots.insert(Slot(id: id, values: newValue), at: index)
            case (false, true): break
            }
        }
    }

    /// Adds a value without looking for an equal one.
    public mutating func append(_ value: [UInt8], to id: AttributeID) {
        let index = lowerBound(id)
        if index < slots.count, slots[index].id == id {
            if slots[index].isPacked { slots[index] = Slot(id: id, values: values(slots[index])) }
            slots[index].values.append(value)
        } else {
            slots.insert(Slot(id: id, values: [value]), at: index)
        }
    }

    public func contains(_ id: AttributeID) -> Bool {
        let index = lowerBound(id)
        return index < slots.count && slots[index].id == id
    }

    /// The attributes whose values are not the same, in order, in another entry, which either of them may lack.
    public func forEachDifference(from other: Entry, _ body: (AttributeID, _ other: [[UInt8]], _ own: [[UInt8]]) -> Void) {
        let (before, after) = (other.slots, slots)
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if right == after.count || left < before.count && before[left].id < after[right].id {
                body(before[left].id, other.values(before[left]), [])
                left += 1
            } else if left == before.count || after[right].id < before[left].id {
                body(after[right].id, [], values(after[right]))
                right += 1
            } else {
                if !hasSameValues(after[right], other, before[left]) { body(before[left].id, other.values(before[left]), values(after[right])) }
                left += 1
                right += 1
            }
        }
    }

    /// The entry in its stored form, outside a store: for entries that the server makes up.
    public func record(parent: EntryID, rdn: [UInt8], flags: EntryRecord.Flags) -> [UInt8] {
        var buffer = BERBuffer()
        encode(parent: parent, rdn: rdn, flags: flags, into: &buffer)
        return buffer.bytes.array
    }

    /// The values of the attributes for whose numbers `wanted` is true.
    func values(where wanted: (AttributeID) -> Bool) -> [[UInt8]] {
        var list: [[UInt8]] = []
        for slot in slots where wanted(slot.id) { list += values(slot) }
        return list
    }

    /// Packs the entry into its stored form.
    func encode(parent: EntryID, rdn: [UInt8], flags: EntryRecord.Flags, into out: inout BERBuffer) {
        out.removeAll(keeping: 1 << 20)
        var sizes: [Int] = []
        sizes.reserveCapacity(slots.count)
        var total = 0
        for slot in slots {
            var set = 0
            if !slot.isPacked {
                for value in slot.values { set += BERBuffer.elementSize(value.count) }
                set = BERBuffer.elementSize(set)
            } else {
                set = Int(slot.place.count)
            }
            sizes.append(set)
            total += set
        }
        let isWide = EntryRecord.headerSize + slots.count * 4 + rdn.count + total > 0xffff
        let start = EntryRecord.headerSize + slots.count * (isWide ? 8 : 4) + rdn.count
        out.reserve(start + total)
        out.append(EntryRecord.version)
        out.append(isWide ? flags.union(.wide).rawValue : flags.rawValue)
        out.appendNumber16(UInt16(truncatingIfNeeded: rdn.count))
        out.appendNumber32(UInt32(slots.count))
        out.appendNumber32(UInt32(truncatingIfNeeded: parent.rawValue))
        out.appendNumber32(UInt32(truncatingIfNeeded: parent.rawValue >> 32))
        var offset = start
        for (slot, size) in zip(slots, sizes) {
            if isWide {
                out.appendNumber32(UInt32(slot.id.rawValue))
                out.appendNumber32(UInt32(truncatingIfNeeded: offset))
            } else {
                out.appendNumber16(slot.id.rawValue)
                out.appendNumber16(UInt16(truncatingIfNeeded: offset))
            }
            offset += size
        }
        out.append(rdn)
        for slot in slots {
            if slot.isPacked, let packed {
                let bytes = packed.bytes
                out.append(bytes.rawSpan.slice(slot.place))
                continue
            }
            out.appendHeader(BERTag.set, length: slot.values.reduce(0) { $0 + BERBuffer.elementSize($1.count) })
            for value in slot.values { out.append(BERTag.octetString, contents: value) }
        }
    }
}

extension BERBuffer {
    mutating func appendNumber16(_ number: UInt16) {
        append(UInt8(truncatingIfNeeded: number))
        append(UInt8(truncatingIfNeeded: number >> 8))
    }

    mutating func appendNumber32(_ number: UInt32) {
        appendNumber16(UInt16(truncatingIfNeeded: number))
        appendNumber16(UInt16(truncatingIfNeeded: number >> 16))
    }
}
