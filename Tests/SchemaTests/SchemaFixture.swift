import BER
import Glibc
import LDAP
import Schema

/// The repository's own files, and shorthands over them.
enum Fixture {
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    static let names = [
        "system", "core", "cosine", "inetorgperson", "dyngroup", "carbonio", "carbonio-standard", "amavisd", "opendkim", "muster",
    ]

    static func sources() throws -> [SchemaSource] {
        try names.map { try SchemaSource(path: root + "/schema/\($0).schema") }
    }

    /// Everything in `schema/`.
    static let schema: Schema = {
        do {
            return try Schema(sources())
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    static func rows(_ file: String) throws -> [[String: String]] {
        let text = String(decoding: try SchemaSource(path: root + "/schema/catalogue/" + file).text, as: UTF8.self)
        let lines = text.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
        return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
    }
}

extension Schema {
    /// The canonical form, nil when the value is not valid.
    func canonical(_ value: String, _ rule: MatchingRule) -> [UInt8]? {
        canonical(Array(value.utf8), rule)
    }

    func canonical(_ value: [UInt8], _ rule: MatchingRule) -> [UInt8]? {
        // What was there before must stay.
        var out: [UInt8] = [0xaa]
        guard normalize(value.rawSpan, by: rule, into: &out) else {
            precondition(out == [0xaa])
            return nil
        }
        precondition(out.first == 0xaa)
        return Array(out.dropFirst())
    }

    func text(_ value: String, _ rule: MatchingRule) -> String? {
        canonical(value, rule).map { String(decoding: $0, as: UTF8.self) }
    }

    func piece(_ value: String, _ part: SubstringPart, _ rule: MatchingRule) -> String? {
        var out: [UInt8] = []
        return normalizeSubstring(Array(value.utf8).rawSpan, part, by: rule, into: &out) ? String(decoding: out, as: UTF8.self) : nil
    }

    /// Whether a stored value equals an assertion; by both ways, which must agree.
    func matches(_ stored: String, _ assertion: String, _ rule: MatchingRule) -> Bool {
        guard let canonical = canonical(assertion, rule) else { return false }
        var scratch: [UInt8] = []
        let equal = equals(Array(stored.utf8).rawSpan, normalized: canonical.rawSpan, by: rule, scratch: &scratch)
        precondition(equal == (self.canonical(stored, rule) == canonical), "\(stored) and \(assertion) by \(rule)")
        return equal
    }

    func isValid(_ value: String, _ syntax: Syntax) -> Bool {
        syntax.validate(Array(value.utf8).rawSpan, schema: self)
    }

    func canonicalDN(_ name: String) throws(LDAPError) -> String {
        var out: [UInt8] = []
        try normalizeDN(DistinguishedName(parsing: Array(name.utf8).rawSpan), into: &out)
        return String(decoding: out, as: UTF8.self)
    }
}

extension [UInt8] {
    /// `memcmp`, the shorter first.
    func precedes(_ other: [UInt8]) -> Bool { lexicographicallyPrecedes(other) }
}
