import BER

extension DistinguishedName {
    /// How many attribute values a name may have in all its levels, unless the caller says otherwise.
    public static let maximumValues = 1000

    /// Parses the string form (RFC 4514), and what OpenLDAP accepts beside it: spaces around separators, and of LDAPv2 (RFC 2253
    /// section 4) `;` as a separator, values in quotation marks, and `OID.` before a dotted type.
    ///
    /// A `#` value is decoded: of a string type (and OCTET STRING) the contents are kept, of any other type the whole BER.
    /// Octets given as `\xx` may be anything; what is not escaped must be UTF-8.
    /// - Throws: `invalidDNSyntax`, also for more than `maximumValues` attribute values.
    public init(parsing bytes: RawSpan, maximumValues: Int = Self.maximumValues) throws(LDAPError) {
        guard bytes.isUTF8 else { throw LDAPError(.invalidDNSyntax, "name is not UTF-8") }
        var parser = NameParser(bytes, remaining: maximumValues)
        rdns = []
        parser.skipSpaces()
        if parser.isAtEnd {
            guard bytes.byteCount == 0 else { throw parser.failure("name of nothing but spaces") }
            return
        }
        rdns.reserveCapacity(4)
        while true {
            rdns.append(RelativeDistinguishedName(values: try parser.values()))
            if parser.isAtEnd { return }
            parser.advance()
        }
    }

    /// Parses the string form.
    /// - Throws: `invalidDNSyntax`.
    public init(_ string: String) throws(LDAPError) {
        let bytes = Array(string.utf8)
        try self.init(parsing: bytes.rawSpan)
    }
}

extension RelativeDistinguishedName {
    /// Parses one level of a name, as in the new name of a modify DN request.
    /// - Throws: `invalidDNSyntax`, also for an empty one and for a name of several levels.
    public init(parsing bytes: RawSpan) throws(LDAPError) {
        let name = try DistinguishedName(parsing: bytes)
        guard name.rdns.count == 1 else { throw LDAPError(.invalidDNSyntax, "not a name of exactly one level") }
        values = name.rdns[0].values
    }
}

/// Walks over the string form of a name, one level at a time.
private struct NameParser: ~Escapable {
    let bytes: RawSpan
    var position = 0
    /// Attribute values that may still come.
    var remaining: Int

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, remaining: Int) {
        self.bytes = bytes
        self.remaining = remaining
    }

    var isAtEnd: Bool { position >= bytes.byteCount }
    var current: UInt8? { position < bytes.byteCount ? bytes[at: position] : nil }

    @_lifetime(self: copy self)
    mutating func advance() { position += 1 }

    @_lifetime(self: copy self)
    mutating func skipSpaces() {
        while current == 0x20 { position += 1 }
    }

    @inline(never)
    func failure(_ reason: StaticString) -> LDAPError {
        LDAPError(.invalidDNSyntax, "\(reason) at byte \(position) of the name")
    }

    /// The values of one level; stops at its separator or at the end.
    @_lifetime(self: copy self)
    mutating func values() throws(LDAPError) -> [AttributeTypeAndValue] {
        var values = [try typeAndValue()]
        while true {
            switch current {
            case nil, 0x2c, 0x3b: return values
            case 0x2b: advance()
            default: throw failure("character after the value")
            }
            values.append(try typeAndValue())
        }
    }

    @_lifetime(self: copy self)
    mutating func typeAndValue() throws(LDAPError) -> AttributeTypeAndValue {
        remaining -= 1
        guard remaining >= 0 else { throw failure("too many values") }
        let type = try type()
        return AttributeTypeAndValue(type: type, value: try value())
    }

    /// `descr` or `numericoid` and the equals sign, with spaces around.
    @_lifetime(self: copy self)
    mutating func type() throws(LDAPError) -> String {
        skipSpaces()
        var start = position
        while let byte = current, byte.isKeyCharacter || byte == 0x2e { advance() }
        if position - start > 4, bytes.slice(ByteRange(start: start, count: 4)).equalsIgnoringCase("oid.") { start += 4 }
        let type = bytes.slice(ByteRange(start: start, count: position - start))
        guard AttributeDescription.isType(type), let string = String(utf8: type) else { throw failure("no attribute type") }
        skipSpaces()
        guard current == 0x3d else { throw failure("no equals sign") }
        advance()
        skipSpaces()
        return string
    }

    /// A value of any form; the spaces after it are skipped.
    @_lifetime(self: copy self)
    mutating func value() throws(LDAPError) -> [UInt8] {
        switch current {
        case 0x23: return try hexValue()
        case 0x22: return try quotedValue()
        default: return try stringValue()
        }
    }

    @_lifetime(self: copy self)
    mutating func stringValue() throws(LDAPError) -> [UInt8] {
        // Most values have no escape: they are found first and copied whole.
        let start = position
        var significant = position
        while let byte = current {
            switch byte {
            case 0x2c, 0x3b, 0x2b:
                return bytes.slice(ByteRange(start: start, count: significant - start)).array
            case 0x5c:
                return try escapedValue(from: start)
            case 0x20:
                advance()
            case 0x22, 0x3c, 0x3e, 0x00:
                throw failure("character that must be escaped")
            default:
                advance()
                significant = position
            }
        }
        return bytes.slice(ByteRange(start: start, count: significant - start)).array
    }

    /// The rest of ``stringValue()`` from the first backslash on.
    @_lifetime(self: copy self)
    mutating func escapedValue(from start: Int) throws(LDAPError) -> [UInt8] {
        var value = bytes.slice(ByteRange(start: start, count: position - start)).array
        // Spaces at the end do not count unless escaped.
        var significant = value.count
        loop: while let byte = current {
            switch byte {
            case 0x2c, 0x3b, 0x2b:
                break loop
            case 0x5c:
                value.append(try escape())
                significant = value.count
            case 0x20:
                value.append(byte)
                advance()
            case 0x22, 0x3c, 0x3e, 0x00:
                throw failure("character that must be escaped")
            default:
                value.append(byte)
                significant = value.count
                advance()
            }
        }
        value.removeLast(value.count - significant)
        return value
    }

    /// `\` and a special character or two hexadecimal digits.
    @_lifetime(self: copy self)
    mutating func escape() throws(LDAPError) -> UInt8 {
        advance()
        guard let first = current else { throw failure("backslash at the end") }
        switch first {
        case 0x22, 0x2b, 0x2c, 0x3b, 0x3c, 0x3e, 0x20, 0x23, 0x3d, 0x5c:
            advance()
            return first
        default:
            return try hexPair()
        }
    }

    @_lifetime(self: copy self)
    mutating func hexPair() throws(LDAPError) -> UInt8 {
        guard let high = current?.hexDigitValue else { throw failure("not a hexadecimal digit") }
        advance()
        guard let low = current?.hexDigitValue else { throw failure("not a hexadecimal digit") }
        advance()
        return high << 4 | low
    }

    @_lifetime(self: copy self)
    mutating func quotedValue() throws(LDAPError) -> [UInt8] {
        advance()
        var value: [UInt8] = []
        while let byte = current {
            switch byte {
            case 0x22:
                advance()
                skipSpaces()
                return value
            case 0x5c:
                value.append(try escape())
            case 0x00:
                throw failure("character that must be escaped")
            default:
                value.append(byte)
                advance()
            }
        }
        throw failure("quotation mark is missing")
    }

    @_lifetime(self: copy self)
    mutating func hexValue() throws(LDAPError) -> [UInt8] {
        advance()
        var encoded: [UInt8] = []
        while let byte = current, byte.hexDigitValue != nil { encoded.append(try hexPair()) }
        guard let value = Self.decode(encoded) else { throw failure("hexadecimal value is not the BER of one value") }
        skipSpaces()
        return value
    }

    /// Contents of a string type, the whole of any other type.
    private static func decode(_ encoded: [UInt8]) -> [UInt8]? {
        var reader = BERReader(encoded.rawSpan)
        guard let (tag, contents) = try? reader.element(), reader.isAtEnd else { return nil }
        switch tag {
        // OCTET STRING, UTF8String, NumericString, PrintableString, TeletexString, IA5String, UTCTime, GeneralizedTime, VisibleString.
        case 0x04, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a: return encoded.rawSpan.slice(contents).array
        default: return encoded
        }
    }
}
