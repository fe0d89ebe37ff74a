import BER
import EntryStore
import LDAP
import Schema

/// Reads access rules (slapd.access(5)) and gathers their conditions, each of which is kept once.
struct AccessRuleParser {
    private let schema: Schema
    private(set) var rules: [AccessRule] = []
    private(set) var subjectConditions: [SubjectCondition] = []
    private(set) var entryConditions: [EntryCondition] = []
    /// By what was written, so that the same condition is the same bit.
    private var subjectKeys: [String: Int] = [:]
    private var entryKeys: [String: Int] = [:]
    /// Conditions are the bits of a number.
    private static let limit = 64

    init(_ schema: Schema) { self.schema = schema }

    /// The rule being read, for errors.
    private var current = ""

    private func failure(_ reason: String) -> AccessRuleError { AccessRuleError(rule: current, reason: reason) }

    mutating func read(_ text: AccessRuleText) throws(AccessRuleError) {
        current = "access rule \(rules.count + 1) (\(text.place))"
        var words: [String]
        do { words = try text.words() } catch { throw failure(error.reason) }
        if let first = words.first, first.hasPrefix("{"), let end = first.firstIndex(of: "}"), Int(first[first.index(after: first.startIndex)..<end]) != nil {
            let rest = String(first[first.index(after: end)...])
            if rest.isEmpty { words.removeFirst() } else { words[0] = rest }
        }
        if words.first?.lowercased() == "access" { words.removeFirst() }
        guard words.first?.lowercased() == "to" else { throw failure("does not begin with \"to\" or \"access to\"") }
        let parts = words.dropFirst().split(omittingEmptySubsequences: false) { $0.lowercased() == "by" }
        guard let what = parts.first, !what.isEmpty else { throw failure("nothing follows \"to\"") }
        guard parts.count > 1 else { throw failure("has no \"by\" clause") }
        let target = try target(Array(what))
        var rule = AccessRule(
            number: rules.count + 1, place: text.place, target: what.joined(separator: " "), entryTests: target.tests, data: target.data,
            value: target.value, clauses: [])
        for words in parts.dropFirst() {
            guard !words.isEmpty else { throw failure("nothing follows \"by\"") }
            rule.clauses.append(try clause(Array(words), target.capture))
        }
        rules.append(rule)
    }

    // MARK: Conditions

    private mutating func bit(_ key: String, _ condition: EntryCondition) throws(AccessRuleError) -> UInt64 {
        if let known = entryKeys[key] { return 1 << UInt64(known) }
        guard entryConditions.count < Self.limit else {
            throw failure("the rules have more than \(Self.limit) different conditions that depend on the entry")
        }
        entryKeys[key] = entryConditions.count
        entryConditions.append(condition)
        return 1 << UInt64(entryConditions.count - 1)
    }

    private mutating func bit(_ key: String, _ condition: SubjectCondition) throws(AccessRuleError) -> UInt64 {
        if let known = subjectKeys[key] { return 1 << UInt64(known) }
        guard subjectConditions.count < Self.limit else {
            throw failure("the rules have more than \(Self.limit) different conditions of the client")
        }
        subjectKeys[key] = subjectConditions.count
        subjectConditions.append(condition)
        return 1 << UInt64(subjectConditions.count - 1)
    }

    // MARK: Parts of words

    /// A word taken apart: `name[/more][.style][,modifier][=value]`.
    private struct Word {
        /// As written.
        let text: String
        let name: String
        /// What follows slashes.
        let options: [String]
        let style: String?
        let modifiers: [String]
        let value: String?

        init(_ text: String) {
            self.text = text
            let equals = text.firstIndex(of: "=")
            value = equals.map { String(text[text.index(after: $0)...]) }
            var left = equals.map { text[..<$0] } ?? text[...]
            if let dot = left.firstIndex(of: ".") {
                let parts = left[left.index(after: dot)...].split(separator: ",", omittingEmptySubsequences: false)
                style = parts.first.map { $0.lowercased() } ?? ""
                modifiers = parts.dropFirst().map { $0.lowercased() }
                left = left[..<dot]
            } else {
                style = nil
                modifiers = []
            }
            let parts = left.split(separator: "/", omittingEmptySubsequences: false)
            name = parts.first.map { $0.lowercased() } ?? ""
            options = parts.dropFirst().map(String.init)
        }
    }

    /// `level{n}`.
    private func level(_ style: String) throws(AccessRuleError) -> Int? {
        guard style.hasPrefix("level{"), style.hasSuffix("}") else { return nil }
        guard let number = Int(style.dropFirst(6).dropLast()), (-100...100).contains(number) else { throw failure("\(style): not a number of levels") }
        return number
    }

    /// The style of a name; nil: `regex`.
    private func nameStyle(_ word: Word) throws(AccessRuleError) -> AccessNameStyle? {
        let style = word.style ?? "base"
        switch style {
        case "exact", "base", "baseobject": return .base
        case "one", "onelevel": return .one
        case "sub", "subtree": return .subtree
        case "children": return .children
        case "regex": return nil
        default:
            if let level = try level(style), level >= 0 { return .level(level) }
            throw failure("\(word.text): unknown style \"\(style)\"")
        }
    }

    private func name(_ text: String, _ word: Word) throws(AccessRuleError) -> (DistinguishedName, [UInt8]) {
        do {
            let name = try DistinguishedName(text)
            var canonical: [UInt8] = []
            try schema.normalizeDN(name, into: &canonical)
            return (name, canonical)
        } catch { throw failure("\(word.text): \(error.message)") }
    }

    private func expression(_ text: String, _ word: Word) throws(AccessRuleError) -> RegularExpression {
        do throws(RegularExpression.Failure) { return try RegularExpression(Array(text.utf8)) } catch {
            throw failure("\(word.text): \(error.reason)")
        }
    }

    private func template(_ text: String, _ word: Word, _ capture: AccessCapture) throws(AccessRuleError) -> AccessTemplate {
        do throws(RegularExpression.Failure) { return try AccessTemplate(text, capture) } catch {
            throw failure("\(word.text): \(error.reason)")
        }
    }

    private func needValue(_ word: Word) throws(AccessRuleError) -> String {
        guard let value = word.value else { throw failure("\(word.text): \"=\" and a value are missing") }
        return value
    }

    private func attribute(_ name: String, _ word: Word) throws(AccessRuleError) -> AttributeTypeID {
        guard let type = schema.attributeType(named: name) else { throw failure("\(word.text): the schema has no attribute type \"\(name)\"") }
        return type
    }

    private func objectClass(_ name: String, _ word: Word) throws(AccessRuleError) -> ObjectClassID {
        guard let type = schema.objectClass(named: name) else { throw failure("\(word.text): the schema has no object class \"\(name)\"") }
        return type
    }

    // MARK: to …

    private struct Target {
        var tests: UInt64 = 0
        var data: AccessDataSet?
        var value: AccessValueTest?
        var capture = AccessCapture.none
        /// The one attribute type that is named, for `val`.
        var type: AttributeTypeID?
    }

    private mutating func target(_ words: [String]) throws(AccessRuleError) -> Target {
        var target = Target()
        for text in words {
            if text == "*" { continue }
            let word = Word(text)
            switch word.name {
            case "dn": try targetName(word, &target)
            case "filter":
                let value = try needValue(word)
                let filter: Filter
                do throws(LDAPError) { filter = try Filter(value) } catch { throw failure("\(text): \(error.message)") }
                target.tests |= try bit("filter \(value)", .filter(filter))
            case "attrs", "attr", "attribute", "attributes":
                guard target.data == nil else { throw failure("names attributes twice") }
                try targetAttributes(word, &target)
            case "val", "value": try targetValue(word, &target)
            default: throw failure("\(text): not something that a rule can be about (dn, filter, attrs, val, *)")
            }
        }
        return target
    }

    private mutating func targetName(_ word: Word, _ target: inout Target) throws(AccessRuleError) {
        let value = try needValue(word)
        guard word.modifiers.isEmpty, word.options.isEmpty else { throw failure("\(word.text): no modifiers here") }
        if value == "*" { return }
        guard let style = try nameStyle(word) else {
            if value == ".*" || value == "" { return }
            let pattern = try expression(value, word)
            target.capture = .pattern(pattern)
            target.tests |= try bit("dn.regex \(value)", EntryCondition.pattern(pattern))
            return
        }
        let (name, canonical) = try name(value, word)
        target.capture = .name(style, canonical: canonical)
        target.tests |= try bit("dn \(style) \(String(decoding: canonical, as: UTF8.self))", .name(style, name, canonical: canonical))
    }

    private func targetAttributes(_ word: Word, _ target: inout Target) throws(AccessRuleError) {
        var set = AccessDataSet(schema)
        let names = try needValue(word).split(separator: ",", omittingEmptySubsequences: false)
            .map { String($0.drop { $0 == " " }) }
        guard !names.contains("") else { throw failure("\(word.text): a name is missing") }
        for text in names {
            switch text.lowercased() {
            case "entry": set.insert(.entry)
            case "children": set.insert(.children)
            case "*": for type in schema.attributeTypes where !type.isOperational { set.insert(AccessDatum(type.id)) }
            case "+": for type in schema.attributeTypes where type.isOperational { set.insert(AccessDatum(type.id)) }
            default:
                guard !text.contains(";") else { throw failure("\(word.text): attribute options are not supported in access rules") }
                if text.hasPrefix("!") {
                    // Decides for all that the class does not have, whatever else is named.
                    guard names.count == 1 else { throw failure("\(word.text): \(text) must stand alone") }
                    insert(try objectClass(String(text.dropFirst()), word), isExcluded: true, into: &set)
                } else if text.hasPrefix("@") {
                    insert(try objectClass(String(text.dropFirst()), word), isExcluded: false, into: &set)
                } else if let type = schema.attributeType(named: text) {
                    for subtype in schema.subtypes(of: type) { set.insert(AccessDatum(subtype)) }
                    if names.count == 1 { target.type = type }
                } else if let type = schema.objectClass(named: text) {
                    insert(type, isExcluded: false, into: &set)
                } else {
                    throw failure("\(word.text): the schema has no attribute type or object class \"\(text)\"")
                }
            }
        }
        target.data = set
    }

    /// The attributes that a class demands or allows, and those derived from them; or all others.
    private func insert(_ type: ObjectClassID, isExcluded: Bool, into set: inout AccessDataSet) {
        let description = schema[type]
        if description.name.lowercased() == "extensibleobject" {
            if !isExcluded { for datum in AccessDatum.all(schema) { set.insert(datum) } }
            return
        }
        var own = AccessDataSet(schema)
        for type in description.allMust + description.allMay {
            for subtype in schema.subtypes(of: type) { own.insert(AccessDatum(subtype)) }
        }
        for datum in AccessDatum.all(schema) where own.contains(datum) != isExcluded { set.insert(datum) }
    }

    private func targetValue(_ word: Word, _ target: inout Target) throws(AccessRuleError) {
        guard let type = target.type else { throw failure("\(word.text): needs attrs= with exactly one attribute type before it") }
        guard target.value == nil else { throw failure("names values twice") }
        let value = try needValue(word)
        let description = schema[type]
        var rule = description.equality
        if let name = word.options.first {
            guard let named = MatchingRule.named(Array(name.utf8).rawSpan), named.applies(to: description) else {
                throw failure("\(word.text): matching rule \"\(name)\" is not one for \(description.name)")
            }
            rule = named
        }
        switch word.style ?? "exact" {
        case "exact", "base", "baseobject":
            guard let rule else { throw failure("\(word.text): \(description.name) has no equality rule") }
            var canonical: [UInt8] = []
            guard schema.normalize(Array(value.utf8).rawSpan, by: rule, into: &canonical) else {
                throw failure("\(word.text): not a value of \(description.name)")
            }
            target.value = .equal(rule, canonical: canonical)
        case "regex": target.value = .pattern(try expression(value, word), rule)
        default:
            guard rule == .distinguishedNameMatch, let style = try nameStyle(word) else {
                throw failure("\(word.text): this style is for names only")
            }
            target.value = .name(style, canonical: try name(value, word).1)
        }
    }

    // MARK: by …

    private mutating func clause(_ words: [String], _ capture: AccessCapture) throws(AccessRuleError) -> AccessRule.Clause {
        var rest = words[...]
        var control = AccessRule.Control.stop
        if let last = rest.last, let named = AccessRule.Control(rawValue: last.lowercased()) {
            control = named
            rest = rest.dropLast()
        }
        var grant = AccessRule.Grant(mode: .add, privileges: [])
        var isOwnOnly = false
        if let last = rest.last, let (found, isOwn) = try Self.grant(last.lowercased()) {
            grant = found
            isOwnOnly = isOwn
            rest = rest.dropLast()
        }
        guard !rest.isEmpty else { throw failure("by \(words.joined(separator: " ")): says nobody") }
        var subjectTests: UInt64 = 0
        var entryTests: UInt64 = 0
        for text in rest {
            let word = Word(text)
            // `selfwrite` with dnattr asks for the value alone (slapd.access(5)).
            if isOwnOnly, word.name == "dnattr" {
                _ = try attribute(try needValue(word), word)
                continue
            }
            try subject(word, capture, &subjectTests, &entryTests)
        }
        if isOwnOnly, !rest.contains(where: { $0.lowercased().hasPrefix("dnattr=") }) {
            throw failure("by \(words.joined(separator: " ")): rights on one's own name (self…) need dnattr=")
        }
        return AccessRule.Clause(
            text: words.joined(separator: " "), subjectTests: subjectTests, entryTests: entryTests, needsOwnName: isOwnOnly, grant: grant,
            control: control)
    }

    /// The rights that a word names; nil if it names none.
    private static func grant(_ word: String) throws(AccessRuleError) -> (AccessRule.Grant, isOwnOnly: Bool)? {
        var text = word[...]
        var isOwnOnly = false
        for prefix in ["realself", "self"] where text.hasPrefix(prefix) && text.count > prefix.count && !text.hasPrefix(prefix + ".") {
            text = text.dropFirst(prefix.count)
            isOwnOnly = true
            break
        }
        if let level = AccessPrivileges.levels.first(where: { $0.name == text }) {
            return (AccessRule.Grant(mode: .assign, privileges: level.privileges), isOwnOnly)
        }
        let modes: [Character: AccessRule.Grant.Mode] = ["=": .assign, "+": .add, "-": .remove]
        guard let first = text.first, let mode = modes[first], text.count > 1 else { return nil }
        var privileges: AccessPrivileges = []
        for letter in text.dropFirst() {
            guard let named = AccessPrivileges.named(letter) else { return nil }
            privileges.formUnion(named)
        }
        return (AccessRule.Grant(mode: mode, privileges: privileges), isOwnOnly)
    }

    private mutating func subject(
        _ word: Word, _ capture: AccessCapture, _ subjectTests: inout UInt64, _ entryTests: inout UInt64
    ) throws(AccessRuleError) {
        // Nobody acts for another here, so authentication and authorisation identity are one.
        let kind = word.name.hasPrefix("real") ? String(word.name.dropFirst(4)) : word.name
        switch kind {
        case "*" where word.text == "*": break
        case "anonymous": subjectTests |= try bit("anonymous", .anonymous)
        case "users": subjectTests |= try bit("users", .users)
        case "self":
            var steps = 0
            if let style = word.style {
                guard let number = try level(style) else { throw failure("\(word.text): unknown style \"\(style)\"") }
                steps = number
            }
            entryTests |= try bit("self \(steps)", .own(level: steps))
        case "dn": try subjectName(word, capture, &subjectTests, &entryTests)
        case "dnattr":
            let type = try attribute(try needValue(word), word)
            guard schema[type].equality == .distinguishedNameMatch else { throw failure("\(word.text): not an attribute of names") }
            entryTests |= try bit("dnattr \(type.rawValue)", .nameIn(type))
        case "group": try subjectGroup(word, capture, &subjectTests, &entryTests)
        case "set":
            let value = try needValue(word)
            guard word.style == nil || word.style == "exact" || word.style == "expand" else { throw failure("\(word.text): unknown style") }
            let set: AccessSet
            do throws(RegularExpression.Failure) { set = try AccessSet(value, schema, capture) } catch {
                throw failure("\(word.text): \(error.reason)")
            }
            entryTests |= try bit("set \(value) in rule \(rules.count)", .set(set))
        case "peername": subjectTests |= try bit("peername \(word.text)", .peer(try peer(word)))
        case "ssf": subjectTests |= try strength(word, .any)
        case "transport_ssf": subjectTests |= try strength(word, .transport)
        case "tls_ssf": subjectTests |= try strength(word, .tls)
        case "sasl_ssf": subjectTests |= try strength(word, .sasl)
        case "sockname": subjectTests |= try bit("sockname \(word.text)", .listener(try peer(word)))
        case "sockurl": subjectTests |= try bit("sockurl \(word.text)", .listenerURL(try listenerURL(word)))
        case "domain": throw failure("\(word.text): domain is not supported: addresses are not looked up in the DNS (use peername.ip)")
        case "dynacl", "aci": throw failure("\(word.text): \(kind) is not supported")
        default: throw failure("\(word.text): neither somebody (dn, group, users, …) nor a right (read, =rs, …)")
        }
    }

    private mutating func strength(_ word: Word, _ kind: SubjectCondition.Strength) throws(AccessRuleError) -> UInt64 {
        guard let number = Int(try needValue(word)), number > 0 else { throw failure("\(word.text): not a strength above 0") }
        return try bit(word.text.lowercased(), .strength(kind, atLeast: number))
    }

    private mutating func subjectName(
        _ word: Word, _ capture: AccessCapture, _ subjectTests: inout UInt64, _ entryTests: inout UInt64
    ) throws(AccessRuleError) {
        let value = try needValue(word)
        guard word.modifiers.allSatisfy({ $0 == "expand" }) else { throw failure("\(word.text): unknown modifier") }
        if value == "*" { return }
        let style = try nameStyle(word)
        if style == nil || word.modifiers == ["expand"] {
            let template = try template(value, word, capture)
            if style == nil, !template.hasParts {
                let plain = String(decoding: template.expand([]), as: UTF8.self)
                subjectTests |= try bit("dn.regex \(value)", SubjectCondition.pattern(try expression(plain, word)))
            } else {
                if case .none = capture, template.hasParts { throw failure("\(word.text): the rule's target has no dn to take parts from") }
                let condition: EntryCondition = style.map { .expandedName($0, template) } ?? .expandedPattern(template)
                entryTests |= try bit("\(word.text) in rule \(rules.count)", condition)
            }
            return
        }
        guard let style else { return }
        let (_, canonical) = try name(value, word)
        subjectTests |= try bit("dn \(style) \(String(decoding: canonical, as: UTF8.self))", .name(style, canonical: canonical))
    }

    private mutating func subjectGroup(
        _ word: Word, _ capture: AccessCapture, _ subjectTests: inout UInt64, _ entryTests: inout UInt64
    ) throws(AccessRuleError) {
        let value = try needValue(word)
        guard word.options.count <= 2 else { throw failure("\(word.text): more than a class and an attribute") }
        let group = AccessGroup(
            name: DistinguishedName(), objectClass: try objectClass(word.options.first ?? "groupOfNames", word),
            attribute: try attribute(word.options.count > 1 ? word.options[1] : "member", word))
        switch word.style ?? "exact" {
        case "exact", "base":
            var group = group
            group.name = try name(value, word).0
            subjectTests |= try bit("group \(word.text)", .group(group))
        case "expand", "regex":
            let template = try template(value, word, capture)
            entryTests |= try bit("\(word.text) in rule \(rules.count)", .expandedGroup(template, group))
        default: throw failure("\(word.text): unknown style")
        }
    }

    /// A URL as the server shows it; a slash at its end, as in slapd's configuration, makes no difference.
    private func listenerURL(_ word: Word) throws(AccessRuleError) -> PeerPattern {
        let value = try needValue(word)
        switch word.style ?? "exact" {
        case "exact", "base":
            let hasSlash = value.hasSuffix("/") && !value.hasSuffix("//")
            return .exact(Array((hasSlash ? value.dropLast() : value[...]).utf8))
        case "regex": return .pattern(try expression(value, word))
        default: throw failure("\(word.text): unknown style")
        }
    }

    private func peer(_ word: Word) throws(AccessRuleError) -> PeerPattern {
        let value = try needValue(word)
        switch word.style ?? "exact" {
        case "exact", "base": return .exact(Array(value.utf8))
        case "regex": return .pattern(try expression(value, word))
        case "path": return .path(Array(value.utf8))
        case "ip", "ipv6":
            var text = value[...]
            var port: Int?
            if text.hasSuffix("}"), let open = text.lastIndex(of: "{") {
                guard let number = Int(text[text.index(after: open)...].dropLast()), (1...65535).contains(number) else {
                    throw failure("\(word.text): not a port")
                }
                port = number
                text = text[..<open]
            }
            let parts = text.split(separator: "%", omittingEmptySubsequences: false)
            guard parts.count <= 2, let address = NetworkAddress.parse(String(parts[0])) else { throw failure("\(word.text): not an address") }
            guard (address.count == 4) == (word.style == "ip") else { throw failure("\(word.text): not an address of this kind") }
            var mask = [UInt8](repeating: 255, count: address.count)
            if parts.count == 2 {
                guard let given = NetworkAddress.parse(String(parts[1])), given.count == address.count else {
                    throw failure("\(word.text): not a mask")
                }
                mask = given
            }
            return .address(bytes: address, mask: mask, port: port)
        default: throw failure("\(word.text): unknown style")
        }
    }
}
