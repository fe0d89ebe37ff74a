import BER
import Directory
import EntryStore
import LDAP
import Schema

/// `musterDelegatedAddress`: the addresses that others may write in From when they send as an account or list, or on its behalf (10.5):
/// `zimbraPrefAllowAddressForDelegatedSender`, without any the primary address; and `zimbraAllowFromAddress`, which are from elsewhere.
struct DelegatedAddresses: VirtualAttribute {
    let type: AttributeTypeID
    let walk: RightWalk
    private let chosen: AttributeTypeID
    private let primary: AttributeTypeID
    private let outside: AttributeTypeID
    private let list: AttributeTypeID
    var types: [AttributeTypeID] { [type] }

    /// Nil for a schema without these types.
    init?(_ type: AttributeTypeID, _ walk: RightWalk, _ schema: Schema) {
        guard let chosen = schema.attributeType(named: "zimbraPrefAllowAddressForDelegatedSender"),
            let primary = schema.attributeType(named: "zimbraMailDeliveryAddress"), let list = schema.attributeType(named: "mail"),
            let outside = schema.attributeType(named: "zimbraAllowFromAddress")
        else { return nil }
        self.type = type
        self.walk = walk
        self.chosen = chosen
        self.primary = primary
        self.list = list
        self.outside = outside
    }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        guard let kind = walk.types.kind(record), kind.hasDomain else { return }
        func values(_ type: AttributeTypeID) -> Bool {
            guard let attribute = context.catalogue.table.id(of: type), record.contains(attribute) else { return false }
            var values = record.values(of: attribute)
            while let value = values.next() { body(value) }
            return true
        }
        if !values(chosen) { _ = values(kind == .list || kind == .group ? list : primary) }
        _ = values(outside)
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        guard item.kind == .equality || item.kind == .approximate else { return .constant(.undefined) }
        let schema = context.catalogue.schema
        // (|(chosen=X)(outside=X)(&(!(chosen=*))(|(primary=X)(&(mail=X)(!(primary=*)))))
        var bytes = item.value.array
        let value = ByteRange(start: 0, count: bytes.count)
        var nodes: [Filter.Node] = []
        func name(_ type: AttributeTypeID) -> ByteRange {
            let name = schema[type].nameBytes
            defer { bytes += name }
            return ByteRange(start: bytes.count, count: name.count)
        }
        func equal(_ type: AttributeTypeID) {
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            node.attribute = name(type)
            node.value = value
            nodes.append(node)
        }
        func absent(_ type: AttributeTypeID) {
            nodes.append(Filter.Node(kind: .not, end: Int32(nodes.count + 2)))
            var node = Filter.Node(kind: .present, end: Int32(nodes.count + 1))
            node.attribute = name(type)
            nodes.append(node)
        }
        func group(_ kind: Filter.Kind, _ body: () -> Void) {
            let place = nodes.count
            nodes.append(Filter.Node(kind: kind))
            body()
            nodes[place].end = Int32(nodes.count)
        }
        group(.or) {
            equal(chosen)
            equal(outside)
            group(.and) {
                absent(chosen)
                group(.or) {
                    equal(primary)
                    group(.and) {
                        equal(list)
                        absent(primary)
                    }
                }
            }
        }
        return .filter(CompiledFilter(Filter(bytes: bytes, nodes: nodes), context.catalogue))
    }
}
