import BER
import LDAP

/// A text in which `%n` stands for a user's name, `%u` for what comes before its `@`, `%d` for its domain, `%D` for that as
/// `dc=…,dc=…`, and `%%` for a percent sign (4.3.6). Another letter stands for itself.
struct NameTemplate: Sendable, Hashable {
    let text: [UInt8]

    init(_ text: String) { self.text = Array(text.utf8) }

    /// As a filter (RFC 4515): nothing in a name can change what the filter means (pitfall 32).
    func filter(_ name: [UInt8]) -> String {
        func escape(_ value: [UInt8]) -> [UInt8] {
            var escaped: [UInt8] = []
            Filter.escape(value.rawSpan, into: &escaped)
            return escaped
        }
        return String(decoding: expand(name, escape, components: { escape(Self.components($0)) }), as: UTF8.self)
    }

    /// As the name to bind with. One that has the form of a DN is made with escaped values (RFC 4514); others, as Active Directory's
    /// `user@domain`, have no special characters. An empty template, and `%n` alone, are the name itself.
    func bindName(_ name: [UInt8]) -> String {
        if text.isEmpty || text == Array("%n".utf8) { return String(decoding: name, as: UTF8.self) }
        let isDN = text.contains(UInt8(ascii: "="))
        return String(decoding: expand(name, { isDN ? Self.escape($0) : $0 }, components: Self.components), as: UTF8.self)
    }

    private static func escape(_ value: [UInt8]) -> [UInt8] {
        var escaped: [UInt8] = []
        AttributeTypeAndValue.escape(value.rawSpan, into: &escaped)
        return escaped
    }

    /// `a.b` as `dc=a,dc=b`.
    private static func components(_ domain: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for label in domain.split(separator: UInt8(ascii: ".")) {
            if !result.isEmpty { result.append(UInt8(ascii: ",")) }
            result += Array("dc=".utf8) + escape(Array(label))
        }
        return result
    }

    private func expand(_ name: [UInt8], _ escape: ([UInt8]) -> [UInt8], components: ([UInt8]) -> [UInt8]) -> [UInt8] {
        let at = name.firstIndex(of: UInt8(ascii: "@"))
        let user = at.map { Array(name[..<$0]) } ?? name
        let domain = at.map { Array(name[($0 + 1)...]) } ?? []
        var result: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), let letter = rest.popFirst() else {
                result.append(byte)
                continue
            }
            switch letter {
            case UInt8(ascii: "n"): result += escape(name)
            case UInt8(ascii: "u"): result += escape(user)
            case UInt8(ascii: "d"): result += escape(domain)
            case UInt8(ascii: "D"): result += components(domain)
            default: result.append(letter)
            }
        }
        return result
    }
}
