/// A DIT structure rule (RFC 4512 section 4.1.7.1): below which entries those of a name form may stand.
public struct StructureRule: Sendable {
    /// What superior rules are named by.
    public let id: Int
    /// Place of the name form in ``Schema/nameForms``.
    public let form: Int
    public let isObsolete: Bool
    /// The rules of entries that these may stand below; empty: they begin a part of the tree, and may stand everywhere.
    public let superiors: [Int]
    let declared: StructureRuleDefinition
}

/// A DITStructureRuleDescription as it was declared.
struct StructureRuleDefinition: Sendable {
    var id = 0
    var names: [String] = []
    var description = ""
    var isObsolete = false
    var form = ""
    var superiors: [Int] = []
    var extensions: [DefinitionExtension] = []

    /// In the grammar of RFC 4512 section 4.1.7.1.
    var published: String {
        var text = "( \(id)"
        text.appendNames(names)
        text.appendField("DESC", quoted: description)
        if isObsolete { text += " OBSOLETE" }
        text.appendField("FORM", form)
        if superiors.count == 1 {
            text += " SUP \(superiors[0])"
        } else if !superiors.isEmpty {
            text += " SUP ( " + superiors.map(String.init).joined(separator: " ") + " )"
        }
        text.appendExtensions(extensions)
        return text + " )"
    }
}
