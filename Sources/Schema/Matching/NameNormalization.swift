import BER
public import LDAP

extension Schema {
    /// Appends a name in canonical form: equal names, equal bytes.
    ///
    /// RDNs are joined by `,`, leaf first; the values of an RDN by `+`, sorted. A value is written as type in lower case (first name,
    /// or the OID of a type without names), `=`, and the value as its type's equality rule normalises it (as it is, for a type
    /// without such a rule). In values, `,`, `+` and `\` are written as `\2c`, `\2b` and `\5c`, so a `,` always parts RDNs.
    ///
    /// Throws `invalidDNSyntax` for types that the schema does not have and values that are not valid for their type, as slapd does.
    public func normalizeDN(_ dn: DistinguishedName, into out: inout [UInt8]) throws(LDAPError) {
        let start = out.count
        do {
            for index in dn.rdns.indices {
                if index > 0 { out.append(0x2c) }
                try normalizeRDN(dn.rdns[index], into: &out)
            }
        } catch {
            out.removeLast(out.count - start)
            throw error
        }
    }

    /// Appends one level of a name in canonical form, as ``normalizeDN(_:into:)`` does; throws `invalidDNSyntax`.
    public func normalizeRDN(_ rdn: RelativeDistinguishedName, into out: inout [UInt8]) throws(LDAPError) {
        if rdn.values.count == 1 { return try append(rdn.values[0], into: &out) }
        guard !rdn.values.isEmpty else { throw LDAPError(.invalidDNSyntax, "RDN without a value") }
        var parts: [[UInt8]] = []
        for value in rdn.values {
            var part: [UInt8] = []
            try append(value, into: &part)
            parts.append(part)
        }
        parts.sort { $0.lexicographicallyPrecedes($1) }
        for (index, part) in parts.enumerated() {
            if index > 0 { out.append(0x2b) }
            out.append(contentsOf: part)
        }
    }

    private func append(_ pair: AttributeTypeAndValue, into out: inout [UInt8]) throws(LDAPError) {
        try normalizeRDN(type: pair.type.utf8Span.span.bytes, value: pair.value.rawSpan, into: &out)
    }

    /// Appends a level of a name that has one value, given as it is (not escaped), in canonical form; throws `invalidDNSyntax`.
    public func normalizeRDN(type name: RawSpan, value: RawSpan, into out: inout [UInt8]) throws(LDAPError) {
        guard let id = attributeType(name) else {
            throw LDAPError(.invalidDNSyntax, "unknown attribute type \"\(String(decoding: name.array, as: UTF8.self))\" in a name")
        }
        let type = self[id]
        let start = out.count
        type.text.lowercaseNameBytes.withUnsafeBufferPointer { out.append(contentsOf: $0) }
        out.append(0x3d)
        let valueStart = out.count
        let isValid: Bool
        switch (type.syntax, type.equality) {
        case (.directoryString, .caseIgnoreMatch), (.ia5String, .caseIgnoreIA5Match):
            // Normalising finds out all that checking the syntax would.
            isValid = append(value, type.syntax == .directoryString ? .caseIgnoreString : .caseIgnoreIA5, spaces: .whole, into: &out)
        case (let syntax, let rule?):
            isValid = syntax.validate(value, schema: self) && normalize(value, by: rule, into: &out)
        case (let syntax, nil):
            isValid = syntax.validate(value, schema: self)
            if isValid { out.append(value) }
        }
        guard isValid else {
            out.removeLast(out.count - start)
            throw LDAPError(.invalidDNSyntax, "value of \(type.name) in a name is not valid for its syntax, \(type.syntax.name)")
        }
        Self.escape(&out, from: valueStart)
    }

    private static func needsEscape(_ byte: UInt8) -> Bool { byte == 0x2c || byte == 0x2b || byte == 0x5c }

    private static func escape(_ out: inout [UInt8], from start: Int) {
        var first = start
        while first < out.count, !needsEscape(out[first]) { first += 1 }
        guard first < out.count else { return }
        let rest = Array(out[first...])
        out.removeLast(rest.count)
        for byte in rest {
            switch byte {
            case 0x2c: out.append(contentsOf: [0x5c, 0x32, 0x63])
            case 0x2b: out.append(contentsOf: [0x5c, 0x32, 0x62])
            case 0x5c: out.append(contentsOf: [0x5c, 0x35, 0x63])
            default: out.append(byte)
            }
        }
    }
}
