/// The kind of an object class (RFC 4512 section 2.4).
public enum ObjectClassKind: UInt8, Sendable {
    case abstract, structural, auxiliary
}

/// A loaded object class (RFC 4512 section 2.4): what was declared, and what it inherits from its superiors.
public struct ObjectClass: Sendable {
    public let id: ObjectClassID
    public let kind: ObjectClassKind
    public let isObsolete: Bool
    /// Direct superiors, as declared.
    public let superiors: [ObjectClassID]
    /// Attributes that this class itself demands, as declared.
    public let must: [AttributeTypeID]
    /// Attributes that this class itself allows, as declared.
    public let may: [AttributeTypeID]
    /// Everything demanded by this class and its superiors; ascending, each once.
    public let allMust: [AttributeTypeID]
    /// Everything allowed but not demanded by this class and its superiors; ascending, each once.
    public let allMay: [AttributeTypeID]
    /// Whether it was taken out of the schema while the directory was in use, as with ``AttributeType/isRemoved``.
    public internal(set) var isRemoved = false
    @usableFromInline let declared: ObjectClassDefinition

    /// Dotted decimal.
    public var oid: String { declared.oid }
    /// Short names, the canonical one first; empty when the definition has none.
    public var names: [String] { declared.names }
    /// The canonical name, or the OID of a class without names.
    public var name: String { declared.names.first ?? declared.oid }
    public var description: String { declared.description }
    /// `X-` fields: name (with `X-`, upper case) and values.
    public var extensions: [(String, [String])] { declared.extensions.map { ($0.name, $0.values) } }
    /// How the definition was written, in the form that ``Schema/objectClassDescriptions`` publishes.
    public var definition: String { declared.published }

    /// Whether entries of this class may hold the attribute; by binary search.
    public func allows(_ type: AttributeTypeID) -> Bool { allMay.holds(type) || allMust.holds(type) }
    /// Whether entries of this class must hold the attribute; by binary search.
    public func requires(_ type: AttributeTypeID) -> Bool { allMust.holds(type) }
}

extension [AttributeTypeID] {
    /// Binary search; the array is ascending.
    func holds(_ id: AttributeTypeID) -> Bool {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == id
    }
}
