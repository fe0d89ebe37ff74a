/// A DIT content rule (RFC 4512 section 4.1.6): what entries of one structural class may be and hold beyond what the class says.
public struct ContentRule: Sendable {
    /// The structural class; the rule has its OID.
    public let structuralClass: ObjectClassID
    public let isObsolete: Bool
    /// The auxiliary classes that such entries may have.
    public let auxiliaries: [ObjectClassID]
    /// Attributes that they must have.
    public let must: [AttributeTypeID]
    /// Attributes that they may have.
    public let may: [AttributeTypeID]
    /// Attributes that they must not have.
    public let not: [AttributeTypeID]
    let declared: ContentRuleDefinition

    /// The canonical name, or the OID of a rule without names.
    public var name: String { declared.names.first ?? declared.oid }
}

/// A DITContentRuleDescription as it was declared.
struct ContentRuleDefinition: Sendable {
    var oid = ""
    var names: [String] = []
    var description = ""
    var isObsolete = false
    var auxiliaries: [String] = []
    var must: [String] = []
    var may: [String] = []
    var not: [String] = []
    var extensions: [DefinitionExtension] = []

    /// In the grammar of RFC 4512 section 4.1.6.
    var published: String {
        var text = "( " + oid
        text.appendNames(names)
        text.appendField("DESC", quoted: description)
        if isObsolete { text += " OBSOLETE" }
        text.appendField("AUX", list: auxiliaries)
        text.appendField("MUST", list: must)
        text.appendField("MAY", list: may)
        text.appendField("NOT", list: not)
        text.appendExtensions(extensions)
        return text + " )"
    }
}
