import BER
import LDAP
import Schema

/// What an entry must have to be found by a filter: one of several values. From the values of an entry these lead to the filters
/// that can find it, so that of ten thousand lists only a few are asked.
struct ListAnchors: Sendable {
    /// An attribute (or one derived from it) with a value.
    struct Anchor: Hashable, Sendable {
        let type: AttributeTypeID
        /// As the type's rule of equality makes it.
        let value: [UInt8]
    }

    /// Nil: the filter demands no value, any entry may satisfy it. None: no entry can.
    let any: [Anchor]?
    /// Whether every entry with one of them satisfies the filter.
    let isExact: Bool

    /// More alternatives than this are no help.
    private static let limit = 64

    init(_ filter: Filter, _ types: ListTypes, _ schema: Schema) {
        var reader = Reader(filter: filter, schema: schema, objectClass: schema.attributeType(named: "objectClass"), excluded: types.memberOf)
        let found = reader.read(0)
        any = found?.anchors
        isExact = found?.isExact ?? false
    }

    private struct Found {
        var anchors: [Anchor]
        var isExact: Bool
        /// The longer the shortest value, the fewer entries have one of them, as a rule: identifiers are long, switches short.
        var weight: Int { anchors.map(\.value.count).min() ?? .max }
    }

    private struct Reader {
        let filter: Filter
        let schema: Schema
        let objectClass: AttributeTypeID?
        let excluded: AttributeTypeID

        /// The anchors of the node at an index; depth is bounded by the filter's parser.
        mutating func read(_ index: Int) -> Found? {
            guard index < filter.nodes.count else { return nil }
            let node = filter.nodes[index]
            switch node.kind {
            case .equality, .approximate: return item(node)
            case .and:
                var best: Found?
                var count = 0
                var child = index + 1
                while child < node.end {
                    if let found = read(child), best.map({ found.weight > $0.weight }) ?? true { best = found }
                    count += 1
                    child = Int(filter.nodes[child].end)
                }
                if count > 1, best?.anchors.isEmpty != true { best?.isExact = false }
                return best
            case .or:
                var all = Found(anchors: [], isExact: true)
                var child = index + 1
                while child < node.end {
                    guard let found = read(child) else { return nil }
                    all.anchors += found.anchors
                    all.isExact = all.isExact && found.isExact
                    guard all.anchors.count <= limit else { return nil }
                    child = Int(filter.nodes[child].end)
                }
                return all
            case .undefined: return Found(anchors: [], isExact: true)
            default: return nil
            }
        }

        private func item(_ node: Filter.Node) -> Found? {
            let bytes = filter.bytes
            let description = bytes.rawSpan.slice(node.attribute)
            let end = AttributeDescription.endOfType(description)
            // What is Undefined finds nobody (RFC 4511 section 4.5.1.7).
            let nobody = Found(anchors: [], isExact: true)
            guard let type = schema.attributeType(description.extracting(0..<end)) else { return nobody }
            // Classes have superclasses that entries need not list; operational attributes may be computed.
            if type == objectClass || type == excluded || schema[type].isOperational { return nil }
            guard let rule = schema[type].equality else { return nobody }
            var value: [UInt8] = []
            guard schema.normalize(bytes.rawSpan.slice(node.value), by: rule, into: &value) else {
                // A question about components has no value that an index could hold.
                return schema.isAssertion(bytes.rawSpan.slice(node.value), by: rule) ? nil : nobody
            }
            return Found(anchors: [Anchor(type: type, value: value)], isExact: end == description.byteCount)
        }
    }
}
