/// DIT content rules, name forms and DIT structure rules, in the grammars of RFC 4512 sections 4.1.6 and 4.1.7.
extension DefinitionParser {
    mutating func contentRule() throws(SchemaError) -> ContentRuleDefinition {
        var rule = ContentRuleDefinition()
        rule.oid = try begin()
        var seen: [String] = []
        while let keyword = try keyword(&seen) {
            switch keyword {
            case "NAME": rule.names = try names()
            case "DESC": rule.description = try text(keyword)
            case "OBSOLETE": rule.isObsolete = true
            case "AUX": rule.auxiliaries = try references(keyword)
            case "MUST": rule.must = try references(keyword)
            case "MAY": rule.may = try references(keyword)
            case "NOT": rule.not = try references(keyword)
            default: try otherField(keyword, &rule.extensions, of: "a content rule")
            }
        }
        try finish()
        return rule
    }

    mutating func nameForm() throws(SchemaError) -> NameFormDefinition {
        var form = NameFormDefinition()
        form.oid = try begin()
        var seen: [String] = []
        while let keyword = try keyword(&seen) {
            switch keyword {
            case "NAME": form.names = try names()
            case "DESC": form.description = try text(keyword)
            case "OBSOLETE": form.isObsolete = true
            case "OC": form.objectClass = try reference(keyword)
            case "MUST": form.must = try references(keyword)
            case "MAY": form.may = try references(keyword)
            default: try otherField(keyword, &form.extensions, of: "a name form")
            }
        }
        try finish()
        return form
    }

    mutating func structureRule() throws(SchemaError) -> StructureRuleDefinition {
        var rule = StructureRuleDefinition()
        rule.id = try number(try begin())
        var seen: [String] = []
        while let keyword = try keyword(&seen) {
            switch keyword {
            case "NAME": rule.names = try names()
            case "DESC": rule.description = try text(keyword)
            case "OBSOLETE": rule.isObsolete = true
            case "FORM": rule.form = try reference(keyword)
            case "SUP": for id in try references(keyword) { rule.superiors.append(try number(id)) }
            default: try otherField(keyword, &rule.extensions, of: "a structure rule")
            }
        }
        try finish()
        return rule
    }

    private func number(_ text: String) throws(SchemaError) -> Int {
        guard let number = Int(text), number >= 0 else { throw failure("\"\(text)\" is not the number of a rule") }
        return number
    }

    private mutating func otherField(
        _ keyword: String, _ fields: inout [DefinitionExtension], of what: String
    ) throws(SchemaError) {
        guard keyword.hasPrefix("X-") else { throw failure("\"\(keyword)\" is not a keyword of \(what)") }
        try extensionField(keyword, &fields)
    }
}
