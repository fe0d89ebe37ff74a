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

    /// An attribute, packed or not. Nothing but numbers, so that an entry is copied and given up in one go.
    private struct Slot: Sendable {
        let id: AttributeID
        /// Where its finished `SET OF` lies in the record. If that is empty, its start is the place of the values in ``lists``.
        let place: ByteRange

        var isPacked: Bool { place.count > 0 }
        var list: Int { Int(place.start) }
    }

    /// A record that was unpacked, which copies of the entry share.
    private final class Packed: Sendable {
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// Sorted by number; no number twice; no attribute without values.
    private var slots: [Slot]
    private var packed: Packed?
    /// The values of what is not packed; empty where an attribute was removed.
    private var lists: [[[UInt8]]] = []

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
    public func forEachID(_ body: (AttributeID) -> Void) {
        let slots = slots.span
        for index in slots.indices { body(slots[index].id) }
    }

    private func values(_ slot: Slot) -> [[UInt8]] {
        guard slot.isPacked, let packed else { return lists[slot.list] }
        let bytes = packed.bytes
        var values = AttributeValues(bytes.rawSpan.slice(slot.place))
        var list: [[UInt8]] = []
        while let value = values.next() { list.append(value.array) }
        return list
    }

    /// Whether an attribute has the same values, in the same order, in another entry.
    private func hasSameValues(at index: Int, _ other: Entry, at otherIndex: Int) -> Bool {
        switch (slots[index].isPacked, other.slots[otherIndex].isPacked) {
        case (false, false): return lists[slots[index].list] == other.lists[other.slots[otherIndex].list]
        case (true, false): return packedValues(at: index, are: other.lists[other.slots[otherIndex].list])
        case (false, true): return other.packedValues(at: otherIndex, are: lists[slots[index].list])
        case (true, true): break
        }
        guard let packed, let otherPacked = other.packed else { return false }
        let (place, otherPlace) = (slots[index].place, other.slots[otherIndex].place)
        if packed === otherPacked, place == otherPlace { return true }
        let (own, others) = (packed.bytes, otherPacked.bytes)
        return own.rawSpan.slice(place).elementsEqual(others.rawSpan.slice(otherPlace))
    }

    /// Without unpacking them.
    private func packedValues(at index: Int, are values: [[UInt8]]) -> Bool {
        guard let packed else { return values.isEmpty }
        let bytes = packed.bytes
        var own = AttributeValues(bytes.rawSpan.slice(slots[index].place))
        var count = 0
        while let value = own.next() {
            guard count < values.count else { return false }
            let other = values[count]
            guard value.elementsEqual(other.rawSpan) else { return false }
            count += 1
        }
        return count == values.count
    }

    /// The same of an attribute that either may lack.
    public func hasSameValues(of id: AttributeID, as other: Entry) -> Bool {
        let (index, otherIndex) = (place(of: id), other.place(of: id))
        guard let index, let otherIndex else { return index == otherIndex }
        return hasSameValues(at: index, other, at: otherIndex)
    }

    public static func == (a: Entry, b: Entry) -> Bool {
        a.slots.count == b.slots.count && a.slots.indices.allSatisfy { a.slots[$0].id == b.slots[$0].id && a.hasSameValues(at: $0, b, at: $0) }
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

    private func place(of id: AttributeID) -> Int? {
        let index = lowerBound(id)
        return index < slots.count && slots[index].id == id ? index : nil
    }

    /// The values of an attribute, empty if there are none; setting none removes it.
    public subscript(_ id: AttributeID) -> [[UInt8]] {
        get { place(of: id).map { values(slots[$0]) } ?? [] }
        set {
            let index = lowerBound(id)
            let exists = index < slots.count && slots[index].id == id
            if exists, !slots[index].isPacked {
                lists[slots[index].list] = newValue
                if newValue.isEmpty { slots.remove(at: index) }
                return
            }
            switch (exists, newValue.isEmpty) {
            case (true, true): slots.remove(at: index)
            case (true, false): slots[index] = unpackedSlot(id, newValue)
            case (false, false): slots.insert(unpackedSlot(id, newValue), at: index)
            case (false, true): break
            }
        }
    }

    private mutating func unpackedSlot(_ id: AttributeID, _ values: [[UInt8]]) -> Slot {
        lists.append(values)
        return Slot(id: id, place: ByteRange(start: lists.count - 1, count: 0))
    }

    /// Adds a value without looking for an equal one.
    public mutating func append(_ value: [UInt8], to id: AttributeID) {
        let index = lowerBound(id)
        if index < slots.count, slots[index].id == id {
            if slots[index].isPacked { slots[index] = unpackedSlot(id, values(slots[index])) }
            lists[slots[index].list].append(value)
        } else {
            slots.insert(unpackedSlot(id, [value]), at: index)
        }
    }

    public func contains(_ id: AttributeID) -> Bool { place(of: id) != nil }

    /// The attributes whose values are not the same, in order, in another entry, which either of them may lack.
    public func forEachDifference(from other: Entry, _ body: (AttributeID, _ other: [[UInt8]], _ own: [[UInt8]]) -> Void) {
        forEachDifferentPlace(from: other) { id, before, after in
            body(id, before.map { other.values(other.slots[$0]) } ?? [], after.map { values(slots[$0]) } ?? [])
        }
    }

    /// Their numbers alone, without unpacking anything.
    public func forEachDifferentID(from other: Entry, _ body: (AttributeID) -> Void) {
        forEachDifferentPlace(from: other) { id, _, _ in body(id) }
    }

    private func forEachDifferentPlace(from other: Entry, _ body: (AttributeID, _ other: Int?, _ own: Int?) -> Void) {
        var (left, right) = (0, 0)
        // What was copied and not changed has the same place in the same record, which costs nothing to see.
        let isOfSameRecord = packed != nil && packed === other.packed
        let (theirs, ours) = (other.slots.span, slots.span)
        while true {
            if isOfSameRecord {
                while left < theirs.count, right < ours.count, theirs[left].id == ours[right].id, ours[right].isPacked,
                    theirs[left].place == ours[right].place
                {
                    left += 1
                    right += 1
                }
            }
            if left == theirs.count, right == ours.count { return }
            if right == ours.count || left < theirs.count && theirs[left].id < ours[right].id {
                body(theirs[left].id, left, nil)
                left += 1
            } else if left == theirs.count || ours[right].id < theirs[left].id {
                body(ours[right].id, nil, right)
                right += 1
            } else {
                if !hasSameValues(at: right, other, at: left) { body(ours[right].id, left, right) }
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

    /// Packs the entry into its stored form.
    func encode(parent: EntryID, rdn: [UInt8], flags: EntryRecord.Flags, into out: inout BERBuffer) {
        out.removeAll(keeping: 1 << 20)
        var sizes: [Int] = []
        sizes.reserveCapacity(slots.count)
        var total = 0
        for index in slots.indices {
            let size = slots[index].isPacked ? Int(slots[index].place.count) : BERBuffer.elementSize(sizeOfValues(slots[index]))
            sizes.append(size)
            total += size
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
        for index in slots.indices {
            let id = slots[index].id
            if isWide {
                out.appendNumber32(UInt32(id.rawValue))
                out.appendNumber32(UInt32(truncatingIfNeeded: offset))
            } else {
                out.appendNumber16(id.rawValue)
                out.appendNumber16(UInt16(truncatingIfNeeded: offset))
            }
            offset += sizes[index]
        }
        out.append(rdn)
        let packedBytes = packed?.bytes ?? []
        let unchanged = packedBytes.rawSpan
        var index = 0
        while index < slots.count {
            let slot = slots[index]
            index += 1
            guard slot.isPacked else {
                out.appendHeader(BERTag.set, length: sizeOfValues(slot))
                for value in lists[slot.list] { out.append(BERTag.octetString, contents: value) }
                continue
            }
            // What lies together goes together.
            var end = slot.place.upperBound
            while index < slots.count, slots[index].isPacked, slots[index].place.lowerBound == end {
                end = slots[index].place.upperBound
                index += 1
            }
            out.append(unchanged.slice(ByteRange(start: slot.place.lowerBound, count: end - slot.place.lowerBound)))
        }
    }

    /// Octets of an unpacked attribute's finished values.
    private func sizeOfValues(_ slot: Slot) -> Int { lists[slot.list].reduce(0) { $0 + BERBuffer.elementSize($1.count) } }
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
