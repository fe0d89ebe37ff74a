import BER
import EntryStore
import LDAP
import Schema

/// Filters on `objectClass`: an entry of a class is of all its superclasses too, whether it lists them or not
/// (RFC 4512 section 3.3; slapd matches so).
struct ClassHierarchy: Sendable {
    /// By class: itself and all classes derived from it.
    private let subclasses: [[ObjectClassID]]
    private let top: ObjectClassID
    private let type: AttributeTypeID

    init(known: KnownTypes, schema: Schema) {
        var subclasses: [[ObjectClassID]] = Array(repeating: [], count: schema.objectClasses.count)
        for description in schema.objectClasses where !description.isRemoved {
            for superior in schema.superiors(of: description.id) { subclasses[Int(superior.rawValue)].append(description.id) }
        }
        self.subclasses = subclasses
        top = known.top
        type = known.objectClass
    }

    /// What an item on `objectClass` means; nil: just what it says.
    func item(_ item: borrowing CompiledFilter.Item, _ catalogue: Catalogue) -> VirtualItem? {
        guard item.kind == .equality || item.kind == .approximate || item.kind == .extensible && item.rule == .objectIdentifierMatch,
            let wanted = catalogue.schema.objectClass(item.value)
        else { return nil }
        if wanted == top { return .constant(.yes) }
        // Classes that were defined since have no others below them that are known here.
        guard Int(wanted.rawValue) < subclasses.count else { return nil }
        let classes = subclasses[Int(wanted.rawValue)]
        guard classes.count > 1 else { return nil }
        var bytes = catalogue.schema[type].nameBytes
        let name = ByteRange(start: 0, count: bytes.count)
        var nodes = [Filter.Node(kind: .or, end: Int32(classes.count + 1))]
        for id in classes {
            let oid = Array(catalogue.schema[id].oid.utf8)
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            node.attribute = name
            node.value = ByteRange(start: bytes.count, count: oid.count)
            bytes += oid
            nodes.append(node)
        }
        return .filter(CompiledFilter(Filter(bytes: bytes, nodes: nodes), catalogue))
    }
}
