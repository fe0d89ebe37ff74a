import BER
import LDAP
public import Schema

/// Scratch space of filter evaluation; one per thread, kept.
public struct FilterScratch: ~Copyable {
    var value: [UInt8] = []
    var name: [UInt8] = []
    public init() {}
}

extension CompiledFilter {
    /// Tests an entry against the filter, on its stored bytes.
    public func evaluate(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, scratch: inout FilterScratch
    ) -> Ternary {
        evaluate(0, id, record, snapshot, &scratch)
    }

    /// Whether all of some parts of the filter, given as places of their nodes, are true of an entry.
    func evaluate(
        _ parts: [Int], _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, scratch: inout FilterScratch
    ) -> Bool {
        for part in parts where evaluate(part, id, record, snapshot, &scratch) != .yes { return false }
        return true
    }

    private func evaluate(
        _ index: Int, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch
    ) -> Ternary {
        let node = nodes[index]
        switch node.kind {
        case .and:
            var result = Ternary.yes
            var child = index + 1
            while child < node.end {
                switch evaluate(child, id, record, snapshot, &scratch) {
                case .no: return .no
                case .undefined: result = .undefined
                case .yes: break
                }
                child = Int(nodes[child].end)
            }
            return result
        case .or:
            var result = Ternary.no
            var child = index + 1
            while child < node.end {
                switch evaluate(child, id, record, snapshot, &scratch) {
                case .yes: return .yes
                case .undefined: result = .undefined
                case .no: break
                }
                child = Int(nodes[child].end)
            }
            return result
        case .not: return !evaluate(index + 1, id, record, snapshot, &scratch)
        case .constantNo: return .no
        case .constantYes: return .yes
        case .constantUndefined: return .undefined
        case .predicate: return predicates[Int(node.predicate)].evaluate(id, record, snapshot)
        case .nameValue: return nameContains(node, id, snapshot, &scratch)
        case .initial, .any, .final: return .undefined
        case .components: return hasComponents(node, record)
        case .equality, .greaterOrEqual, .lessOrEqual, .less, .present, .substrings, .bitAnd, .bitOr, .word, .nameScope:
            var place = Int(node.firstAttribute)
            let end = place + Int(node.attributeCount)
            while place < end {
                if let found = record.index(of: attributes[place]) {
                    if node.kind == .present { return .yes }
                    var values = record.values(at: found)
                    while let value = values.next() {
                        if test(node, index, value, &scratch) { return .yes }
                    }
                }
                place += 1
            }
            return .no
        }
    }

    /// Whether a value has the components that are asked for; Undefined if that cannot be said of one, and of no other it is true.
    private func hasComponents(_ node: Node, _ record: borrowing EntryRecord) -> Ternary {
        let schema = catalogue.schema
        let assertion = assertions[Int(node.assertion)]
        var result = Ternary.no
        for place in Int(node.firstAttribute)..<Int(node.firstAttribute + node.attributeCount) {
            guard let found = record.index(of: attributes[place]) else { continue }
            var values = record.values(at: found)
            while let value = values.next() {
                switch assertion.matches(value, schema) {
                case true?: return .yes
                case nil: result = .undefined
                case false?: break
                }
            }
        }
        return result
    }

    /// Whether a value of an attribute satisfies one of the filter's items (RFC 3876); how they are joined does not matter.
    public func matches(_ value: RawSpan, of id: AttributeID, scratch: inout FilterScratch) -> Bool {
        for index in nodes.indices {
            let node = nodes[index]
            switch node.kind {
            case .equality, .greaterOrEqual, .lessOrEqual, .less, .present, .substrings, .bitAnd, .bitOr, .word, .nameScope, .components: break
            default: continue
            }
            guard attributes[Int(node.firstAttribute)..<Int(node.firstAttribute + node.attributeCount)].contains(id) else { continue }
            if node.kind == .components {
                if assertions[Int(node.assertion)].matches(value, catalogue.schema) == true { return true }
                continue
            }
            if node.kind == .present || test(node, index, value, &scratch) { return true }
        }
        return false
    }

    /// Tests one value against an item.
    @inline(__always)
    private func test(_ node: Node, _ index: Int, _ value: RawSpan, _ scratch: inout FilterScratch) -> Bool {
        let schema = catalogue.schema
        let assertion = bytes.rawSpan.slice(node.value)
        if node.kind == .equality { return schema.equals(value, normalized: assertion, by: node.rule, scratch: &scratch.value) }
        scratch.value.removeAll(keepingCapacity: true)
        guard schema.normalize(value, by: node.rule, into: &scratch.value) else { return false }
        let canonical = scratch.value.rawSpan
        switch node.kind {
        case .greaterOrEqual: return !canonical.precedes(assertion)
        case .lessOrEqual: return !assertion.precedes(canonical)
        case .less: return canonical.precedes(assertion)
        case .substrings: return matchesParts(index, canonical)
        case .bitAnd, .bitOr: return matchesBits(canonical, assertion, all: node.kind == .bitAnd)
        case .word: return Self.hasWord(canonical, assertion)
        case .nameScope: return Self.nameScope(node.rule, canonical, assertion)
        default: return false
        }
    }

    /// RFC 4517 section 4.1 on substrings: the parts occur in order without overlapping.
    private func matchesParts(_ index: Int, _ value: RawSpan) -> Bool {
        var low = 0
        var high = value.byteCount
        var part = index + 1
        let end = Int(nodes[index].end)
        while part < end {
            let piece = bytes.rawSpan.slice(nodes[part].value)
            let count = piece.byteCount
            guard high - low >= count else { return false }
            switch nodes[part].kind {
            case .initial:
                guard value.extracting(0..<count).elementsEqual(piece) else { return false }
                low = count
            case .final:
                guard value.extracting((high - count)..<high).elementsEqual(piece) else { return false }
                high -= count
            default:
                guard let found = value.firstIndex(of: piece, from: low, to: high) else { return false }
                low = found + count
            }
            part += 1
        }
        return true
    }

    /// Canonical integers compare bit by bit only after decoding; beyond 64 bits nothing matches.
    private func matchesBits(_ value: RawSpan, _ assertion: RawSpan, all: Bool) -> Bool {
        guard let stored = Schema.integer(canonical: value), let mask = Schema.integer(canonical: assertion) else { return false }
        return all ? stored & mask == mask : stored & mask != 0
    }

    /// Whether the words of a canonical string hold others, one behind the other.
    private static func hasWord(_ value: RawSpan, _ words: RawSpan) -> Bool {
        guard words.byteCount > 0 else { return false }
        var start = 0
        while let found = value.firstIndex(of: words, from: start, to: value.byteCount) {
            let end = found + words.byteCount
            if found == 0 || value[at: found - 1] == 0x20, end == value.byteCount || value[at: end] == 0x20 { return true }
            start = found + 1
        }
        return false
    }

    /// How a canonical name stands to another.
    public static func nameScope(_ rule: MatchingRule, _ name: RawSpan, _ base: RawSpan) -> Bool {
        switch rule {
        case .dnSubtreeMatch: return name.elementsEqual(base) || isBelow(name, base)
        case .dnSubordinateMatch: return isBelow(name, base)
        case .dnSuperiorMatch: return name.elementsEqual(base) || isBelow(base, name)
        case .dnOneLevelMatch:
            guard isBelow(name, base) else { return false }
            // One RDN in front of the base: no separator before it. Canonical names escape commas as hexadecimal pairs.
            let rest = name.byteCount - base.byteCount - (base.byteCount == 0 ? 0 : 1)
            for index in 0..<rest where name[at: index] == UInt8(ascii: ",") && (index == 0 || name[at: index - 1] != UInt8(ascii: "\\")) {
                return false
            }
            return true
        default: return false
        }
    }

    private static func isBelow(_ name: RawSpan, _ base: RawSpan) -> Bool {
        guard name.byteCount > base.byteCount else { return false }
        if base.byteCount == 0 { return true }
        let start = name.byteCount - base.byteCount
        return start >= 2 && name[at: start - 1] == UInt8(ascii: ",") && name.extracting(start..<name.byteCount).elementsEqual(base)
    }

    /// Whether a value in the entry's own name matches (`:dn:`, RFC 4511 section 4.5.1.7.7).
    private func nameContains(_ node: Node, _ id: EntryID, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch) -> Ternary {
        scratch.name.removeAll(keepingCapacity: true)
        guard (try? snapshot.appendName(of: id, to: &scratch.name)) != nil,
            let name = try? DistinguishedName(parsing: scratch.name.rawSpan)
        else { return .undefined }
        let schema = catalogue.schema
        for rdn in name.rdns {
            for value in rdn.values {
                guard let type = schema.attributeType(named: value.type) else { continue }
                if let wanted = node.type, !schema.isSubtype(type, of: wanted) { continue }
                if node.type == nil, !node.rule.applies(to: schema[type]) { continue }
                if schema.equals(value.value.rawSpan, normalized: bytes.rawSpan.slice(node.value), by: node.rule, scratch: &scratch.value) {
                    return .yes
                }
            }
        }
        return .no
    }
}

extension RawSpan {
    /// Where a piece first occurs between two places.
    func firstIndex(of piece: borrowing RawSpan, from low: Int, to high: Int) -> Int? {
        let count = piece.byteCount
        if count == 0 { return low }
        guard high - low >= count else { return nil }
        let first = piece[at: 0]
        var index = low
        while index <= high - count {
            if self[at: index] == first, extracting(index..<index + count).elementsEqual(piece) { return index }
            index += 1
        }
        return nil
    }
}
