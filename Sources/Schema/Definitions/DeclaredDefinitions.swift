/// An `X-` field of a definition (RFC 4512 section 4.1).
struct DefinitionExtension: Sendable, Hashable {
    /// In upper case, with `X-`.
    var name: String
    var values: [String]
}

/// An AttributeTypeDescription (RFC 4512 section 4.1.2) as it was declared; macros of OIDs are resolved by the loader.
struct AttributeTypeDefinition: Sendable {
    var oid = ""
    var names: [String] = []
    var description = ""
    var isObsolete = false
    var superior: String?
    var equality: String?
    var ordering: String?
    var substring: String?
    /// OID (or macro), without the bound.
    var syntax: String?
    var lengthBound: Int?
    var isSingleValue = false
    var isCollective = false
    var isUserModifiable = true
    var usage = AttributeUsage.userApplications
    var extensions: [DefinitionExtension] = []

    /// In the grammar of RFC 4512 section 4.1.2.
    var published: String {
        var text = "( " + oid
        text.appendNames(names)
        text.appendField("DESC", quoted: description)
        if isObsolete { text += " OBSOLETE" }
        text.appendField("SUP", superior)
        text.appendField("EQUALITY", equality)
        text.appendField("ORDERING", ordering)
        text.appendField("SUBSTR", substring)
        if let syntax { text += " SYNTAX " + syntax + (lengthBound.map { "{\($0)}" } ?? "") }
        if isSingleValue { text += " SINGLE-VALUE" }
        if isCollective { text += " COLLECTIVE" }
        if !isUserModifiable { text += " NO-USER-MODIFICATION" }
        switch usage {
        case .userApplications: break
        case .directoryOperation: text += " USAGE directoryOperation"
        case .distributedOperation: text += " USAGE distributedOperation"
        case .dSAOperation: text += " USAGE dSAOperation"
        }
        text.appendExtensions(extensions)
        return text + " )"
    }

    /// Takes the matching rules that another definition of the type has and this one leaves out: OpenLDAP's files have not all that
    /// RFC 4523 gives.
    mutating func takeRules(of other: AttributeTypeDefinition) {
        equality = equality ?? other.equality
        ordering = ordering ?? other.ordering
        substring = substring ?? other.substring
    }

    /// Whether both declare the same type; descriptions and `X-` fields may differ.
    func agrees(with other: AttributeTypeDefinition) -> Bool {
        func same(_ a: String?, _ b: String?) -> Bool { a?.lowercased() == b?.lowercased() }
        return oid == other.oid && names.map { $0.lowercased() } == other.names.map { $0.lowercased() }
            && isObsolete == other.isObsolete && same(superior, other.superior) && same(equality, other.equality)
            && same(ordering, other.ordering) && same(substring, other.substring) && same(syntax, other.syntax)
            && lengthBound == other.lengthBound && isSingleValue == other.isSingleValue
            && isCollective == other.isCollective && isUserModifiable == other.isUserModifiable && usage == other.usage
    }
}

/// An ObjectClassDescription (RFC 4512 section 4.1.1) as it was declared; macros of OIDs are resolved by the loader.
@usableFromInline struct ObjectClassDefinition: Sendable {
    var oid = ""
    var names: [String] = []
    var description = ""
    var isObsolete = false
    var superiors: [String] = []
    var kind = ObjectClassKind.structural
    var must: [String] = []
    var may: [String] = []
    var extensions: [DefinitionExtension] = []

    /// In the grammar of RFC 4512 section 4.1.1.
    var published: String {
        var text = "( " + oid
        text.appendNames(names)
        text.appendField("DESC", quoted: description)
        if isObsolete { text += " OBSOLETE" }
        text.appendField("SUP", list: superiors)
        switch kind {
        case .abstract: text += " ABSTRACT"
        case .structural: text += " STRUCTURAL"
        case .auxiliary: text += " AUXILIARY"
        }
        text.appendField("MUST", list: must)
        text.appendField("MAY", list: may)
        text.appendExtensions(extensions)
        return text + " )"
    }

    /// Whether both declare the same class; descriptions and `X-` fields may differ.
    func agrees(with other: ObjectClassDefinition) -> Bool {
        func folded(_ list: [String]) -> [String] { list.map { $0.lowercased() } }
        return oid == other.oid && folded(names) == folded(other.names) && isObsolete == other.isObsolete
            && folded(superiors).sorted() == folded(other.superiors).sorted() && kind == other.kind
            && folded(must).sorted() == folded(other.must).sorted() && folded(may).sorted() == folded(other.may).sorted()
    }
}

extension String {
    /// `'…'` with RFC 4512 section 4.1's escapes for quote and backslash.
    mutating func appendQuoted(_ value: String) {
        self += "'"
        for scalar in value.unicodeScalars {
            switch scalar {
            case "'": self += "\\27"
            case "\\": self += "\\5C"
            default: unicodeScalars.append(scalar)
            }
        }
        self += "'"
    }

    mutating func appendQuotedList(_ values: [String]) {
        if values.count == 1 {
            appendQuoted(values[0])
        } else {
            self += "("
            for value in values {
                self += " "
                appendQuoted(value)
            }
            self += " )"
        }
    }

    mutating func appendNames(_ names: [String]) {
        guard !names.isEmpty else { return }
        self += " NAME "
        appendQuotedList(names)
    }

    mutating func appendField(_ keyword: String, quoted value: String) {
        guard !value.isEmpty else { return }
        self += " " + keyword + " "
        appendQuoted(value)
    }

    mutating func appendField(_ keyword: String, _ value: String?) {
        if let value { self += " " + keyword + " " + value }
    }

    mutating func appendField(_ keyword: String, list: [String]) {
        guard !list.isEmpty else { return }
        self += " " + keyword + " "
        self += list.count == 1 ? list[0] : "( " + list.joined(separator: " $ ") + " )"
    }

    mutating func appendExtensions(_ extensions: [DefinitionExtension]) {
        for field in extensions {
            self += " " + field.name + " "
            appendQuotedList(field.values)
        }
    }
}
