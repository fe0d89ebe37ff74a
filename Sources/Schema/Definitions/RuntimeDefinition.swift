/// What a definition that can change while the directory is in use defines: the attributes of `cn=subschema` whose values clients may
/// change (RFC 4512 section 4.2).
public enum DefinitionKind: UInt8, Sendable, CaseIterable {
    case attributeType = 1
    case objectClass, contentRule, nameForm, structureRule

    /// The attribute of `cn=subschema` that such definitions are values of.
    public var attribute: String {
        switch self {
        case .attributeType: "attributeTypes"
        case .objectClass: "objectClasses"
        case .contentRule: "dITContentRules"
        case .nameForm: "nameForms"
        case .structureRule: "dITStructureRules"
        }
    }

    var directive: SchemaDirective.Kind {
        switch self {
        case .attributeType: .attributeType
        case .objectClass: .objectClass
        case .contentRule: .contentRule
        case .nameForm: .nameForm
        case .structureRule: .structureRule
        }
    }
}

/// A definition that was made while the directory was in use, not in a schema file.
public struct RuntimeDefinition: Sendable, Hashable {
    public let kind: DefinitionKind
    /// OID in dotted decimal, or the number of a structure rule: what the matching rules of `cn=subschema` compare.
    public let identifier: String
    /// First name, or ``identifier`` without one: for people.
    public let name: String
    /// The definition as `cn=subschema` publishes it.
    public let text: String
}
