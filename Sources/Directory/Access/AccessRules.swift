import BER
import EntryStore
import LDAP
import Schema

/// All access rules of a directory, compiled for its schema.
///
/// What a rule asks of a client or of an entry is one bit of a number each; deciding is then comparing numbers. Conditions of the
/// client are known when it binds (membership of groups: per commit), conditions of an entry are looked at only if, for this client, a
/// rule depends on them.
final class AccessRules: Sendable {
    let schema: Schema
    let rules: [AccessRule]
    let subjectConditions: [SubjectCondition]
    let entryConditions: [EntryCondition]
    /// Those of ``subjectConditions`` that are groups.
    let groups: UInt64
    /// Whether any rule is about certain values.
    let hasValueRules: Bool

    /// All of ``entryConditions``, as bits.
    var entryTests: UInt64 { entryConditions.isEmpty ? 0 : .max >> UInt64(64 - entryConditions.count) }

    /// - Throws: for the first rule that cannot be used.
    init(_ texts: [AccessRuleText], _ schema: Schema) throws(AccessRuleError) {
        self.schema = schema
        var parser = AccessRuleParser(schema)
        for text in texts { try parser.read(text) }
        rules = parser.rules
        subjectConditions = parser.subjectConditions
        entryConditions = parser.entryConditions
        var groups: UInt64 = 0
        for (bit, condition) in subjectConditions.enumerated() {
            if case .group = condition { groups |= 1 << UInt64(bit) }
        }
        self.groups = groups
        hasValueRules = rules.contains { rule in rule.value != nil || rule.clauses.contains { $0.needsOwnName } }
    }

    /// Rules for any directory: everybody who is bound reads everything but passwords; administrators write; everybody may set
    /// their own password.
    static func simple(administrators: String) -> [AccessRuleText] {
        let quoted = administrators.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
        return [
            AccessRuleText(
                "to attrs=userPassword by dn.children=\"\(quoted)\" write by self =dxw by anonymous auth by users =d by * none",
                place: "built in"),
            AccessRuleText("to * by dn.children=\"\(quoted)\" write by users read by * none", place: "built in"),
        ]
    }

    /// What is granted.
    /// - Parameters:
    ///   - value: the value concerned; nil: the attribute as such.
    ///   - subject: its conditions, those of groups included.
    ///   - own: the subject's canonical name.
    ///   - entry: the conditions that hold of the entry; of those in ``bounds(_:subject:)`` all must be known.
    ///   - trace: told of each rule about the datum and entry, with the clause that was applied (nil: no clause fits).
    func privileges(
        _ datum: AccessDatum, value: [UInt8]?, subject: UInt64, own: [UInt8], entry: UInt64,
        trace: (AccessRule, AccessRule.Clause?) -> Void = { _, _ in }
    ) -> AccessPrivileges {
        var granted: AccessPrivileges = []
        rules: for rule in rules {
            if let data = rule.data, !data.contains(datum) { continue }
            guard rule.entryTests & ~entry == 0 else { continue }
            if let test = rule.value {
                guard let value, test.holds(value, schema) else { continue }
            }
            for clause in rule.clauses {
                guard clause.subjectTests & ~subject == 0, clause.entryTests & ~entry == 0 else { continue }
                if clause.needsOwnName {
                    guard let value, isOwnName(value, own) else { continue }
                }
                granted = clause.grant.apply(to: granted)
                trace(rule, clause)
                switch clause.control {
                case .stop: return granted
                case .break: continue rules
                case .continue: continue
                }
            }
            // `by * none stop` ends every rule.
            trace(rule, nil)
            return []
        }
        // `to * by * none` ends the rules.
        return []
    }

    private func isOwnName(_ value: [UInt8], _ own: [UInt8]) -> Bool {
        var canonical: [UInt8] = []
        return !own.isEmpty && schema.normalize(value.rawSpan, by: .distinguishedNameMatch, into: &canonical) && canonical == own
    }

    /// What is granted for some entry and value at least and at most, and what decides it.
    struct Bounds {
        var least = AccessPrivileges.all
        var most: AccessPrivileges = []
        /// Conditions of the entry that make a difference.
        var tests: UInt64 = 0
        /// Whether the value makes one.
        var dependsOnValue = false

        mutating func end(_ least: AccessPrivileges, _ most: AccessPrivileges) {
            self.least.formIntersection(least)
            self.most.formUnion(most)
        }
    }

    func bounds(_ datum: AccessDatum, subject: UInt64) -> Bounds {
        var result = Bounds()
        var least: AccessPrivileges = []
        var most: AccessPrivileges = []
        for rule in rules {
            if let data = rule.data, !data.contains(datum) { continue }
            // What the next rule begins with: nil if it cannot be reached.
            var next: (least: AccessPrivileges, most: AccessPrivileges)? = nil
            func goOn(_ least: AccessPrivileges, _ most: AccessPrivileges) {
                next = next.map { ($0.least.intersection(least), $0.most.union(most)) } ?? (least, most)
            }
            result.tests |= rule.entryTests
            if rule.value != nil { result.dependsOnValue = true }
            if rule.entryTests != 0 || rule.value != nil { goOn(least, most) }
            var isOpen = true
            for clause in rule.clauses where clause.subjectTests & ~subject == 0 {
                let isCertain = clause.entryTests == 0 && !clause.needsOwnName
                result.tests |= clause.entryTests
                if clause.needsOwnName { result.dependsOnValue = true }
                let granted = (clause.grant.apply(to: least), clause.grant.apply(to: most))
                switch clause.control {
                case .stop: result.end(granted.0, granted.1)
                case .break: goOn(granted.0, granted.1)
                case .continue:
                    if isCertain {
                        (least, most) = granted
                    } else {
                        least.formIntersection(granted.0)
                        most.formUnion(granted.1)
                    }
                    continue
                }
                if isCertain {
                    isOpen = false
                    break
                }
            }
            if isOpen { result.end([], []) }
            guard let next else { return result }
            (least, most) = next
        }
        result.end([], [])
        return result
    }
}
