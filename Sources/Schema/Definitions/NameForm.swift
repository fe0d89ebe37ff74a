/// A name form (RFC 4512 section 4.1.7.2): which attributes name entries of a structural class.
public struct NameForm: Sendable {
    /// The structural class.
    public let objectClass: ObjectClassID
    public let isObsolete: Bool
    /// Attributes that must be in the RDN.
    public let must: [AttributeTypeID]
    /// Attributes that may be in it.
    public let may: [AttributeTypeID]
    let declared: NameFormDefinition

    /// The canonical name, or the OID of a form without names.
    public var name: String { declared.names.first ?? declared.oid }

    /// Whether an RDN of these types follows the form.
    public func allows(_ types: [AttributeTypeID]) -> Bool {
        must.allSatisfy(types.contains) && types.allSatisfy { must.contains($0) || may.contains($0) }
    }
}

/// A NameFormDescription as it was declared.
struct NameFormDefinition: Sendable {
    var oid = ""
    var names: [String] = []
    var description = ""
    var isObsolete = false
    var objectClass = ""
    var must: [String] = []
    var may: [String] = []
    var extensions: [DefinitionExtension] = []

    /// In the grammar of RFC 4512 section 4.1.7.2.
    var published: String {
        var text = "( " + oid
        text.appendNames(names)
        text.appendField("DESC", quoted: description)
        if isObsolete { text += " OBSOLETE" }
        text.appendField("OC", objectClass)
        text.appendField("MUST", list: must)
        text.appendField("MAY", list: may)
        text.appendExtensions(extensions)
        return text + " )"
    }
}
