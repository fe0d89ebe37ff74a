import BER
import LDAP

/// Puts a filter together from items of other filters.
struct FilterBuilder {
    private(set) var bytes: [UInt8] = []
    private(set) var nodes: [Filter.Node] = []
    /// More terms are refused: a filter grows when it is translated.
    private static let limit = 1 << 13

    var filter: Filter { Filter(bytes: bytes, nodes: nodes) }

    /// Begins an and, or, not: what follows up to ``end(_:)`` stands below it.
    mutating func begin(_ kind: Filter.Kind) -> Int {
        nodes.append(Filter.Node(kind: kind))
        return nodes.count - 1
    }

    mutating func end(_ place: Int) { nodes[place].end = Int32(nodes.count) }

    /// An item that is true or false of everything (RFC 4526).
    mutating func constant(_ value: Bool) { end(begin(value ? .and : .or)) }

    /// An item that is Undefined.
    mutating func undefined() { end(begin(.undefined)) }

    mutating func present(_ attribute: [UInt8]) {
        let place = begin(.present)
        nodes[place].attribute = add(attribute.rawSpan)
        end(place)
    }

    mutating func equality(_ attribute: [UInt8], _ value: RawSpan) { item(.equality, attribute, value) }

    mutating func item(_ kind: Filter.Kind, _ attribute: [UInt8], _ value: RawSpan) {
        let place = begin(kind)
        nodes[place].attribute = add(attribute.rawSpan)
        nodes[place].value = add(value)
        end(place)
    }

    /// Takes an item of a filter, on another attribute.
    /// - Throws: `adminLimitExceeded`.
    mutating func append(_ filter: Filter, item index: Int, attribute: [UInt8]) throws(LDAPError) {
        let place = nodes.count
        try append(filter, at: index)
        nodes[place].attribute = add(attribute.rawSpan)
    }

    /// Takes a part of a filter, with all below it.
    /// - Throws: `adminLimitExceeded`.
    mutating func append(_ filter: Filter, at index: Int = 0) throws(LDAPError) {
        let end = Int(filter.nodes[index].end)
        guard nodes.count + end - index <= Self.limit else {
            throw LDAPError(.adminLimitExceeded, "filter: more than \(Self.limit) terms when names of filters are replaced by what they stand for")
        }
        let shift = Int32(nodes.count - index)
        let span = filter.bytes.rawSpan
        for var node in filter.nodes[index..<end] {
            node.end += shift
            if !node.attribute.isEmpty { node.attribute = add(span.slice(node.attribute)) }
            if !node.value.isEmpty { node.value = add(span.slice(node.value)) }
            if !node.rule.isEmpty { node.rule = add(span.slice(node.rule)) }
            nodes.append(node)
        }
    }

    /// Takes a filter of one item, with another value.
    mutating func append(_ filter: Filter, value: [UInt8]) throws(LDAPError) {
        let place = nodes.count
        try append(filter)
        nodes[place].value = add(value.rawSpan)
    }

    private mutating func add(_ part: RawSpan) -> ByteRange {
        let start = bytes.count
        bytes.append(part)
        return ByteRange(start: start, count: part.byteCount)
    }
}
