import BER
import EntryStore
import LDAP
import Schema

/// Tells whether entries are of some object classes or of classes derived from them, by all their names and OIDs.
struct ClassTest: Sendable {
    let classes: [ObjectClassID]
    private let type: AttributeTypeID
    /// In lower case.
    private let names: [[UInt8]]

    /// Nil if the schema lacks one of the classes.
    init?(_ names: [String], _ schema: Schema) {
        guard let type = schema.attributeType(named: "objectClass") else { return nil }
        var roots: [ObjectClassID] = []
        for name in names {
            guard let id = schema.objectClass(named: name) else { return nil }
            roots.append(id)
        }
        let family = schema.objectClasses.filter { derived in roots.contains { schema.isSubclass(derived.id, of: $0) } }
        self.type = type
        classes = roots
        self.names = family.flatMap { ($0.names + [$0.oid]).map { Array($0.lowercased().utf8) } }
    }

    /// Whether an entry is of one of the classes.
    func matches(_ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        guard let attribute = catalogue.table.id(of: type) else { return false }
        var values = record.values(of: attribute)
        while let value = values.next() {
            for name in names where value.equalsIgnoringCase(name) { return true }
        }
        return false
    }

    /// The filter that finds the entries.
    /// - Parameter held: those only that have this attribute.
    func filter(_ catalogue: Catalogue, holding held: AttributeTypeID? = nil) -> CompiledFilter {
        var bytes = Array("objectClass".utf8)
        let attribute = ByteRange(start: 0, count: bytes.count)
        var nodes: [Filter.Node] = []
        if let held {
            nodes = [Filter.Node(kind: .and), Filter.Node(kind: .present, end: 2)]
            nodes[1].attribute = ByteRange(start: bytes.count, count: catalogue.schema[held].nameBytes.count)
            bytes += catalogue.schema[held].nameBytes
        }
        let first = nodes.count
        nodes.append(Filter.Node(kind: .or))
        for name in names where name.first.map({ !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) ?? false {
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            node.attribute = attribute
            node.value = ByteRange(start: bytes.count, count: name.count)
            bytes += name
            nodes.append(node)
        }
        nodes[0].end = Int32(nodes.count)
        nodes[first].end = Int32(nodes.count)
        return CompiledFilter(Filter(bytes: bytes, nodes: nodes), catalogue)
    }
}

extension RawSpan {
    /// Whether these are the given bytes, which are in lower case, but for the case of ASCII letters.
    @inline(__always)
    func equalsIgnoringCase(_ lower: [UInt8]) -> Bool {
        guard byteCount == lower.count else { return false }
        let lower = lower.span
        for index in 0..<lower.count {
            let byte = self[at: index]
            if byte == lower[index] { continue }
            guard byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z"), byte | 0x20 == lower[index] else { return false }
        }
        return true
    }
}
