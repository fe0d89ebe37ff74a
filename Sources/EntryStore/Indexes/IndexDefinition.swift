public import Schema

/// Which indexes an attribute type has.
public struct IndexDefinition: Sendable, Hashable {
    public struct Kinds: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Entries that have the attribute.
        public static let presence = Kinds(rawValue: 1)
        /// Entries by value: serves equality, and ordering where the type has an ordering rule.
        public static let equality = Kinds(rawValue: 2)
        /// Entries by the pieces of a value: serves substrings.
        public static let substring = Kinds(rawValue: 4)
        /// Entries by the first ten octets of the canonical value, which are date and hour where it begins with a time: serves equality and ordering
        /// in place of ``equality``, but not sorting. For what each change of an entry changes (`entryCSN`): a key for each value would have each
        /// change write in two more places of the index.
        public static let hour = Kinds(rawValue: 8)

        /// Whether there are keys of values, whole ones or by the hour.
        var hasValues: Bool { !isDisjoint(with: [.equality, .hour]) }
    }

    public let type: AttributeTypeID
    public let kinds: Kinds

    public init(type: AttributeTypeID, kinds: Kinds) {
        self.type = type
        self.kinds = kinds
    }
}

/// The indexes of a store, by attribute type.
public struct IndexSet: Sendable, Equatable {
    private(set) var kinds: [IndexDefinition.Kinds]
    public private(set) var definitions: [IndexDefinition]

    public init(_ definitions: [IndexDefinition], schema: Schema) {
        kinds = Array(repeating: [], count: schema.attributeTypes.count)
        for definition in definitions { kinds[Int(definition.type.rawValue)].formUnion(definition.kinds) }
        self.definitions = []
        for (index, kind) in kinds.enumerated() where !kind.isEmpty {
            self.definitions.append(IndexDefinition(type: schema.attributeTypes[index].id, kinds: kind))
        }
    }

    public func kinds(of type: AttributeTypeID) -> IndexDefinition.Kinds {
        let index = Int(type.rawValue)
        return index < kinds.count ? kinds[index] : []
    }
}
