import BER
import EntryStore
import LDAP
import Schema

/// `set=…` of a rule: true if the set it computes is not empty. Sets of values are put together from `user`, `this` (the entry),
/// `[text]`, `/attribute` (the values that the named entries have), `/attribute*` (again and again), `/-n` (so many levels above) and `/-*` (each
/// name with all above it), with `&`, `|`, `+` and parentheses, from left to right. A text or value that is a URL stands for what its search
/// finds: `[ldap:///ou=groups,dc=example,dc=com??sub?(cn=a)]/member`, with the values of the attributes that it names itself.
struct AccessSet: Sendable {
    private indirect enum Node: Sendable {
        case user, this
        case text(AccessTemplate)
        case values(Node, AttributeTypeID, isRepeated: Bool)
        /// `allLevels`: each, and the name itself.
        case above(Node, levels: Int)
        case intersection(Node, Node)
        case union(Node, Node)
        case concatenation(Node, Node)
    }

    private let root: Node
    /// More values than this are not followed, and more entries not looked at for one URL: a rule must not make a search endless.
    fileprivate static let limit = 10_000
    private static let allLevels = Int.max

    /// - Throws: what is not understood, in words.
    init(_ text: String, _ schema: Schema, _ capture: AccessCapture) throws(RegularExpression.Failure) {
        var parser = Parser(text: Array(text.utf8), schema: schema, capture: capture)
        root = try parser.expression(depth: 0)
        parser.skipSpaces()
        guard parser.index == parser.text.count else { throw RegularExpression.Failure(reason: "set: nothing can follow at byte \(parser.index)") }
    }

    private struct Parser {
        let text: [UInt8]
        let schema: Schema
        let capture: AccessCapture
        var index = 0

        var current: UInt8? { index < text.count ? text[index] : nil }

        mutating func skipSpaces() { while current == 0x20 { index += 1 } }

        mutating func expression(depth: Int) throws(RegularExpression.Failure) -> Node {
            guard depth < 50 else { throw RegularExpression.Failure(reason: "set: too many parentheses") }
            var left = try term(depth)
            while true {
                skipSpaces()
                switch current {
                case UInt8(ascii: "&"):
                    index += 1
                    left = .intersection(left, try term(depth))
                case UInt8(ascii: "|"):
                    index += 1
                    left = .union(left, try term(depth))
                case UInt8(ascii: "+"):
                    index += 1
                    left = .concatenation(left, try term(depth))
                default: return left
                }
            }
        }

        mutating func term(_ depth: Int) throws(RegularExpression.Failure) -> Node {
            skipSpaces()
            var node: Node
            switch current {
            case UInt8(ascii: "("):
                index += 1
                node = try expression(depth: depth + 1)
                skipSpaces()
                guard current == UInt8(ascii: ")") else { throw RegularExpression.Failure(reason: "set: a closing parenthesis is missing") }
                index += 1
            case UInt8(ascii: "["):
                guard let end = text[index...].firstIndex(of: UInt8(ascii: "]")) else {
                    throw RegularExpression.Failure(reason: "set: a closing bracket is missing")
                }
                let content = String(decoding: text[(index + 1)..<end], as: UTF8.self)
                let template = try AccessTemplate(content, capture)
                // What parts of names will be put in can only be checked then.
                if AccessSet.isURL(text[(index + 1)..<end]), !template.hasParts { try AccessSet.check(content, schema) }
                node = .text(template)
                index = end + 1
            default:
                switch word() {
                case "user": node = .user
                case "this": node = .this
                case let other: throw RegularExpression.Failure(reason: "set: \"\(other)\" is neither user, this, [text] nor in parentheses")
                }
            }
            while true {
                skipSpaces()
                if current == UInt8(ascii: "/") {
                    index += 1
                } else if current == UInt8(ascii: "-"), index + 1 < text.count, text[index + 1] == UInt8(ascii: ">") {
                    index += 2
                } else {
                    return node
                }
                let above = try levels()
                if let above {
                    node = .above(node, levels: above)
                    continue
                }
                let name = word()
                guard let type = schema.attributeType(named: name) else {
                    throw RegularExpression.Failure(reason: "set: the schema has no attribute type \"\(name)\"")
                }
                let isRepeated = current == UInt8(ascii: "*")
                if isRepeated { index += 1 }
                node = .values(node, type, isRepeated: isRepeated)
            }
        }

        /// What follows a slash: `-n` or `-*`; nil: something else.
        private mutating func levels() throws(RegularExpression.Failure) -> Int? {
            guard current == UInt8(ascii: "-"), index + 1 < text.count else { return nil }
            if text[index + 1] == UInt8(ascii: "*") {
                index += 2
                return AccessSet.allLevels
            }
            let digits = text[(index + 1)...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !digits.isEmpty else { return nil }
            guard let number = Int(String(decoding: digits, as: UTF8.self)), number <= 100 else {
                throw RegularExpression.Failure(reason: "set: /-n: not a number of levels")
            }
            index = digits.endIndex
            return number
        }

        mutating func word() -> String {
            let start = index
            while let byte = current, byte.isSetWordByte { 
                if byte == UInt8(ascii: "-"), index + 1 < text.count, text[index + 1] == UInt8(ascii: ">") { break }
                index += 1
            }
            return String(decoding: text[start..<index], as: UTF8.self)
        }
    }

    /// Whether anything is in the set.
    func holds(user: [UInt8], this: [UInt8], _ directory: Directory, _ snapshot: borrowing Snapshot) -> Bool {
        !values(root, user, this, directory, snapshot).isEmpty
    }

    private func values(
        _ node: Node, _ user: [UInt8], _ this: [UInt8], _ directory: Directory, _ snapshot: borrowing Snapshot
    ) -> Set<[UInt8]> {
        switch node {
        case .user: return user.isEmpty ? [] : [user]
        case .this: return [this]
        case .text(let template):
            let text = template.expand(this)
            // A name may be spelled in many ways; entries' names are compared in one.
            if !Self.isURL(text[...]), let name = try? DistinguishedName(parsing: text.rawSpan), !name.isRoot {
                var canonical: [UInt8] = []
                if (try? directory.schema.normalizeDN(name, into: &canonical)) != nil { return [canonical] }
            }
            return [text]
        case .intersection(let a, let b):
            let left = values(a, user, this, directory, snapshot)
            return left.isEmpty ? left : left.intersection(values(b, user, this, directory, snapshot))
        case .union(let a, let b):
            return values(a, user, this, directory, snapshot).union(values(b, user, this, directory, snapshot))
        case .concatenation(let a, let b):
            let left = values(a, user, this, directory, snapshot)
            let right = values(b, user, this, directory, snapshot)
            guard left.count * right.count <= Self.limit else { return [] }
            var result: Set<[UInt8]> = []
            for first in left { for second in right { result.insert(first + second) } }
            return result
        case .values(let inner, let type, let isRepeated):
            var found: Set<[UInt8]> = []
            var pending = Array(values(inner, user, this, directory, snapshot))
            var seen = Set(pending)
            while let name = pending.popLast(), found.count < Self.limit {
                directory.forEachAccessValue(of: type, inEntry: name, snapshot) { value in
                    found.insert(value)
                    if isRepeated, seen.count < Self.limit, seen.insert(value).inserted { pending.append(value) }
                }
            }
            return found
        case .above(let inner, let levels):
            var found: Set<[UInt8]> = []
            for text in values(inner, user, this, directory, snapshot) {
                let rdns = (try? DistinguishedName(parsing: text.rawSpan))?.rdns ?? []
                for level in rdns.indices where found.count < Self.limit && (levels == Self.allLevels || level == levels) {
                    var canonical: [UInt8] = []
                    try? directory.schema.normalizeDN(DistinguishedName(rdns: Array(rdns[level...])), into: &canonical)
                    if !canonical.isEmpty { found.insert(canonical) }
                }
            }
            return found
        }
    }

    // MARK: URLs

    /// Whether a text is a URL of this directory: without a host.
    fileprivate static func isURL(_ text: ArraySlice<UInt8>) -> Bool {
        String(decoding: text.prefix(8), as: UTF8.self).lowercased() == "ldap:///"
    }

    /// - Throws: what cannot be searched for, in words.
    private static func check(_ text: String, _ schema: Schema) throws(RegularExpression.Failure) {
        let url: LDAPURL
        do throws(LDAPError) { url = try LDAPURL(text) } catch { throw RegularExpression.Failure(reason: "set: \(error.message)") }
        guard url.extensions.isEmpty else { throw RegularExpression.Failure(reason: "set: \(text): extensions of URLs are not supported") }
        for name in url.attributes where schema.attributeType(named: name) == nil {
            throw RegularExpression.Failure(reason: "set: the schema has no attribute type \"\(name)\"")
        }
    }
}

extension UInt8 {
    fileprivate var isSetWordByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Directory {
    /// Calls `body` with each value of a type, stored or computed, in canonical form, of a named entry, or of what a URL finds.
    fileprivate func forEachAccessValue(
        of type: AttributeTypeID, inEntry name: [UInt8], _ snapshot: borrowing Snapshot, _ body: ([UInt8]) -> Void
    ) {
        if AccessSet.isURL(name[...]) { return forEachAccessValue(of: type, foundBy: name, snapshot, body) }
        guard let parsed = try? DistinguishedName(parsing: name.rawSpan), let found = try? snapshot.resolve(parsed), found.isComplete,
            let record = try? snapshot.record(found.id)
        else { return }
        forEachAccessValue(of: type, found.id, record, name: name, snapshot, body)
    }

    /// Of entries that a search finds (RFC 4516), whoever may see them, and also of the types that the URL names. What cannot be searched for finds nothing.
    private func forEachAccessValue(
        of type: AttributeTypeID, foundBy text: [UInt8], _ snapshot: borrowing Snapshot, _ body: ([UInt8]) -> Void
    ) {
        guard let url = try? LDAPURL(String(decoding: text, as: UTF8.self)), url.extensions.isEmpty, let name = try? DistinguishedName(url.dn),
            let base = try? snapshot.resolve(name), base.isComplete, let filter = try? Filter(url.filter ?? "(objectClass=*)")
        else { return }
        var types = [type]
        for name in url.attributes {
            guard let further = schema.attributeType(named: name) else { return }
            if !types.contains(further) { types.append(further) }
        }
        var search = EntrySearch(filter: compileForAccess(filter, snapshot.catalogue), base: base.id, scope: url.scope ?? .baseObject)
        var budget = AccessSet.limit
        var scratch = FilterScratch()
        var found: [EntryID] = []
        _ = try? search.run(snapshot, budget: &budget, scratch: &scratch) { id, _ throws(EntryStoreError) in
            found.append(id)
            return true
        }
        for id in found {
            guard let record = try? snapshot.record(id), let name = try? snapshot.name(of: id) else { continue }
            for type in types { forEachAccessValue(of: type, id, record, name: name, snapshot, body) }
        }
    }

    private func forEachAccessValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: [UInt8], _ snapshot: borrowing Snapshot,
        _ body: ([UInt8]) -> Void
    ) {
        func give(_ value: RawSpan) {
            var canonical: [UInt8] = []
            if let rule = schema[type].equality {
                if schema.normalize(value, by: rule, into: &canonical) { body(canonical) }
            } else {
                body(value.array)
            }
        }
        for subtype in schema.subtypes(of: type) {
            var isComputed = false
            if let provider = virtual.provider(of: subtype), provider.concerns(subtype, record, snapshot.catalogue) {
                let context = VirtualContext(catalogue: snapshot.catalogue, access: unlimited, requested: [subtype])
                try? provider.forEachValue(of: subtype, id, record, name: name.rawSpan, snapshot, context) { value in
                    isComputed = true
                    give(value)
                }
            }
            guard !isComputed, let attribute = snapshot.catalogue.table.id(of: subtype) else { continue }
            var values = record.values(of: attribute)
            while let value = values.next() { give(value) }
        }
    }
}
