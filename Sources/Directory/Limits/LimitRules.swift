import BER
import EntryStore
import LDAP
import Schema

/// The limits of searches by who asks: `limits WHO LIMIT…` of slapd.conf(5). The first rule whose WHO is the client counts, over the
/// limits that all have.
struct LimitRules: Sendable {
    private struct Rule: Sendable {
        let condition: Condition
        let changes: [Change]
    }

    private enum Condition: Sendable {
        case all, anonymous, users
        case name(AccessNameStyle, canonical: [UInt8])
        case pattern(RegularExpression)
        case group(AccessGroup)
    }

    private enum Change: Sendable {
        case softSize(Int), hardSize(Int?), softTime(Int), hardTime(Int?), candidates(Int), pageSize(Int)
        case paging(SearchAllowance.Paging)
    }

    private let standard: SearchAllowance
    private var rules: [Rule] = []

    /// - Parameters:
    ///   - texts: each `WHO LIMIT…`, with or without `limits` before it.
    /// - Throws: naming the rule that cannot be used.
    init(_ texts: [String], standard: SearchLimits, _ schema: Schema) throws(DirectoryError) {
        self.standard = SearchAllowance(standard)
        for (index, text) in texts.enumerated() {
            do throws(Failure) { rules.append(try Self.rule(text, schema)) } catch {
                throw DirectoryError("limits, rule \(index + 1) \"\(text)\": \(error.reason)")
            }
        }
    }

    /// What a client's searches may cost. The root identity has no limits, as slapd's.
    func allowance(_ subject: AccessSubject, _ directory: Directory) -> SearchAllowance {
        if subject.isRoot { return .unlimited }
        var result = standard
        guard let rule = rules.first(where: { Self.holds($0.condition, subject, directory) }) else { return result }
        for change in rule.changes {
            switch change {
            case .softSize(let value): result.softSize = value
            case .hardSize(let value): result.hardSize = value
            case .softTime(let value): result.softTime = value
            case .hardTime(let value): result.hardTime = value
            case .candidates(let value): result.candidates = value
            case .pageSize(let value): result.pageSize = value
            case .paging(let value): result.paging = value
            }
        }
        return result
    }

    private static func holds(_ condition: Condition, _ subject: AccessSubject, _ directory: Directory) -> Bool {
        switch condition {
        case .all: return true
        case .anonymous: return subject.identity.isAnonymous
        case .users: return !subject.identity.isAnonymous
        case .name(let style, let base): return !subject.identity.isAnonymous && style.holds(subject.name, base)
        case .pattern(let pattern): return !subject.identity.isAnonymous && pattern.matches(subject.name) != nil
        case .group(let group):
            guard let snapshot = try? directory.store.snapshot() else { return false }
            return directory.isMember(subject, of: group, snapshot)
        }
    }

    // MARK: Reading rules

    private struct Failure: Error { let reason: String }

    private static func rule(_ text: String, _ schema: Schema) throws(Failure) -> Rule {
        var words: [String]
        do { words = try AccessRuleText(text, place: "").words() } catch { throw Failure(reason: "a quote is not closed") }
        if words.first?.lowercased() == "limits" { words.removeFirst() }
        guard let who = words.first else { throw Failure(reason: "says nobody") }
        guard words.count > 1 else { throw Failure(reason: "says no limit") }
        var changes: [Change] = []
        for word in words.dropFirst() { changes += try Self.changes(word) }
        return Rule(condition: try condition(who, schema), changes: changes)
    }

    private static func condition(_ word: String, _ schema: Schema) throws(Failure) -> Condition {
        switch word.lowercased() {
        case "*": return .all
        case "anonymous": return .anonymous
        case "users": return .users
        default: break
        }
        guard let equals = word.firstIndex(of: "=") else { throw Failure(reason: "\(word): not *, anonymous, users, dn…= or group…=") }
        let left = word[..<equals]
        let value = String(word[word.index(after: equals)...])
        if left.lowercased().hasPrefix("group") { return try group(left, value, schema) }
        var parts = left.lowercased().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.first == "dn" else { throw Failure(reason: "\(word): not *, anonymous, users, dn…= or group…=") }
        parts.removeFirst()
        if parts.first == "self" { parts.removeFirst() }
        if parts.first == "this" { throw Failure(reason: "\(word): limits by the base of the search (dn.this) are not supported") }
        guard parts.count <= 1 else { throw Failure(reason: "\(word): unknown style") }
        let style: AccessNameStyle
        switch parts.first ?? "exact" {
        case "exact", "base": style = .base
        case "one", "onelevel": style = .one
        case "sub", "subtree": style = .subtree
        case "children": style = .children
        case "anonymous": return .anonymous
        case "users": return .users
        case "regex":
            do throws(RegularExpression.Failure) { return .pattern(try RegularExpression(Array(value.utf8))) } catch {
                throw Failure(reason: "\(word): \(error.reason)")
            }
        default: throw Failure(reason: "\(word): unknown style")
        }
        return .name(style, canonical: try name(value, schema).canonical)
    }

    private static func name(_ text: String, _ schema: Schema) throws(Failure) -> (name: DistinguishedName, canonical: [UInt8]) {
        do {
            let name = try DistinguishedName(text)
            var canonical: [UInt8] = []
            try schema.normalizeDN(name, into: &canonical)
            return (name, canonical)
        } catch { throw Failure(reason: "\"\(text)\": \(error.message)") }
    }

    /// `group[/CLASS[/ATTRIBUTE]]`.
    private static func group(_ left: Substring, _ value: String, _ schema: Schema) throws(Failure) -> Condition {
        let parts = left.split(separator: "/", omittingEmptySubsequences: false)
        guard parts[0].lowercased() == "group" || parts[0].lowercased() == "group.exact", parts.count <= 3 else {
            throw Failure(reason: "\(left): not group[/class[/attribute]]")
        }
        let className = parts.count > 1 ? String(parts[1]) : "groupOfNames"
        let attributeName = parts.count > 2 ? String(parts[2]) : "member"
        guard let objectClass = schema.objectClass(named: className) else { throw Failure(reason: "the schema has no object class \"\(className)\"") }
        guard let attribute = schema.attributeType(named: attributeName) else {
            throw Failure(reason: "the schema has no attribute type \"\(attributeName)\"")
        }
        return .group(AccessGroup(name: try name(value, schema).name, objectClass: objectClass, attribute: attribute))
    }

    /// `size[.soft|.hard|.unchecked|.pr|.prtotal]=…`, `time[.soft|.hard]=…`.
    private static func changes(_ word: String) throws(Failure) -> [Change] {
        guard let equals = word.firstIndex(of: "=") else { throw Failure(reason: "\(word): \"=\" is missing") }
        let value = word[word.index(after: equals)...].lowercased()
        func number() throws(Failure) -> Int {
            if value == "unlimited" || value == "none" || value == "-1" { return 0 }
            guard let number = Int(value), number > 0 else { throw Failure(reason: "\(word): neither a number above 0 nor \"unlimited\"") }
            return number
        }
        func hard() throws(Failure) -> Int? { value == "soft" || value == "0" ? nil : try number() }
        switch word[..<equals].lowercased() {
        case "size":
            let number = try number()
            return [.softSize(number), .hardSize(number)]
        case "size.soft": return [.softSize(try number())]
        case "size.hard": return [.hardSize(try hard())]
        case "size.unchecked": return [.candidates(try number())]
        case "size.pr": return [.pageSize(value == "noestimate" ? 0 : try number())]
        case "size.prtotal":
            switch value {
            case "disabled": return [.paging(.disabled)]
            case "hard": return [.paging(.asHard)]
            default: return [.paging(.limit(try number()))]
            }
        case "time":
            let number = try number()
            return [.softTime(number), .hardTime(number)]
        case "time.soft": return [.softTime(try number())]
        case "time.hard": return [.hardTime(try hard())]
        default: throw Failure(reason: "\(word): not one of size, size.soft, size.hard, size.unchecked, size.pr, size.prtotal, time, time.soft, time.hard")
        }
    }
}

extension Session {
    /// What this client's searches may cost; found out once for each bind.
    func allowance(_ directory: Directory) -> SearchAllowance {
        if let allowance { return allowance }
        let made = directory.limitRules.allowance(access(directory).subject, directory)
        allowance = made
        return made
    }
}
