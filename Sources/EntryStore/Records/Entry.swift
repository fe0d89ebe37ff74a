import BER

/// An entry in memory, to be made or changed: attributes sorted by number, each with at least one value.
/// Values are as clients gave them; nothing is normalised.
public struct Entry: Sendable, Equatable {
    public struct Attribute: Sendable, Equatable {
        public var id: AttributeID
        public var values: [[UInt8]]
        public init(id: AttributeID, values: [[UInt8]]) {
            self.id = id
            self.values = values
        }
    }

    /// Sorted by number; no number twice; no attribute without values.
    public private(set) var attributes: [Attribute]

    public init() { attributes = [] }

    /// Unpacks a record.
    public init(_ record: borrowing EntryRecord) {
        attributes = []
        attributes.reserveCapacity(record.attributeCount)
        for index in 0..<record.attributeCount {
            var values = record.values(at: index)
            var list: [[UInt8]] = []
            while let value = values.next() { list.append(value.array) }
            attributes.append(Attribute(id: record.attributeID(at: index), values: list))
        }
    }

    private func lowerBound(_ id: AttributeID) -> Int {
        var low = 0
        var high = attributes.count
        while low < high {
            let middle = (low + high) >> 1
            if attributes[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The values of an attribute, empty if there are none; setting none removes it.
    public subscript(_ id: AttributeID) -> [[UInt8]] {
        get {
            let index = lowerBound(id)
            return index < attributes.count && attributes[index].id == id ? attributes[index].values : []
        }
        set {
            let index = lowerBound(id)
            let exists = index < attributes.count && attributes[index].id == id
            switch (exists, newValue.isEmpty) {
            case (true, true): attributes.remove(at: index)
            case (true, false): attributes[index].values = newValue
            case (false, false): attributes.insert(Attribute(id: id, values: newValue), at: index)
            case (false, true): break
            }
        }
    }

    /// Adds a value without looking for an equal one.
    public mutating func append(_ value: [UInt8], to id: AttributeID) {
        let index = lowerBound(id)
        if index < attributes.count, attributes[index].id == id {
            attributes[index].values.append(value)
        } else {
            attributes.insert(Attribute(id: id, values: [value]), at: index)
        }
    }

    public func contains(_ id: AttributeID) -> Bool {
        let index = lowerBound(id)
        return index < attributes.count && attributes[index].id == id
    }

    /// The attributes whose values are not the same, in order, in another entry, which either of them may lack.
    public func forEachDifference(from other: Entry, _ body: (AttributeID, _ other: [[UInt8]], _ own: [[UInt8]]) -> Void) {
        let (before, after) = (other.attributes, attributes)
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if right == after.count || left < before.count && before[left].id < after[right].id {
                body(before[left].id, before[left].values, [])
                left += 1
            } else if left == before.count || after[right].id < before[left].id {
                body(after[right].id, [], after[right].values)
                right += 1
            } else {
                // Values that were not touched are the same array.
                if before[left].values != after[right].values { body(before[left].id, before[left].values, after[right].values) }
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
        sizes.reserveCapacity(attributes.count)
        var total = 0
        for attribute in attributes {
            var set = 0
            for value in attribute.values { set += BERBuffer.elementSize(value.count) }
            sizes.append(set)
            total += BERBuffer.elementSize(set)
        }
        let isWide = EntryRecord.headerSize + attributes.count * 4 + rdn.count + total > 0xffff
        let start = EntryRecord.headerSize + attributes.count * (isWide ? 8 : 4) + rdn.count
        out.reserve(start + total)
        out.append(EntryRecord.version)
        out.append(isWide ? flags.union(.wide).rawValue : flags.rawValue)
        out.appendNumber16(UInt16(truncatingIfNeeded: rdn.count))
        out.appendNumber32(UInt32(attributes.count))
        out.appendNumber32(UInt32(truncatingIfNeeded: parent.rawValue))
        out.appendNumber32(UInt32(truncatingIfNeeded: parent.rawValue >> 32))
        var offset = start
        for (attribute, size) in zip(attributes, sizes) {
            if isWide {
                out.appendNumber32(UInt32(attribute.id.rawValue))
                out.appendNumber32(UInt32(truncatingIfNeeded: offset))
            } else {
                out.appendNumber16(attribute.id.rawValue)
                out.appendNumber16(UInt16(truncatingIfNeeded: offset))
            }
            offset += BERBuffer.elementSize(size)
        }
        out.append(rdn)
        for (attribute, size) in zip(attributes, sizes) {
            out.appendHeader(BERTag.set, length: size)
            for value in attribute.values { out.append(BERTag.octetString, contents: value) }
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
