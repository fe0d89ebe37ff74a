import BER
import LDAP

extension Syntax {
    /// Whether a value is valid for the syntax.
    ///
    /// As in slapd, a few syntaxes are looked at only loosely: X.509 values must be a whole DER sequence, Guide, Enhanced Guide,
    /// Presentation Address, Data Quality and other relics any UTF-8 text, and images any octets.
    ///
    /// - Parameter schema: what names are looked up in; without it, DNs and OIDs are checked for their form alone.
    public func validate(_ value: RawSpan, schema: Schema?) -> Bool {
        switch self {
        case .octetString, .audio, .binary, .fax, .jpeg, .aciItem: return true
        case .void: return value.isEmpty
        case .directoryString, .authz, .openLDAPACI, .guide, .enhancedGuide, .dataQuality, .accessPoint, .substringAssertion,
            .teletexTerminalIdentifier, .otherMailbox, .presentationAddress, .dsaQuality, .protocolInformation,
            .certificateExactAssertion, .certificateListExactAssertion:
            return !value.isEmpty && value.isUTF8
        case .certificateAssertion, .certificatePairExactAssertion, .certificatePairAssertion, .certificateListAssertion, .algorithmIdentifier:
            return value.isUTF8 && GSERValue(value) != nil
        case .ia5String: return value.isASCII
        case .printableString, .telephoneNumber: return !value.isEmpty && value.allBytes(CharacterClass.isPrintable)
        case .facsimileTelephoneNumber, .telexNumber:
            return !value.isEmpty && value.allBytes { CharacterClass.isPrintable($0) || $0 == 0x24 }
        case .countryString: return value.byteCount == 2 && value.allBytes(CharacterClass.isPrintable)
        case .numericString: return Self.isNumericString(value)
        case .boolean: return Self.isBoolean(value)
        case .integer: return Numbers.digits(value) != nil
        case .bitString: return Self.isBitString(value)
        case .generalizedTime: return Times(generalizedTime: value) != nil
        case .utcTime: return Times(utcTime: value) != nil
        case .oid: return value.isNumericOID || value.isDescriptor
        case .distinguishedName: return Self.isName(value, schema)
        case .nameAndOptionalUID:
            guard let hash = Self.uidSeparator(value) else { return Self.isName(value, schema) }
            return Self.isName(value.extracting(0..<hash), schema)
        case .postalAddress: return Self.isPostalAddress(value)
        case .deliveryMethod: return Self.isDeliveryMethod(value)
        case .certificate, .certificateList, .certificatePair, .supportedAlgorithm, .attributeCertificate, .privateKey:
            return Self.isSequence(value)
        case .uuid: return Identifiers.isUUID(value)
        case .csn: return Identifiers.isCSN(value)
        case .sid: return Identifiers.isSID(value)
        case .authPassword: return Self.isAuthPassword(value)
        case .nisNetgroupTriple: return Self.isNetgroupTriple(value)
        case .bootParameter: return Self.isBootParameter(value)
        case .attributeTypeDescription, .objectClassDescription, .matchingRuleDescription, .matchingRuleUseDescription,
            .ldapSyntaxDescription, .nameFormDescription, .ditContentRuleDescription, .ditStructureRuleDescription:
            return Self.isDescription(value)
        case .subtreeSpecification:
            let count = value.byteCount
            return count >= 2 && value[at: 0] == 0x7b && value[at: count - 1] == 0x7d && value.isUTF8
        }
    }

    static func isBoolean(_ value: RawSpan) -> Bool {
        switch value.byteCount {
        case 4: value[at: 0] == 0x54 && value[at: 1] == 0x52 && value[at: 2] == 0x55 && value[at: 3] == 0x45
        case 5:
            value[at: 0] == 0x46 && value[at: 1] == 0x41 && value[at: 2] == 0x4c && value[at: 3] == 0x53 && value[at: 4] == 0x45
        default: false
        }
    }

    /// `'0101'B` (RFC 4517 section 3.3.2).
    static func isBitString(_ value: RawSpan) -> Bool {
        let count = value.byteCount
        guard count >= 3, value[at: 0] == 0x27, value[at: count - 2] == 0x27, value[at: count - 1] == 0x42 else { return false }
        return value.extracting(1..<(count - 2)).allBytes { $0 == 0x30 || $0 == 0x31 }
    }

    static func isNumericString(_ value: RawSpan) -> Bool {
        !value.isEmpty && value.allBytes { CharacterClass.isDigit($0) || $0 == 0x20 }
    }

    /// Where `#'…'B` begins at the end of a Name And Optional UID, nil when it has none.
    static func uidSeparator(_ value: RawSpan) -> Int? {
        var index = value.byteCount - 1
        while index >= 0, value[at: index] != 0x23 { index -= 1 }
        return index >= 0 && isBitString(value.extracting((index + 1)..<value.byteCount)) ? index : nil
    }

    private static func isName(_ value: RawSpan, _ schema: Schema?) -> Bool {
        guard let name = try? DistinguishedName(parsing: value) else { return false }
        guard let schema else { return true }
        var canonical: [UInt8] = []
        do {
            try schema.normalizeDN(name, into: &canonical)
            return true
        } catch {
            return false
        }
    }

    /// Lines with `$` between them; `\24` and `\5C` for `$` and backslash (RFC 4517 section 3.3.28).
    private static func isPostalAddress(_ value: RawSpan) -> Bool {
        guard !value.isEmpty, value.isUTF8 else { return false }
        var lineLength = 0
        var index = 0
        while index < value.byteCount {
            switch value[at: index] {
            case 0x24:
                guard lineLength > 0 else { return false }
                lineLength = 0
                index += 1
                continue
            case 0x5c:
                guard value.byteCount - index >= 3 else { return false }
                let escape = (value[at: index + 1], lowercase(value[at: index + 2]))
                guard escape == (0x32, 0x34) || escape == (0x35, 0x63) else { return false }
                index += 2
            default: break
            }
            lineLength += 1
            index += 1
        }
        return lineLength > 0
    }

    private static let deliveryMethods: NameTable = {
        var table = NameTable()
        for name in ["any", "mhs", "physical", "telex", "teletex", "g3fax", "g4fax", "ia5", "videotex", "telephone"] {
            _ = table.insert(name, 0)
        }
        return table
    }()

    /// Words with `$` between them (RFC 4517 section 3.3.5).
    private static func isDeliveryMethod(_ value: RawSpan) -> Bool {
        var start = 0
        while true {
            var end = start
            while end < value.byteCount, value[at: end] != 0x24 { end += 1 }
            var first = start
            var last = end
            while first < last, value[at: first] == 0x20 { first += 1 }
            while last > first, value[at: last - 1] == 0x20 { last -= 1 }
            guard deliveryMethods.value(of: value.extracting(first..<last)) != nil else { return false }
            if end == value.byteCount { return true }
            start = end + 1
        }
    }

    /// One DER SEQUENCE and nothing behind it.
    static func isSequence(_ value: RawSpan) -> Bool {
        do {
            var reader = BERReader(value)
            let contents = try reader.contents(of: BERTag.sequence)
            try reader.finish()
            var parts = BERReader(value, contents)
            while !parts.isAtEnd { _ = try parts.element() }
            return !contents.isEmpty
        } catch {
            return false
        }
    }

    /// `scheme $ information $ value` (RFC 3112 section 3.1).
    private static func isAuthPassword(_ value: RawSpan) -> Bool {
        var separators = 0
        for index in 0..<value.byteCount where value[at: index] == 0x24 { separators += 1 }
        return separators == 2 && value.isASCII
    }

    /// `(host,user,domain)`, each of which may be missing (RFC 2307 section 2.4).
    private static func isNetgroupTriple(_ value: RawSpan) -> Bool {
        let count = value.byteCount
        guard count >= 4, value[at: 0] == 0x28, value[at: count - 1] == 0x29, value.isASCII else { return false }
        var commas = 0
        for index in 0..<count where value[at: index] == 0x2c { commas += 1 }
        return commas == 2
    }

    /// `key=server:path` (RFC 2307 section 2.4).
    private static func isBootParameter(_ value: RawSpan) -> Bool {
        var equals: Int?
        var colon: Int?
        for index in 0..<value.byteCount {
            if value[at: index] == 0x3d, equals == nil { equals = index }
            if value[at: index] == 0x3a, colon == nil, equals != nil { colon = index }
        }
        guard let equals, let colon else { return false }
        return equals > 0 && colon > equals + 1 && colon + 1 < value.byteCount && value.isASCII
    }

    private static func isDescription(_ value: RawSpan) -> Bool {
        let count = value.byteCount
        return count >= 4 && value[at: 0] == 0x28 && value[at: count - 1] == 0x29 && value.isUTF8
    }
}
