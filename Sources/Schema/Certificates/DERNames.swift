import BER
import LDAP

extension DistinguishedName {
    /// The most levels of a name in DER that are read.
    private static let maximumLevels = 256

    /// Reads the contents of a Name in DER (RFC 5280 section 4.1.2.4), in which the root comes first. Types become OIDs, strings of all
    /// kinds UTF-8. Nil for anything else.
    init?(der bytes: RawSpan, _ place: ByteRange) {
        var levels: [RelativeDistinguishedName] = []
        do {
            var sequence = BERReader(bytes, place)
            while !sequence.isAtEnd {
                guard levels.count < Self.maximumLevels else { return nil }
                guard let level = RelativeDistinguishedName(der: bytes, try sequence.contents(of: BERTag.set)) else { return nil }
                levels.append(level)
            }
        } catch {
            return nil
        }
        self.init(rdns: levels.reversed())
    }
}

extension RelativeDistinguishedName {
    /// Reads the contents of a RelativeDistinguishedName's SET.
    init?(der bytes: RawSpan, _ place: ByteRange) {
        var values: [AttributeTypeAndValue] = []
        do {
            var set = BERReader(bytes, place)
            while !set.isAtEnd {
                var pair = BERReader(bytes, try set.contents(of: BERTag.sequence))
                let type = try pair.contents(of: X509Tag.objectIdentifier)
                let (tag, contents) = try pair.element()
                try pair.finish()
                guard let oid = Self.dotted(bytes.slice(type)), let text = DERString.utf8(tag, bytes.slice(contents)) else { return nil }
                values.append(AttributeTypeAndValue(type: oid, value: text))
            }
        } catch {
            return nil
        }
        guard !values.isEmpty else { return nil }
        self.init(values: values)
    }

    /// An OBJECT IDENTIFIER's contents in dotted form (X.690 section 8.19).
    private static func dotted(_ contents: RawSpan) -> String? {
        guard !contents.isEmpty, contents.byteCount <= 64 else { return nil }
        var text = ""
        var arc: UInt64 = 0
        for index in 0..<contents.byteCount {
            guard arc < 1 << 56 else { return nil }
            arc = arc << 7 | UInt64(contents[at: index] & 0x7f)
            if contents[at: index] >= 0x80 {
                if index == contents.byteCount - 1 { return nil }
                continue
            }
            if text.isEmpty {
                let first = min(arc / 40, 2)
                text = "\(first).\(arc - first * 40)"
            } else {
                text += ".\(arc)"
            }
            arc = 0
        }
        return text
    }
}

/// The character strings of ASN.1.
enum DERString {
    /// A DirectoryString (RFC 5280 section 4.1.2.4) or one of its kin in UTF-8; nil for other types.
    static func utf8(_ tag: UInt8, _ contents: RawSpan) -> [UInt8]? {
        switch tag {
        // UTF8String, NumericString, PrintableString, IA5String
        case 0x0c, 0x12, 0x13, 0x16: return contents.isUTF8 ? contents.array : nil
        // TeletexString: most write ISO 8859-1.
        case 0x14: return Array(String(String.UnicodeScalarView(contents.array.map { Unicode.Scalar($0) })).utf8)
        // BMPString
        case 0x1e:
            guard contents.byteCount % 2 == 0 else { return nil }
            var units: [UInt16] = []
            for index in stride(from: 0, to: contents.byteCount, by: 2) {
                units.append(UInt16(contents[at: index]) << 8 | UInt16(contents[at: index + 1]))
            }
            return String(validating: units, as: UTF16.self).map { Array($0.utf8) }
        // UniversalString
        case 0x1c:
            guard contents.byteCount % 4 == 0 else { return nil }
            var scalars = String.UnicodeScalarView()
            for index in stride(from: 0, to: contents.byteCount, by: 4) {
                var number: UInt32 = 0
                for offset in 0..<4 { number = number << 8 | UInt32(contents[at: index + offset]) }
                guard let scalar = Unicode.Scalar(number) else { return nil }
                scalars.append(scalar)
            }
            return Array(String(scalars).utf8)
        default: return nil
        }
    }
}

extension Schema {
    /// How a Name in DER compares to one in canonical form; nil for a name that cannot be read. A type that this schema does not have is in
    /// no canonical name.
    func isName(_ bytes: RawSpan, _ place: ByteRange, _ canonical: [UInt8]) -> Bool? {
        guard let name = DistinguishedName(der: bytes, place) else { return nil }
        return canonicalForm(name) == canonical
    }

    /// Nil for a name with types that this schema does not have, or with values that are not valid for them.
    func canonicalForm(_ name: DistinguishedName) -> [UInt8]? {
        var canonical: [UInt8] = []
        return (try? normalizeDN(name, into: &canonical)) == nil ? nil : canonical
    }

    /// By how many levels a canonical name is below another; nil when it is not below it, zero for the same name.
    static func levels(of name: [UInt8], below base: [UInt8]) -> Int? {
        if name == base { return 0 }
        guard base.isEmpty || name.count > base.count && name.hasSuffix(base) && name[name.count - base.count - 1] == UInt8(ascii: ",") else { return nil }
        return levels(of: name) - levels(of: base)
    }

    /// The same for a name that may have types, below the base, which this schema does not have.
    func levels(of name: DistinguishedName, below base: [UInt8]) -> Int? {
        let count = Self.levels(of: base)
        guard name.rdns.count >= count, canonicalForm(DistinguishedName(rdns: Array(name.rdns.suffix(count)))) == base else { return nil }
        return name.rdns.count - count
    }

    /// Of a canonical name. Commas in values are escaped.
    private static func levels(of name: [UInt8]) -> Int {
        name.isEmpty ? 0 : name.count { $0 == UInt8(ascii: ",") } + 1
    }
}

extension [UInt8] {
    func hasSuffix(_ end: some BidirectionalCollection<UInt8>) -> Bool { reversed().starts(with: end.reversed()) }
}
