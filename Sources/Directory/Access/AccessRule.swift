import BER
import LDAP
import Schema

/// What is judged: an attribute type, or one of the pseudo attributes `entry` and `children`. A number: attribute types first.
struct AccessDatum: Hashable, Sendable {
    let index: Int

    // The two that are no types come first: types that are defined later then leave all indexes as they are.
    init(_ type: AttributeTypeID) { index = Int(type.rawValue) + 2 }
    private init(index: Int) { self.index = index }

    static let entry = AccessDatum(index: 0)
    static let children = AccessDatum(index: 1)
    /// How many there are.
    static func count(_ schema: Schema) -> Int { schema.attributeTypes.count + 2 }
    static func all(_ schema: Schema) -> [AccessDatum] { (0..<count(schema)).map { AccessDatum(index: $0) } }
}

/// How a name stands to that in a rule.
enum AccessNameStyle: Hashable, Sendable {
    case base, one, subtree, children
    /// The pattern is so many levels above.
    case level(Int)

    /// Whether a canonical name stands so to another.
    func holds(_ name: [UInt8], _ base: [UInt8]) -> Bool {
        switch self {
        case .base: return name == base
        case .subtree: return name == base || AccessName.isBelow(name, base)
        case .children: return AccessName.isBelow(name, base)
        case .one: return AccessName.isBelow(name, base) && AccessName.levels(name) == AccessName.levels(base) + 1
        case .level(let count):
            return (name == base || AccessName.isBelow(name, base)) && AccessName.levels(name) == AccessName.levels(base) + count
        }
    }
}

/// One rule: what it is about, and who gets what. Conditions are numbers of bits: what they mean is kept once for all rules, see
/// ``AccessRules``.
struct AccessRule: Sendable {
    /// From 1.
    let number: Int
    /// Where it was read.
    let place: String
    /// What follows `to`, as written.
    let target: String
    /// Entry conditions that must hold.
    let entryTests: UInt64
    /// Attributes and pseudo attributes concerned; nil: all.
    let data: AccessDataSet?
    /// Values concerned; nil: the attribute as such and all its values.
    let value: AccessValueTest?
    var clauses: [Clause]

    /// `by …`
    struct Clause: Sendable {
        /// As written.
        let text: String
        /// Conditions of the subject that must hold.
        let subjectTests: UInt64
        /// Conditions of the entry that must hold.
        let entryTests: UInt64
        /// Only values that are the subject's own name (`selfwrite`).
        let needsOwnName: Bool
        let grant: Grant
        let control: Control
    }

    struct Grant: Sendable {
        enum Mode: Sendable { case assign, add, remove }
        let mode: Mode
        let privileges: AccessPrivileges

        func apply(to granted: AccessPrivileges) -> AccessPrivileges {
            switch mode {
            case .assign: privileges
            case .add: granted.union(privileges)
            case .remove: granted.subtracting(privileges)
            }
        }
    }

    enum Control: String, Sendable { case stop, `continue`, `break` }
}

/// A set of ``AccessDatum``.
struct AccessDataSet: Sendable {
    private var words: [UInt64]

    init(_ schema: Schema) { words = Array(repeating: 0, count: (AccessDatum.count(schema) + 63) / 64) }

    mutating func insert(_ datum: AccessDatum) { words[datum.index >> 6] |= 1 << UInt64(datum.index & 63) }
    func contains(_ datum: AccessDatum) -> Bool {
        datum.index >> 6 < words.count && words[datum.index >> 6] & 1 << UInt64(datum.index & 63) != 0
    }
}

/// `val…=` of a rule.
enum AccessValueTest: Sendable {
    case equal(MatchingRule, canonical: [UInt8])
    case pattern(RegularExpression, MatchingRule?)
    case name(AccessNameStyle, canonical: [UInt8])

    func holds(_ value: [UInt8], _ schema: Schema) -> Bool {
        var canonical: [UInt8] = []
        switch self {
        case .equal(let rule, let wanted):
            return schema.normalize(value.rawSpan, by: rule, into: &canonical) && canonical == wanted
        case .pattern(let pattern, let rule):
            guard let rule else { return pattern.matches(value) != nil }
            return schema.normalize(value.rawSpan, by: rule, into: &canonical) && pattern.matches(canonical) != nil
        case .name(let style, let base):
            return schema.normalize(value.rawSpan, by: .distinguishedNameMatch, into: &canonical) && style.holds(canonical, base)
        }
    }
}

/// Canonical names as bytes: a comma always parts levels.
enum AccessName {
    static func isBelow(_ name: [UInt8], _ base: [UInt8]) -> Bool {
        guard name.count > base.count else { return false }
        if base.isEmpty { return true }
        return name[name.count - base.count - 1] == UInt8(ascii: ",") && name[(name.count - base.count)...].elementsEqual(base)
    }

    static func levels(_ name: [UInt8]) -> Int { name.isEmpty ? 0 : name.reduce(1) { $1 == UInt8(ascii: ",") ? $0 + 1 : $0 } }

    /// The name so many levels above; nil if there are not so many.
    static func above(_ name: [UInt8], _ count: Int) -> [UInt8]? {
        var rest = name[...]
        for _ in 0..<count {
            if rest.isEmpty { return nil }
            rest = rest.firstIndex(of: UInt8(ascii: ",")).map { rest[($0 + 1)...] } ?? []
        }
        return Array(rest)
    }
}

/// A rule that cannot be used: which, where and why.
public struct AccessRuleError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The number of the rule, from 1, and where it was read.
    public let rule: String
    public let reason: String
    public var description: String { "\(rule): \(reason)" }
}
