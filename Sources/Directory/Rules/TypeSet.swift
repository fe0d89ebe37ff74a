import Schema

/// A set of attribute types of one schema, as a bitmap.
struct TypeSet: Sendable, Equatable {
    private var words: [UInt64]

    /// The empty set; `count` is the number of types of the schema.
    init(count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    mutating func insert(_ type: AttributeTypeID) {
        let place = Int(type.rawValue)
        if place >> 6 < words.count { words[place >> 6] |= 1 << UInt64(place & 63) }
    }

    func contains(_ type: AttributeTypeID) -> Bool {
        let place = Int(type.rawValue)
        return place >> 6 < words.count && words[place >> 6] & 1 << UInt64(place & 63) != 0
    }

    /// The lowest type that is in this set and not in another of the same schema.
    func first(notIn other: TypeSet) -> AttributeTypeID? {
        for index in words.indices {
            let missing = words[index] & ~(index < other.words.count ? other.words[index] : 0)
            if missing != 0 { return AttributeTypeID(rawValue: UInt16(truncatingIfNeeded: index << 6 | missing.trailingZeroBitCount)) }
        }
        return nil
    }
}
