import BER
import EntryStore
import LDAP
import Schema

/// Small filters on stored attributes, to name index sets with.
enum StoredItems {
    /// Entries that have an attribute.
    static func present(_ type: AttributeTypeID, _ catalogue: Catalogue) -> CompiledFilter {
        let bytes = catalogue.schema[type].nameBytes
        var node = Filter.Node(kind: .present, end: 1)
        node.attribute = ByteRange(start: 0, count: bytes.count)
        return CompiledFilter(Filter(bytes: bytes, nodes: [node]), catalogue)
    }

    /// Entries that have one of some values, at least one, of an attribute.
    static func equal(_ type: AttributeTypeID, toAnyOf values: [[UInt8]], _ catalogue: Catalogue) -> CompiledFilter {
        var bytes = catalogue.schema[type].nameBytes
        let attribute = ByteRange(start: 0, count: bytes.count)
        var nodes = [Filter.Node(kind: .or, end: Int32(values.count + 1))]
        for value in values {
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            node.attribute = attribute
            node.value = ByteRange(start: bytes.count, count: value.count)
            bytes += value
            nodes.append(node)
        }
        return CompiledFilter(Filter(bytes: bytes, nodes: nodes), catalogue)
    }
}
