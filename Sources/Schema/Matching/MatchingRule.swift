import BER

/// The matching rules that Muster carries out: RFC 4517 section 4.2, RFC 4530 (UUID), RFC 4523 (certificates),
/// and those that OpenLDAP and Active Directory add.
///
/// Assertions of some of RFC 4523's rules ask for components of a value and have no canonical form: ``ComponentAssertion``. The rules of
/// attribute certificates, and of relics like presentation addresses, compare whole values octet by octet.
public enum MatchingRule: UInt8, Sendable, CaseIterable {
    case objectIdentifierMatch, distinguishedNameMatch
    case caseIgnoreMatch, caseIgnoreOrderingMatch, caseIgnoreSubstringsMatch
    case caseExactMatch, caseExactOrderingMatch, caseExactSubstringsMatch
    case numericStringMatch, numericStringOrderingMatch, numericStringSubstringsMatch
    case caseIgnoreListMatch, caseIgnoreListSubstringsMatch
    case booleanMatch
    case integerMatch, integerOrderingMatch
    case bitStringMatch
    case octetStringMatch, octetStringOrderingMatch, octetStringSubstringsMatch
    case telephoneNumberMatch, telephoneNumberSubstringsMatch
    case uniqueMemberMatch
    case generalizedTimeMatch, generalizedTimeOrderingMatch
    case integerFirstComponentMatch, objectIdentifierFirstComponentMatch, directoryStringFirstComponentMatch
    case caseExactIA5Match, caseIgnoreIA5Match, caseIgnoreIA5SubstringsMatch, caseExactIA5SubstringsMatch
    case uuidMatch, uuidOrderingMatch
    case csnMatch, csnOrderingMatch, csnSIDMatch
    case authzMatch
    case certificateExactMatch, certificateListExactMatch, attributeCertificateExactMatch
    case privateKeyMatch, presentationAddressMatch, protocolInformationMatch
    case dnSubtreeMatch, dnOneLevelMatch, dnSubordinateMatch, dnSuperiorMatch
    case integerBitAndMatch, integerBitOrMatch
    /// A word of the value, between spaces, is the assertion (RFC 4517 sections 4.2.32 and 4.2.21). Every word counts as a keyword.
    case wordMatch, keywordMatch
    /// Active Directory's rule of chains: the value is reached by following names from entry to entry. Only providers of virtual
    /// attributes carry it out; of other attributes it is Undefined.
    case inChainMatch
    case certificateMatch, certificatePairExactMatch, certificatePairMatch, certificateListMatch, algorithmIdentifierMatch

    /// How values are brought into canonical form.
    @usableFromInline enum Form: UInt8, Sendable {
        case caseIgnoreString, caseExactString, caseIgnoreIA5, caseExactIA5
        case numericString, telephoneNumber, caseIgnoreList
        case boolean, integer, bitString, octets, generalizedTime
        case objectIdentifier, distinguishedName, nameAndUID
        case integerFirstComponent, objectIdentifierFirstComponent, stringFirstComponent
        case uuid, csn, csnSID
        case certificate, certificatePair, certificateList, algorithmIdentifier
        /// Whole values; assertions are questions about their components.
        case certificateComponents, certificatePairComponents, certificateListComponents
    }

    /// What a rule is used for.
    public enum Use: UInt8, Sendable {
        case equality, ordering, substrings
        /// Only in extensible match filters.
        case extensible
    }

    private struct Description: Sendable {
        let oid: StaticString
        let name: StaticString
        let syntax: Syntax
        let form: Form
        let use: Use
    }

    private var described: Description {
        func rule(_ oid: StaticString, _ name: StaticString, _ syntax: Syntax, _ form: Form, _ use: Use = .equality) -> Description {
            Description(oid: oid, name: name, syntax: syntax, form: form, use: use)
        }
        return switch self {
        case .objectIdentifierMatch: rule("2.5.13.0", "objectIdentifierMatch", .oid, .objectIdentifier)
        case .distinguishedNameMatch: rule("2.5.13.1", "distinguishedNameMatch", .distinguishedName, .distinguishedName)
        case .caseIgnoreMatch: rule("2.5.13.2", "caseIgnoreMatch", .directoryString, .caseIgnoreString)
        case .caseIgnoreOrderingMatch: rule("2.5.13.3", "caseIgnoreOrderingMatch", .directoryString, .caseIgnoreString, .ordering)
        case .caseIgnoreSubstringsMatch:
            rule("2.5.13.4", "caseIgnoreSubstringsMatch", .substringAssertion, .caseIgnoreString, .substrings)
        case .caseExactMatch: rule("2.5.13.5", "caseExactMatch", .directoryString, .caseExactString)
        case .caseExactOrderingMatch: rule("2.5.13.6", "caseExactOrderingMatch", .directoryString, .caseExactString, .ordering)
        case .caseExactSubstringsMatch:
            rule("2.5.13.7", "caseExactSubstringsMatch", .substringAssertion, .caseExactString, .substrings)
        case .numericStringMatch: rule("2.5.13.8", "numericStringMatch", .numericString, .numericString)
        case .numericStringOrderingMatch: rule("2.5.13.9", "numericStringOrderingMatch", .numericString, .numericString, .ordering)
        case .numericStringSubstringsMatch:
            rule("2.5.13.10", "numericStringSubstringsMatch", .substringAssertion, .numericString, .substrings)
        case .caseIgnoreListMatch: rule("2.5.13.11", "caseIgnoreListMatch", .postalAddress, .caseIgnoreList)
        case .caseIgnoreListSubstringsMatch:
            rule("2.5.13.12", "caseIgnoreListSubstringsMatch", .substringAssertion, .caseIgnoreList, .substrings)
        case .booleanMatch: rule("2.5.13.13", "booleanMatch", .boolean, .boolean)
        case .integerMatch: rule("2.5.13.14", "integerMatch", .integer, .integer)
        case .integerOrderingMatch: rule("2.5.13.15", "integerOrderingMatch", .integer, .integer, .ordering)
        case .bitStringMatch: rule("2.5.13.16", "bitStringMatch", .bitString, .bitString)
        case .octetStringMatch: rule("2.5.13.17", "octetStringMatch", .octetString, .octets)
        case .octetStringOrderingMatch: rule("2.5.13.18", "octetStringOrderingMatch", .octetString, .octets, .ordering)
        case .octetStringSubstringsMatch: rule("2.5.13.19", "octetStringSubstringsMatch", .octetString, .octets, .substrings)
        case .telephoneNumberMatch: rule("2.5.13.20", "telephoneNumberMatch", .telephoneNumber, .telephoneNumber)
        case .telephoneNumberSubstringsMatch:
            rule("2.5.13.21", "telephoneNumberSubstringsMatch", .substringAssertion, .telephoneNumber, .substrings)
        case .uniqueMemberMatch: rule("2.5.13.23", "uniqueMemberMatch", .nameAndOptionalUID, .nameAndUID)
        case .generalizedTimeMatch: rule("2.5.13.27", "generalizedTimeMatch", .generalizedTime, .generalizedTime)
        case .generalizedTimeOrderingMatch:
            rule("2.5.13.28", "generalizedTimeOrderingMatch", .generalizedTime, .generalizedTime, .ordering)
        case .integerFirstComponentMatch: rule("2.5.13.29", "integerFirstComponentMatch", .integer, .integerFirstComponent)
        case .objectIdentifierFirstComponentMatch:
            rule("2.5.13.30", "objectIdentifierFirstComponentMatch", .oid, .objectIdentifierFirstComponent)
        case .directoryStringFirstComponentMatch:
            rule("2.5.13.31", "directoryStringFirstComponentMatch", .directoryString, .stringFirstComponent)
        case .caseExactIA5Match: rule("1.3.6.1.4.1.1466.109.114.1", "caseExactIA5Match", .ia5String, .caseExactIA5)
        case .caseIgnoreIA5Match: rule("1.3.6.1.4.1.1466.109.114.2", "caseIgnoreIA5Match", .ia5String, .caseIgnoreIA5)
        case .caseIgnoreIA5SubstringsMatch:
            rule("1.3.6.1.4.1.1466.109.114.3", "caseIgnoreIA5SubstringsMatch", .substringAssertion, .caseIgnoreIA5, .substrings)
        case .caseExactIA5SubstringsMatch:
            rule("1.3.6.1.4.1.4203.1.2.1", "caseExactIA5SubstringsMatch", .substringAssertion, .caseExactIA5, .substrings)
        case .uuidMatch: rule("1.3.6.1.1.16.2", "UUIDMatch", .uuid, .uuid)
        case .uuidOrderingMatch: rule("1.3.6.1.1.16.3", "UUIDOrderingMatch", .uuid, .uuid, .ordering)
        case .csnMatch: rule("1.3.6.1.4.1.4203.666.11.2.2", "CSNMatch", .csn, .csn)
        case .csnOrderingMatch: rule("1.3.6.1.4.1.4203.666.11.2.3", "CSNOrderingMatch", .csn, .csn, .ordering)
        case .csnSIDMatch: rule("1.3.6.1.4.1.4203.666.11.2.5", "CSNSIDMatch", .sid, .csnSID)
        case .authzMatch: rule("1.3.6.1.4.1.4203.666.4.12", "authzMatch", .authz, .caseExactString)
        case .certificateExactMatch: rule("2.5.13.34", "certificateExactMatch", .certificateExactAssertion, .certificate)
        case .certificateListExactMatch:
            rule("2.5.13.38", "certificateListExactMatch", .certificateListExactAssertion, .certificateList)
        case .certificateMatch: rule("2.5.13.35", "certificateMatch", .certificateAssertion, .certificateComponents)
        case .certificatePairExactMatch:
            rule("2.5.13.36", "certificatePairExactMatch", .certificatePairExactAssertion, .certificatePair)
        case .certificatePairMatch:
            rule("2.5.13.37", "certificatePairMatch", .certificatePairAssertion, .certificatePairComponents)
        case .certificateListMatch:
            rule("2.5.13.39", "certificateListMatch", .certificateListAssertion, .certificateListComponents)
        case .algorithmIdentifierMatch: rule("2.5.13.40", "algorithmIdentifierMatch", .algorithmIdentifier, .algorithmIdentifier)
        case .attributeCertificateExactMatch:
            rule("2.5.13.45", "attributeCertificateExactMatch", .attributeCertificate, .octets)
        case .privateKeyMatch: rule("1.3.6.1.4.1.4203.666.4.13", "privateKeyMatch", .privateKey, .octets)
        case .presentationAddressMatch: rule("2.5.13.22", "presentationAddressMatch", .presentationAddress, .octets)
        case .protocolInformationMatch: rule("2.5.13.24", "protocolInformationMatch", .protocolInformation, .octets)
        case .dnSubtreeMatch:
            rule("1.3.6.1.4.1.4203.666.4.9", "dnSubtreeMatch", .distinguishedName, .distinguishedName, .extensible)
        case .dnOneLevelMatch:
            rule("1.3.6.1.4.1.4203.666.4.8", "dnOneLevelMatch", .distinguishedName, .distinguishedName, .extensible)
        case .dnSubordinateMatch:
            rule("1.3.6.1.4.1.4203.666.4.10", "dnSubordinateMatch", .distinguishedName, .distinguishedName, .extensible)
        case .dnSuperiorMatch:
            rule("1.3.6.1.4.1.4203.666.4.11", "dnSuperiorMatch", .distinguishedName, .distinguishedName, .extensible)
        case .integerBitAndMatch:
            rule("1.2.840.113556.1.4.803", "integerBitAndMatch", .integer, .integer, .extensible)
        case .integerBitOrMatch:
            rule("1.2.840.113556.1.4.804", "integerBitOrMatch", .integer, .integer, .extensible)
        case .wordMatch: rule("2.5.13.32", "wordMatch", .directoryString, .caseIgnoreString, .extensible)
        case .keywordMatch: rule("2.5.13.33", "keywordMatch", .directoryString, .caseIgnoreString, .extensible)
        case .inChainMatch:
            rule("1.2.840.113556.1.4.1941", "inChainMatch", .distinguishedName, .distinguishedName, .extensible)
        }
    }

    /// Forms by raw value: one load on the way of every comparison.
    @usableFromInline static let forms: [Form] = allCases.map { $0.described.form }

    @inlinable var form: Form { Self.forms[Int(rawValue)] }

    /// Dotted decimal.
    public var oid: String { described.oid.description }
    public var name: String { described.name.description }
    /// The syntax of assertion values.
    public var syntax: Syntax { described.syntax }
    public var use: Use { described.use }

    private static let byName: NameTable = {
        var table = NameTable()
        for rule in allCases {
            _ = table.insert(rule.name, UInt16(rule.rawValue))
            _ = table.insert(rule.oid, UInt16(rule.rawValue))
        }
        return table
    }()

    /// The rule with a name (in any case) or OID; allocates nothing.
    public static func named(_ nameOrOID: RawSpan) -> MatchingRule? {
        byName.value(of: nameOrOID).flatMap { MatchingRule(rawValue: UInt8($0)) }
    }

    /// The rule with a name (in any case) or OID.
    public static func named(_ nameOrOID: String) -> MatchingRule? {
        named(Array(nameOrOID.utf8).rawSpan)
    }

    /// Whether the rule can be used on a type in an extensible match (RFC 4511 section 4.5.1.7.7): as slapd has it, its own rule of
    /// equality can, and others by the type's syntax. Assertions of several pieces cannot be given in an extensible match.
    public func applies(to type: AttributeType) -> Bool {
        use != .substrings && (self == type.equality || applies(to: type.syntax))
    }

    /// Whether the rule is meant for values of a syntax.
    private func applies(to syntax: Syntax) -> Bool {
        switch form {
        case .caseIgnoreString, .caseExactString:
            switch syntax {
            case .directoryString, .printableString, .countryString, .telephoneNumber: self.syntax == .directoryString
            default: syntax == self.syntax
            }
        case .caseIgnoreIA5, .caseExactIA5: syntax == .ia5String || syntax == .countryString
        case .numericString: syntax == .numericString
        case .telephoneNumber: syntax == .telephoneNumber
        case .caseIgnoreList: syntax == .postalAddress
        case .boolean: syntax == .boolean
        case .integer: syntax == .integer
        case .bitString: syntax == .bitString
        case .octets: syntax == self.syntax
        case .generalizedTime: syntax == .generalizedTime
        case .objectIdentifier: syntax == .oid
        case .distinguishedName: syntax == .distinguishedName
        case .nameAndUID: syntax == .nameAndOptionalUID
        case .integerFirstComponent: syntax == .integer || syntax == .ditStructureRuleDescription
        case .objectIdentifierFirstComponent:
            switch syntax {
            case .attributeTypeDescription, .objectClassDescription, .matchingRuleDescription, .matchingRuleUseDescription,
                .ldapSyntaxDescription, .nameFormDescription, .ditContentRuleDescription:
                true
            default: false
            }
        case .stringFirstComponent: false
        case .uuid: syntax == .uuid
        case .csn, .csnSID: syntax == .csn || syntax == .sid
        case .certificate, .certificateComponents: syntax == .certificate
        case .certificatePair, .certificatePairComponents: syntax == .certificatePair
        case .certificateList, .certificateListComponents: syntax == .certificateList
        case .algorithmIdentifier: syntax == .supportedAlgorithm
        }
    }

    /// The substrings rule of a type that declares this one: pieces are brought into the form of the type's rule of equality, as in
    /// slapd.
    func substringRule(besides equality: MatchingRule?) -> MatchingRule {
        switch (equality, self) {
        case (.caseIgnoreIA5Match, .caseIgnoreSubstringsMatch), (.caseIgnoreIA5Match, .caseExactIA5SubstringsMatch): .caseIgnoreIA5SubstringsMatch
        case (.caseExactIA5Match, .caseExactSubstringsMatch), (.caseExactIA5Match, .caseIgnoreSubstringsMatch),
            (.caseExactIA5Match, .caseIgnoreIA5SubstringsMatch):
            .caseExactIA5SubstringsMatch
        default: self
        }
    }

    /// In the grammar of RFC 4512 section 4.1.3.
    var published: String {
        "( \(oid) NAME '\(name)' SYNTAX \(syntax.oid) )"
    }
}
