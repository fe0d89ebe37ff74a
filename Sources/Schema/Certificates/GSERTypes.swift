import BER
import LDAP

/// What GSER values stand for once their ASN.1 type is known (RFC 3642).
extension GSERValue {
    /// INTEGER: two's complement, as short as can be. Octets stand for a number that is not negative.
    var integer: [UInt8]? {
        switch self {
        case .integer(let octets): return octets
        case .hexadecimal:
            guard let octets, !octets.isEmpty, octets.count <= DERInteger.maximumOctets else { return nil }
            return DERInteger.shortest([0] + octets)
        default: return nil
        }
    }

    /// OCTET STRING.
    var octets: [UInt8]? {
        guard case .hexadecimal(let digits) = self, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// IA5String and its kin.
    var text: [UInt8]? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// BIT STRING: the places of its ones. `names`: of its bits, from bit 0.
    func ones(_ names: [String]) -> [Int]? {
        switch self {
        case .bits(let bits): return bits.indices.filter { bits[$0] == 1 }
        case .hexadecimal(let digits): return (0..<digits.count * 4).filter { digits[$0 / 4] & 8 >> UInt8($0 % 4) != 0 }
        case .components(let components):
            var ones: [Int] = []
            for component in components {
                guard component.name == nil, case .word(let word) = component.value, let place = names.firstIndex(of: word) else { return nil }
                ones.append(place)
            }
            return ones
        default: return nil
        }
    }

    /// OBJECT IDENTIFIER: contents in DER. Names are those of the schema's attribute types, classes and rules.
    func objectIdentifier(_ schema: Schema) -> [UInt8]? {
        guard case .word(let word) = self else { return nil }
        var dotted: [UInt8] = []
        guard schema.normalize(Array(word.utf8).rawSpan, by: .objectIdentifierMatch, into: &dotted) else { return nil }
        return DERObjectIdentifier.contents(dotted: dotted)
    }

    /// Time: UTC Time or Generalized Time, named or not.
    var time: Times? {
        switch self {
        case .choice("utcTime", .string(let text)): return Times(utcTime: text.rawSpan)
        case .choice("generalizedTime", .string(let text)), .choice("generalTime", .string(let text)): return Times(generalizedTime: text.rawSpan)
        case .string(let text): return Times(generalizedTime: text.rawSpan) ?? Times(utcTime: text.rawSpan)
        default: return nil
        }
    }

    /// Name: in canonical form. `rdnSequence:` may be missing, as for slapd.
    func name(_ schema: Schema) -> [UInt8]? {
        let text: [UInt8]
        switch self {
        case .choice("rdnSequence", .string(let written)), .string(let written): text = written
        default: return nil
        }
        var canonical: [UInt8] = []
        return schema.normalize(text.rawSpan, by: .distinguishedNameMatch, into: &canonical) ? canonical : nil
    }

    /// The elements of a SEQUENCE OF that is not empty.
    var elements: [GSERValue]? {
        guard case .components(let components) = self, !components.isEmpty, components.allSatisfy({ $0.name == nil }) else { return nil }
        return components.map(\.value)
    }
}

/// The components of a SEQUENCE, taken one by one. Their order does not matter.
struct GSERSequence {
    private var components: [String: GSERValue] = [:]

    /// Nil when a component has no name or comes twice.
    init?(_ value: GSERValue) {
        guard case .components(let list) = value else { return nil }
        for component in list {
            guard let name = component.name, components.updateValue(component.value, forKey: name) == nil else { return nil }
        }
    }

    /// Whether all components were taken.
    var isEmpty: Bool { components.isEmpty }

    /// A component read as what it must be; nil when it is not there.
    /// - Throws: ``GSERMismatch`` when it is something else.
    mutating func take<Value>(_ name: String, _ read: (GSERValue) -> Value?) throws(GSERMismatch) -> Value? {
        guard let value = components.removeValue(forKey: name) else { return nil }
        guard let found = read(value) else { throw GSERMismatch() }
        return found
    }
}

/// A component of an assertion is not of its type.
struct GSERMismatch: Error {}
