/// What an attribute type's values are for (RFC 4512 section 4.1.2).
public enum AttributeUsage: UInt8, Sendable {
    case userApplications, directoryOperation, distributedOperation, dSAOperation
}

/// A loaded attribute type (RFC 4512 section 2.5.1): what was declared, and what it inherits from its superiors.
///
/// Copying one costs a retain: the fields that operations look at are plain, everything for people sits behind one reference.
public struct AttributeType: Sendable {
    public let id: AttributeTypeID
    /// The type this one is derived from.
    public let superior: AttributeTypeID?
    /// Rule of equality, own or inherited; nil: values cannot be compared.
    public let equality: MatchingRule?
    /// Rule of ordering, own or inherited.
    public let ordering: MatchingRule?
    /// Rule of substrings, own or inherited, for strings of the kind that ``equality`` compares (see ``declaredSubstring``).
    public let substring: MatchingRule?
    /// Own or inherited.
    public let syntax: Syntax
    public let usage: AttributeUsage
    public let isObsolete: Bool
    public let isSingleValue: Bool
    public let isCollective: Bool
    /// False: NO-USER-MODIFICATION.
    public let isUserModifiable: Bool
    /// Whether it was taken out of the schema while the directory was in use (``Schema/replacing(runtimeDefinitions:)``): no name leads to it
    /// any more; its id stays its own.
    public internal(set) var isRemoved = false
    @usableFromInline let text: Text

    /// Whether clients get it only on request (RFC 4512 section 3.4).
    @inlinable public var isOperational: Bool { usage != .userApplications }
    /// Dotted decimal.
    public var oid: String { text.declared.oid }
    /// Short names, the canonical one first; empty when the definition has none.
    public var names: [String] { text.declared.names }
    /// The canonical name, or the OID of a type without names.
    public var name: String { text.name }
    /// ``name`` in UTF-8.
    public var nameBytes: [UInt8] { text.nameBytes }
    /// ``nameBytes`` in lower case: what names an attribute in normalised DNs.
    public var lowercaseNameBytes: [UInt8] { text.lowercaseNameBytes }
    public var description: String { text.declared.description }
    /// What the definition itself names as `SUBSTR`. Carbonio's schema gives many IA5 strings the rule of directory strings.
    public var declaredSubstring: String? { text.declared.substring }
    /// The minimum upper bound that the syntax names in braces; own or inherited. slapd does not enforce it, nor does anything here.
    public var lengthBound: Int? { text.lengthBound }
    /// `X-` fields: name (with `X-`, upper case) and values.
    public var extensions: [(String, [String])] { text.declared.extensions.map { ($0.name, $0.values) } }
    /// Values of one `X-` field, nil when there is none; `name` with `X-`, in upper case.
    public func values(ofExtension name: String) -> [String]? {
        text.declared.extensions.first { $0.name == name }?.values
    }
    /// How the definition was written, in the form that ``Schema/attributeTypeDescriptions`` publishes.
    public var definition: String { text.declared.published }

    /// The parts that no operation looks at while it runs.
    @usableFromInline final class Text: Sendable {
        let declared: AttributeTypeDefinition
        let name: String
        let nameBytes: [UInt8]
        let lowercaseNameBytes: [UInt8]
        let lengthBound: Int?

        init(_ declared: AttributeTypeDefinition, lengthBound: Int?) {
            self.declared = declared
            self.lengthBound = lengthBound
            name = declared.names.first ?? declared.oid
            nameBytes = Array(name.utf8)
            lowercaseNameBytes = nameBytes.map(lowercase)
        }
    }
}
