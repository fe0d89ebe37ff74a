import BER
import LDAP

extension Schema {
    /// Appends the canonical form of a value: two values are equal under the rule exactly when these bytes are equal, and for rules
    /// that order, the order of these bytes (`memcmp`, the shorter first) is the rule's order.
    ///
    /// False, with nothing appended, when the value is not valid for the rule: as an assertion it makes a filter term Undefined.
    /// ASCII strings are done without any allocation but the growth of `out`.
    ///
    /// | values | canonical form |
    /// |---|---|
    /// | strings | prepared as RFC 4518 says, without insignificant spaces |
    /// | integers | sign, number of digits, digits (``Numbers``): any size |
    /// | Generalized Time | in UTC, `YYYYMMDDHHMMSS[.f]` |
    /// | names | as ``normalizeDN(_:into:)`` |
    /// | OIDs | dotted decimal |
    /// | UUIDs | sixteen octets |
    /// | certificates, pairs of them, revocation lists | serial number and issuer, both of them, date and issuer |
    /// | supported algorithms | the algorithm identifier |
    /// | octet strings | as they are |
    public func normalize(_ value: RawSpan, by rule: MatchingRule, into out: inout [UInt8]) -> Bool {
        let start = out.count
        if append(value, rule.form, spaces: .whole, into: &out) { return true }
        out.removeLast(out.count - start)
        return false
    }

    /// May leave something behind when it gives false.
    func append(_ value: RawSpan, _ form: MatchingRule.Form, spaces: SpaceHandling, into out: inout [UInt8]) -> Bool {
        switch form {
        case .caseIgnoreString:
            return !value.isEmpty && StringPreparation.append(value, folding: true, spaces: spaces, into: &out)
        case .caseExactString:
            return !value.isEmpty && StringPreparation.append(value, folding: false, spaces: spaces, into: &out)
        case .caseIgnoreIA5: return ASCIIStrings.append(value, folding: true, spaces: spaces, into: &out)
        case .caseExactIA5: return ASCIIStrings.append(value, folding: false, spaces: spaces, into: &out)
        case .numericString: return Self.appendNumericString(value, into: &out)
        case .telephoneNumber: return Self.appendTelephoneNumber(value, into: &out)
        case .caseIgnoreList: return Self.appendList(value, spaces: spaces, into: &out)
        case .boolean:
            guard Syntax.isBoolean(value) else { return false }
            out.append(value)
            return true
        case .integer: return Numbers.append(value, into: &out)
        case .bitString:
            guard Syntax.isBitString(value) else { return false }
            out.append(value)
            return true
        case .octets:
            out.append(value)
            return true
        case .generalizedTime:
            guard let time = Times(generalizedTime: value) else { return false }
            time.append(into: &out)
            return true
        case .objectIdentifier: return appendOID(value, into: &out)
        case .distinguishedName: return appendName(value, into: &out)
        case .nameAndUID: return appendNameAndUID(value, into: &out)
        case .integerFirstComponent: return Numbers.append(Self.firstComponent(value), into: &out)
        case .objectIdentifierFirstComponent: return appendOID(Self.firstComponent(value), into: &out)
        case .stringFirstComponent:
            return StringPreparation.append(Self.firstComponent(value), folding: true, spaces: spaces, into: &out)
        case .uuid: return Identifiers.appendUUID(value, into: &out)
        case .csn: return Identifiers.appendCSN(value, into: &out)
        case .csnSID: return Identifiers.appendSID(value, into: &out)
        case .certificate: return appendCertificate(value, into: &out)
        case .certificatePair: return appendCertificatePair(value, into: &out)
        case .certificateList: return appendCertificateList(value, into: &out)
        case .algorithmIdentifier: return appendSupportedAlgorithm(value, into: &out)
        case .certificateComponents, .certificatePairComponents, .certificateListComponents:
            guard Syntax.isSequence(value) else { return false }
            out.append(value)
            return true
        }
    }

    /// RFC 4518 section 2.6.2: spaces say nothing. Only digits and spaces are allowed.
    private static func appendNumericString(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        guard Syntax.isNumericString(value) else { return false }
        let start = out.count
        for index in 0..<value.byteCount where value[at: index] != 0x20 { out.append(value[at: index]) }
        if out.count == start { out.append(0x20) }
        return true
    }

    /// RFC 4518 section 2.6.3: spaces and hyphens say nothing; nothing but those becomes one space.
    private static func appendTelephoneNumber(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        let start = out.count
        for index in 0..<value.byteCount {
            let byte = value[at: index]
            guard CharacterClass.isPrintable(byte) else { return false }
            if byte != 0x20, byte != 0x2d { out.append(lowercase(byte)) }
        }
        if out.count == start, !value.isEmpty { out.append(0x20) }
        return out.count > start
    }

    /// RFC 4517 section 4.2.9: line by line.
    private static func appendList(_ value: RawSpan, spaces: SpaceHandling, into out: inout [UInt8]) -> Bool {
        guard case .whole = spaces else { return StringPreparation.append(value, folding: true, spaces: spaces, into: &out) }
        var start = 0
        while true {
            var end = start
            while end < value.byteCount, value[at: end] != 0x24 { end += 1 }
            guard StringPreparation.append(value.extracting(start..<end), folding: true, spaces: .whole, into: &out) else { return false }
            if end == value.byteCount { return true }
            out.append(0x24)
            start = end + 1
        }
    }

    /// RFC 4517 section 4.2.26: names of this schema's classes and attribute types stand for their OIDs; other names are not valid.
    private func appendOID(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        if let id = objectClass(value) {
            out.append(contentsOf: self[id].oid.utf8)
        } else if let id = attributeType(value) {
            out.append(contentsOf: self[id].oid.utf8)
        } else if value.isNumericOID {
            out.append(value)
        } else if let rule = MatchingRule.named(value) {
            out.append(contentsOf: rule.oid.utf8)
        } else {
            return false
        }
        return true
    }

    private func appendName(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        guard let name = try? DistinguishedName(parsing: value) else { return false }
        do {
            try normalizeDN(name, into: &out)
            return true
        } catch {
            return false
        }
    }

    /// `DN[#'…'B]` (RFC 4517 section 3.3.21).
    private func appendNameAndUID(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        let count = value.byteCount
        if let hash = Syntax.uidSeparator(value) {
            guard appendName(value.extracting(0..<hash), into: &out) else { return false }
            out.append(value.extracting(hash..<count))
            return true
        }
        return appendName(value, into: &out)
    }

    /// What stands first in a parenthesised description; an assertion, which has no parentheses, is given back whole.
    @_lifetime(copy value)
    private static func firstComponent(_ value: RawSpan) -> RawSpan {
        guard !value.isEmpty, value[at: 0] == 0x28 else { return value }
        var start = 1
        while start < value.byteCount, value[at: start] == 0x20 { start += 1 }
        var end = start
        while end < value.byteCount, value[at: end] != 0x20, value[at: end] != 0x29 { end += 1 }
        return value.extracting(start..<end)
    }
}
