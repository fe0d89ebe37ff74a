/// What `cn=subschema` publishes (RFC 4512 section 4.2); each is made anew on every call.
extension Schema {
    /// Values of `attributeTypes`.
    public var attributeTypeDescriptions: [String] { attributeTypes.filter { !$0.isRemoved }.map(\.definition) }

    /// Values of `objectClasses`.
    public var objectClassDescriptions: [String] { objectClasses.filter { !$0.isRemoved }.map(\.definition) }

    /// Values of `dITContentRules`.
    public var contentRuleDescriptions: [String] { contentRules.map(\.declared.published) }

    /// Values of `nameForms`.
    public var nameFormDescriptions: [String] { nameForms.map(\.declared.published) }

    /// Values of `dITStructureRules`.
    public var structureRuleDescriptions: [String] { structureRules.map(\.declared.published) }

    /// Values of `ldapSyntaxes`.
    public var ldapSyntaxDescriptions: [String] { Syntax.allCases.map(\.published) }

    /// Values of `matchingRules`.
    public var matchingRuleDescriptions: [String] { MatchingRule.allCases.map(\.published) }

    /// Values of `matchingRuleUse`: the user attributes that each rule can be applied to in an extensible match.
    public var matchingRuleUseDescriptions: [String] {
        var uses: [String] = []
        for rule in MatchingRule.allCases {
            let types = attributeTypes.filter { !$0.isRemoved && rule.applies(to: $0) }.map(\.name)
            guard !types.isEmpty else { continue }
            uses.append("( \(rule.oid) NAME '\(rule.name)' APPLIES \(types.count == 1 ? types[0] : "( " + types.joined(separator: " $ ") + " )") )")
        }
        return uses
    }
}
