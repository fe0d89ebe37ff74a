import BER
import EntryStore
import LDAP
import Schema

/// Limits of searches for certain clients, in the words of slapd's `limits` (slapd.conf(5)): who they are, then what they may.
///
///     dn.subtree="cn=appaccts,cn=zimbra" size=unlimited time=unlimited
///     users size.soft=500 size.hard=5000
///     anonymous size=50 time=10
///
/// The first rule that is about a client decides; what it does not say is as for everybody.
struct SearchLimitRules: Sendable {
    private enum Subject: Sendable {
        case anybody, anonymous, users
        /// A canonical name, and how clients' names stand to it.
        case name([UInt8], MatchingRule)
    }

    private struct Rule: Sendable {
        var subject: Subject
        var size: SearchBounds?
        var time: SearchBounds?
    }

    private var rules: [Rule] = []
    private let general: ClientLimits

    /// - Throws: naming the rule that is none.
    init(_ texts: [String], _ settings: SearchLimits, _ schema: Schema) throws(DirectoryError) {
        general = ClientLimits(size: SearchBounds(settings.size), time: SearchBounds(settings.time))
        for text in texts { rules.append(try Self.rule(text, schema)) }
    }

    private static func rule(_ text: String, _ schema: Schema) throws(DirectoryError) -> Rule {
        func wrong(_ reason: String) -> DirectoryError { DirectoryError("limits \"\(text)\": \(reason)") }
        var words = split(text)
        guard !words.isEmpty else { throw wrong("nothing is said") }
        let selector = words.removeFirst()
        var rule = Rule(subject: .anybody)
        switch selector {
        case "*": break
        case "anonymous": rule.subject = .anonymous
        case "users": rule.subject = .users
        default:
            let parts = selector.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let style = styles[parts[0]] else {
                throw wrong("'\(selector)' is none of *, anonymous, users, dn[.exact|.one|.subtree|.children]=\"NAME\"")
            }
            var canonical: [UInt8] = []
            do { try schema.normalizeDN(DistinguishedName(parts[1]), into: &canonical) } catch { throw wrong(error.message) }
            rule.subject = .name(canonical, style)
        }
        guard !words.isEmpty else { throw wrong("no limit is given") }
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw wrong("'\(word)' is no limit") }
            let number: Int
            if ["unlimited", "none", "-1"].contains(parts[1]) {
                number = 0
            } else {
                guard let given = Int(parts[1]), given > 0 else { throw wrong("'\(parts[1])' is neither a number above 0 nor unlimited") }
                number = given
            }
            switch parts[0] {
            case "size": rule.size = SearchBounds(number)
            case "size.soft": rule.size = SearchBounds(soft: number, hard: rule.size?.hard ?? number)
            case "size.hard": rule.size = SearchBounds(soft: rule.size?.soft ?? number, hard: number)
            case "time": rule.time = SearchBounds(number)
            case "time.soft": rule.time = SearchBounds(soft: number, hard: rule.time?.hard ?? number)
            case "time.hard": rule.time = SearchBounds(soft: rule.time?.soft ?? number, hard: number)
            default: throw wrong("'\(parts[0])' is none of size, size.soft, size.hard, time, time.soft, time.hard")
            }
        }
        return rule
    }

    private static let styles: [String: MatchingRule] = [
        "dn": .distinguishedNameMatch, "dn.exact": .distinguishedNameMatch, "dn.base": .distinguishedNameMatch, "dn.one": .dnOneLevelMatch, "dn.onelevel": .dnOneLevelMatch,
        "dn.subtree": .dnSubtreeMatch, "dn.sub": .dnSubtreeMatch, "dn.children": .dnSubordinateMatch,
    ]

    /// Words between spaces; quotation marks keep spaces inside, and go.
    private static func split(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        for character in text {
            if character == "\"" {
                isQuoted.toggle()
            } else if character == " ", !isQuoted {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// What a client may. The root identity has no limits.
    func limits(of identity: Identity, _ schema: Schema) -> ClientLimits {
        if case .root = identity { return ClientLimits() }
        if rules.isEmpty { return general }
        var canonical: [UInt8] = []
        if case .entry(_, let name, _) = identity, let name = try? DistinguishedName(parsing: name.rawSpan) {
            try? schema.normalizeDN(name, into: &canonical)
        }
        for rule in rules {
            let isMeant: Bool
            switch rule.subject {
            case .anybody: isMeant = true
            case .anonymous: isMeant = identity.isAnonymous
            case .users: isMeant = !identity.isAnonymous
            case .name(let name, .distinguishedNameMatch): isMeant = !identity.isAnonymous && canonical == name
            case .name(let name, let style):
                isMeant = !identity.isAnonymous && CompiledFilter.nameScope(style, canonical.rawSpan, name.rawSpan)
            }
            if isMeant { return ClientLimits(size: rule.size ?? general.size, time: rule.time ?? general.time) }
        }
        return general
    }
}

/// A limit that holds unless a client asks for another, and the most it may ask for. 0: no limit.
struct SearchBounds: Sendable, Hashable {
    var soft: Int
    var hard: Int

    init(_ limit: Int = 0) { self.init(soft: limit, hard: limit) }

    init(soft: Int, hard: Int) {
        self.soft = soft
        self.hard = hard
    }

    /// What holds for a request.
    /// - Parameters:
    ///   - asked: by the client; 0: nothing.
    ///   - isPaged: a search in pages may go on to the hard limit, as in slapd.
    func limit(asked: Int, isPaged: Bool = false) -> Int {
        if asked == 0 { return isPaged ? hard : soft }
        return hard == 0 ? asked : min(asked, hard)
    }
}

/// What a client's searches may cost.
struct ClientLimits: Sendable, Hashable {
    var size = SearchBounds()
    var time = SearchBounds()
}
