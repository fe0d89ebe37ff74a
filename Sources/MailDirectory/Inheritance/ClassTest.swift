import BER
import EntryStore
import LDAP
import Schema

/// Tells whether entries are of some object classes or of classes derived from them, by all their names and OIDs.
final class ClassTest: Sendable {
    let classes: [ObjectClassID]
    private let attribute: AttributeID
    /// Names and OIDs in lower case, one after the other.
    private let text: [UInt8]
    private let places: [ByteRange]
    /// A bit for each length that a name has: most classes of an entry are told from these by it.
    private let lengths: UInt64

    /// Nil if the schema lacks one of the classes.
    init?(_ names: [String], _ catalogue: Catalogue) {
        let schema = catalogue.schema
        guard let type = schema.attributeType(named: "objectClass"), let attribute = catalogue.table.id(of: type) else { return nil }
        var roots: [ObjectClassID] = []
        for name in names {
            guard let id = schema.objectClass(named: name) else { return nil }
            roots.append(id)
        }
        var text: [UInt8] = []
        var places: [ByteRange] = []
        var lengths: UInt64 = 0
        for derived in schema.objectClasses where roots.contains(where: { schema.isSubclass(derived.id, of: $0) }) {
            for name in derived.names + [derived.oid] {
                let bytes = Array(name.lowercased().utf8)
                places.append(ByteRange(start: text.count, count: bytes.count))
                text += bytes
                lengths |= Self.bit(bytes.count)
            }
        }
        classes = roots
        self.attribute = attribute
        self.text = text
        self.places = places
        self.lengths = lengths
    }

    private static func bit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }

    /// Whether an entry is of one of the classes.
    func matches(_ record: borrowing EntryRecord) -> Bool {
        let text = self.text
        let names = text.rawSpan
        var values = record.values(of: attribute)
        while let value = values.next() {
            if isName(value, names) { return true }
        }
        return false
    }

    /// The same for one in memory, that may be none.
    func matches(_ entry: Entry?) -> Bool {
        guard let entry else { return false }
        let text = self.text
        for value in entry[attribute] {
            if isName(value.rawSpan, text.rawSpan) { return true }
        }
        return false
    }

    private func isName(_ value: RawSpan, _ names: RawSpan) -> Bool {
        guard lengths & Self.bit(value.byteCount) != 0 else { return false }
        for index in places.indices {
            if value.equalsIgnoringCase(names.slice(places[index])) { return true }
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
            let name = catalogue.schema[held].nameBytes
            nodes = [Filter.Node(kind: .and), Filter.Node(kind: .present, end: 2)]
            nodes[1].attribute = ByteRange(start: bytes.count, count: name.count)
            bytes += name
        }
        let first = nodes.count
        nodes.append(Filter.Node(kind: .or))
        for place in places {
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            node.attribute = attribute
            node.value = ByteRange(start: bytes.count, count: Int(place.count))
            bytes += text[place.lowerBound..<place.upperBound]
            nodes.append(node)
        }
        nodes[0].end = Int32(nodes.count)
        nodes[first].end = Int32(nodes.count)
        return CompiledFilter(Filter(bytes: bytes, nodes: nodes), catalogue)
    }
}
