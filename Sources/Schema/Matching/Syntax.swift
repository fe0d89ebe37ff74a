import BER

/// Syntaxes of attribute values: RFC 4517 section 3.3, RFC 4523 (X.509), RFC 4530 (UUID), RFC 2307 (NIS), RFC 3112 (authPassword),
/// and those that OpenLDAP adds for its own operational attributes.
public enum Syntax: UInt8, Sendable, CaseIterable {
    case aciItem, accessPoint, attributeTypeDescription, audio, binary, bitString, boolean
    case certificate, certificateList, certificatePair, countryString, distinguishedName, dataQuality, deliveryMethod
    case directoryString, ditContentRuleDescription, ditStructureRuleDescription, enhancedGuide
    case facsimileTelephoneNumber, fax, generalizedTime, guide, ia5String, integer, jpeg
    case matchingRuleDescription, matchingRuleUseDescription, nameAndOptionalUID, nameFormDescription
    case numericString, objectClassDescription, oid, otherMailbox, octetString, postalAddress, presentationAddress
    case dsaQuality, protocolInformation
    case printableString, subtreeSpecification, supportedAlgorithm, telephoneNumber, teletexTerminalIdentifier
    case telexNumber, utcTime, ldapSyntaxDescription, substringAssertion
    case nisNetgroupTriple, bootParameter, uuid
    case void, authPassword, csn, sid, authz, openLDAPACI, attributeCertificate, privateKey
    case certificateExactAssertion, certificateListExactAssertion
    case certificateAssertion, certificatePairExactAssertion, certificatePairAssertion, certificateListAssertion, algorithmIdentifier

    private var described: (oid: StaticString, name: StaticString) {
        switch self {
        case .aciItem: ("1.3.6.1.4.1.1466.115.121.1.1", "ACI Item")
        case .accessPoint: ("1.3.6.1.4.1.1466.115.121.1.2", "Access Point")
        case .attributeTypeDescription: ("1.3.6.1.4.1.1466.115.121.1.3", "Attribute Type Description")
        case .audio: ("1.3.6.1.4.1.1466.115.121.1.4", "Audio")
        case .binary: ("1.3.6.1.4.1.1466.115.121.1.5", "Binary")
        case .bitString: ("1.3.6.1.4.1.1466.115.121.1.6", "Bit String")
        case .boolean: ("1.3.6.1.4.1.1466.115.121.1.7", "Boolean")
        case .certificate: ("1.3.6.1.4.1.1466.115.121.1.8", "Certificate")
        case .certificateList: ("1.3.6.1.4.1.1466.115.121.1.9", "Certificate List")
        case .certificatePair: ("1.3.6.1.4.1.1466.115.121.1.10", "Certificate Pair")
        case .countryString: ("1.3.6.1.4.1.1466.115.121.1.11", "Country String")
        case .distinguishedName: ("1.3.6.1.4.1.1466.115.121.1.12", "DN")
        case .dataQuality: ("1.3.6.1.4.1.1466.115.121.1.13", "Data Quality Syntax")
        case .deliveryMethod: ("1.3.6.1.4.1.1466.115.121.1.14", "Delivery Method")
        case .directoryString: ("1.3.6.1.4.1.1466.115.121.1.15", "Directory String")
        case .ditContentRuleDescription: ("1.3.6.1.4.1.1466.115.121.1.16", "DIT Content Rule Description")
        case .ditStructureRuleDescription: ("1.3.6.1.4.1.1466.115.121.1.17", "DIT Structure Rule Description")
        case .enhancedGuide: ("1.3.6.1.4.1.1466.115.121.1.21", "Enhanced Guide")
        case .facsimileTelephoneNumber: ("1.3.6.1.4.1.1466.115.121.1.22", "Facsimile Telephone Number")
        case .fax: ("1.3.6.1.4.1.1466.115.121.1.23", "Fax")
        case .generalizedTime: ("1.3.6.1.4.1.1466.115.121.1.24", "Generalized Time")
        case .guide: ("1.3.6.1.4.1.1466.115.121.1.25", "Guide")
        case .ia5String: ("1.3.6.1.4.1.1466.115.121.1.26", "IA5 String")
        case .integer: ("1.3.6.1.4.1.1466.115.121.1.27", "Integer")
        case .jpeg: ("1.3.6.1.4.1.1466.115.121.1.28", "JPEG")
        case .matchingRuleDescription: ("1.3.6.1.4.1.1466.115.121.1.30", "Matching Rule Description")
        case .matchingRuleUseDescription: ("1.3.6.1.4.1.1466.115.121.1.31", "Matching Rule Use Description")
        case .nameAndOptionalUID: ("1.3.6.1.4.1.1466.115.121.1.34", "Name And Optional UID")
        case .nameFormDescription: ("1.3.6.1.4.1.1466.115.121.1.35", "Name Form Description")
        case .numericString: ("1.3.6.1.4.1.1466.115.121.1.36", "Numeric String")
        case .objectClassDescription: ("1.3.6.1.4.1.1466.115.121.1.37", "Object Class Description")
        case .oid: ("1.3.6.1.4.1.1466.115.121.1.38", "OID")
        case .otherMailbox: ("1.3.6.1.4.1.1466.115.121.1.39", "Other Mailbox")
        case .octetString: ("1.3.6.1.4.1.1466.115.121.1.40", "Octet String")
        case .postalAddress: ("1.3.6.1.4.1.1466.115.121.1.41", "Postal Address")
        case .presentationAddress: ("1.3.6.1.4.1.1466.115.121.1.43", "Presentation Address")
        case .dsaQuality: ("1.3.6.1.4.1.1466.115.121.1.19", "DSA Quality Syntax")
        case .protocolInformation: ("1.3.6.1.4.1.1466.115.121.1.42", "Protocol Information")
        case .printableString: ("1.3.6.1.4.1.1466.115.121.1.44", "Printable String")
        case .subtreeSpecification: ("1.3.6.1.4.1.1466.115.121.1.45", "Subtree Specification")
        case .supportedAlgorithm: ("1.3.6.1.4.1.1466.115.121.1.49", "Supported Algorithm")
        case .telephoneNumber: ("1.3.6.1.4.1.1466.115.121.1.50", "Telephone Number")
        case .teletexTerminalIdentifier: ("1.3.6.1.4.1.1466.115.121.1.51", "Teletex Terminal Identifier")
        case .telexNumber: ("1.3.6.1.4.1.1466.115.121.1.52", "Telex Number")
        case .utcTime: ("1.3.6.1.4.1.1466.115.121.1.53", "UTC Time")
        case .ldapSyntaxDescription: ("1.3.6.1.4.1.1466.115.121.1.54", "LDAP Syntax Description")
        case .substringAssertion: ("1.3.6.1.4.1.1466.115.121.1.58", "Substring Assertion")
        case .nisNetgroupTriple: ("1.3.6.1.1.1.0.0", "RFC2307 NIS Netgroup Triple")
        case .bootParameter: ("1.3.6.1.1.1.0.1", "RFC2307 Boot Parameter")
        case .uuid: ("1.3.6.1.1.16.1", "UUID")
        case .void: ("1.3.6.1.4.1.4203.1.1.1", "OpenLDAP void")
        case .authPassword: ("1.3.6.1.4.1.4203.1.1.2", "OpenLDAP authPassword")
        case .csn: ("1.3.6.1.4.1.4203.666.11.2.1", "CSN")
        case .sid: ("1.3.6.1.4.1.4203.666.11.2.4", "SID")
        case .authz: ("1.3.6.1.4.1.4203.666.2.7", "OpenLDAP authz")
        case .openLDAPACI: ("1.3.6.1.4.1.4203.666.2.1", "OpenLDAP Experimental ACI")
        case .attributeCertificate: ("1.3.6.1.4.1.4203.666.11.10.2.1", "X.509 AttributeCertificate")
        case .privateKey: ("1.2.840.113549.1.8.1.1", "PKCS#8 PrivateKeyInfo")
        case .certificateExactAssertion: ("1.3.6.1.1.15.1", "X.509 Certificate Exact Assertion")
        case .certificateAssertion: ("1.3.6.1.1.15.2", "X.509 Certificate Assertion")
        case .certificatePairExactAssertion: ("1.3.6.1.1.15.3", "X.509 Certificate Pair Exact Assertion")
        case .certificatePairAssertion: ("1.3.6.1.1.15.4", "X.509 Certificate Pair Assertion")
        case .certificateListExactAssertion: ("1.3.6.1.1.15.5", "X.509 Certificate List Exact Assertion")
        case .certificateListAssertion: ("1.3.6.1.1.15.6", "X.509 Certificate List Assertion")
        case .algorithmIdentifier: ("1.3.6.1.1.15.7", "X.509 Algorithm Identifier")
        }
    }

    /// Dotted decimal.
    public var oid: String { described.oid.description }
    /// What the standard calls it.
    public var name: String { described.name.description }

    private static let byOID: NameTable = {
        var table = NameTable()
        for syntax in allCases { _ = table.insert(syntax.oid, UInt16(syntax.rawValue)) }
        return table
    }()

    /// The syntax with an OID, without a bound.
    public static func withOID(_ oid: String) -> Syntax? {
        byOID.value(of: Array(oid.utf8).rawSpan).flatMap { Syntax(rawValue: UInt8($0)) }
    }

    /// Whether values are opaque: any octets are valid, or they are looked at only from outside.
    var isOctets: Bool {
        switch self {
        case .octetString, .audio, .binary, .fax, .jpeg, .certificate, .certificateList, .certificatePair,
            .supportedAlgorithm, .attributeCertificate, .privateKey, .authPassword:
            true
        default: false
        }
    }

    /// Whether values must travel with the `;binary` option (RFC 4523 section 2.1) and are not for people to read.
    public var requiresBinaryTransfer: Bool {
        switch self {
        case .certificate, .certificateList, .certificatePair, .supportedAlgorithm: true
        default: false
        }
    }

    /// In the grammar of RFC 4512 section 4.1.5.
    var published: String {
        "( \(oid) DESC '\(name)'"
            + (requiresBinaryTransfer ? " X-BINARY-TRANSFER-REQUIRED 'TRUE'" : "")
            + (isOctets ? " X-NOT-HUMAN-READABLE 'TRUE'" : "") + " )"
    }
}
