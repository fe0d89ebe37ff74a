import LDAP
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whom names stand for that SASL EXTERNAL brings: the subject of a certificate, or the user at the other end of a local socket.
///
/// A list of rules, as slapd's `authz-regexp`: a regular expression (POSIX extended, letter case ignored) on the whole name, and what it
/// becomes: a DN, the name of the root identity, or a name to log in with, where `$1` to `$9` stand for the groups.
public struct IdentityMap: Sendable {
    private struct Rule: Sendable {
        let pattern: Pattern
        let replacement: String
    }

    private var rules: [Rule] = []

    public init() {}

    /// - Parameter rules: each a regular expression and a replacement, separated by a space: neither has any but in a replacement.
    /// - Throws: naming the rule that is wrong.
    public init(_ rules: [String]) throws(DirectoryError) {
        for rule in rules {
            guard let space = rule.firstIndex(of: " ") else {
                throw DirectoryError("identity map: \"\(rule)\" must be a regular expression, a space and what it becomes")
            }
            let replacement = String(rule[rule.index(after: space)...].drop { $0 == " " })
            guard !replacement.isEmpty else { throw DirectoryError("identity map: \"\(rule)\" says nothing of what the name becomes") }
            self.rules.append(Rule(pattern: try Pattern(String(rule[..<space])), replacement: replacement))
        }
    }

    /// What a name becomes by the first rule that fits; nil if none does.
    func map(_ name: [UInt8]) -> [UInt8]? {
        for rule in rules {
            guard let groups = rule.pattern.match(name) else { continue }
            var result: [UInt8] = []
            var isReference = false
            for byte in rule.replacement.utf8 {
                if isReference {
                    isReference = false
                    if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                        let group = Int(byte - UInt8(ascii: "0"))
                        if group < groups.count { result += groups[group] }
                    } else {
                        result.append(byte)
                    }
                } else if byte == UInt8(ascii: "$") {
                    isReference = true
                } else {
                    result.append(byte)
                }
            }
            return result
        }
        return nil
    }
}

/// A compiled regular expression.
private final class Pattern: @unchecked Sendable {
    // Sound: a compiled expression does not change, and regexec may be called by several threads at once (POSIX).
    private var expression = regex_t()

    init(_ text: String) throws(DirectoryError) {
        let code = regcomp(&expression, text, REG_EXTENDED | REG_ICASE)
        guard code == 0 else {
            var message = [CChar](repeating: 0, count: 256)
            regerror(code, &expression, &message, message.count)
            expression = regex_t()
            throw DirectoryError("identity map: \"\(text)\": \(String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))")
        }
    }

    deinit { regfree(&expression) }

    /// The groups, the whole match first; nil if the expression does not match the whole name.
    func match(_ name: [UInt8]) -> [[UInt8]]? {
        guard name.count <= 4096, !name.contains(0) else { return nil }
        let text = name.map { CChar(bitPattern: $0) } + [0]
        var places = [regmatch_t](repeating: regmatch_t(), count: 10)
        guard regexec(&expression, text, places.count, &places, 0) == 0, places[0].rm_so == 0, Int(places[0].rm_eo) == name.count else { return nil }
        return places.map { place in
            let (start, end) = (Int(place.rm_so), Int(place.rm_eo))
            return start >= 0 && start <= end && end <= name.count ? Array(name[start..<end]) : []
        }
    }
}
