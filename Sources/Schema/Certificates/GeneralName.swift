import BER
import LDAP

/// A GeneralName in an assertion (RFC 5280 section 4.2.1.6).
struct GeneralName: Sendable {
    /// The alternatives by their tags.
    enum Form: UInt8, Sendable {
        case otherName, rfc822Name, dNSName, x400Address, directoryName, ediPartyName, uniformResourceIdentifier, iPAddress, registeredID

        /// By the name that GSER gives it (RFC 4523 appendix A.2).
        init?(_ identifier: String) {
            switch identifier {
            case "otherName": self = .otherName
            case "rfc822Name": self = .rfc822Name
            case "dNSName": self = .dNSName
            case "x400Address": self = .x400Address
            case "directoryName": self = .directoryName
            case "ediPartyName": self = .ediPartyName
            case "uniformResourceIdentifier": self = .uniformResourceIdentifier
            case "iPAddress": self = .iPAddress
            case "registeredID", "registeredId": self = .registeredID
            default: return nil
            }
        }
    }

    enum Value: Sendable {
        case text([UInt8])
        case octets([UInt8])
        /// In canonical form.
        case name([UInt8])
        case objectIdentifier([UInt8])
        case other(type: [UInt8], GSERValue)
        /// X.400 and EDI names: nothing here can compare them.
        case opaque
    }

    let form: Form
    let value: Value

    init?(_ written: GSERValue, _ schema: Schema) {
        guard case .choice(let identifier, let inner) = written, let form = Form(identifier) else { return nil }
        self.form = form
        let value: Value?
        switch form {
        case .rfc822Name, .dNSName, .uniformResourceIdentifier: value = inner.text.map { .text($0) }
        case .iPAddress: value = inner.octets.map { .octets($0) }
        case .directoryName: value = inner.name(schema).map { .name($0) }
        case .registeredID: value = inner.objectIdentifier(schema).map { .objectIdentifier($0) }
        case .x400Address, .ediPartyName: value = .opaque
        case .otherName:
            guard var parts = GSERSequence(inner), let type = try? parts.take("type-id", { $0.objectIdentifier(schema) }),
                let other = try? parts.take("value", { $0 }), parts.isEmpty
            else { return nil }
            value = .other(type: type, other)
        }
        guard let value else { return nil }
        self.value = value
    }

    static func list(_ written: GSERValue, _ schema: Schema) -> [GeneralName]? {
        guard let elements = written.elements else { return nil }
        var names: [GeneralName] = []
        for element in elements {
            guard let name = GeneralName(element, schema) else { return nil }
            names.append(name)
        }
        return names
    }

    /// Whether it equals a name in DER; Undefined for forms that nothing here can compare.
    func equals(_ stored: DERGeneralName, _ bytes: RawSpan, _ schema: Schema) -> Bool? {
        guard stored.form == form else { return false }
        let contents = bytes.slice(stored.contents)
        switch value {
        case .text(let text):
            return switch form {
            case .dNSName: Self.lowercased(contents) == text.map(lowercase)
            // The host's case says nothing (RFC 5280 sections 7.4 and 7.5).
            case .rfc822Name: Self.mailbox(contents.array) == Self.mailbox(text)
            default: contents.elementsEqual(text.rawSpan)
            }
        case .octets(let octets): return contents.elementsEqual(octets.rawSpan)
        case .name(let name):
            guard let place = stored.directoryName(bytes) else { return nil }
            return schema.isName(bytes, place, name)
        case .objectIdentifier(let identifier): return contents.elementsEqual(identifier.rawSpan)
        case .other(let type, let value):
            var reader = BERReader(bytes, stored.contents)
            guard let storedType = try? reader.contents(of: X509Tag.objectIdentifier) else { return nil }
            guard bytes.slice(storedType).elementsEqual(type.rawSpan) else { return false }
            guard let field = try? reader.contents(of: BERTag.contextConstructed(0)) else { return nil }
            var inner = BERReader(bytes, field)
            guard let (tag, place) = try? inner.element() else { return nil }
            return value.equals(tag, bytes.slice(place))
        case .opaque: return nil
        }
    }

    static func lowercased(_ bytes: RawSpan) -> [UInt8] { bytes.array.map(lowercase) }

    /// The host in small letters.
    private static func mailbox(_ text: [UInt8]) -> [UInt8] {
        guard let at = text.lastIndex(of: UInt8(ascii: "@")) else { return text }
        return text[...at] + text[at...].dropFirst().map(lowercase)
    }
}

/// A GeneralName in DER.
struct DERGeneralName {
    let form: GeneralName.Form
    let contents: ByteRange

    /// Nil for a tag that no form has.
    init?(_ tag: UInt8, _ contents: ByteRange) {
        guard tag & 0xc0 == 0x80, let form = GeneralName.Form(rawValue: tag & 0x1f) else { return nil }
        self.form = form
        self.contents = contents
    }

    /// Contents of the SEQUENCE of a directory name; nil when it is damaged.
    func directoryName(_ bytes: RawSpan) -> ByteRange? {
        var reader = BERReader(bytes, contents)
        return try? reader.contents(of: BERTag.sequence)
    }

    /// The names of a SEQUENCE OF: `place` are its contents. A name of a form that nothing knows is damage.
    static func list(_ bytes: RawSpan, _ place: ByteRange) throws(BERError) -> [DERGeneralName] {
        var reader = BERReader(bytes, place)
        var names: [DERGeneralName] = []
        while !reader.isAtEnd {
            let (tag, contents) = try reader.element()
            guard let name = DERGeneralName(tag, contents) else { throw .unexpectedTag(expected: 0x80, found: tag) }
            names.append(name)
        }
        return names
    }
}
