import BER
import Directory
import EntryStore
import LDAP
import Schema

/// `musterInheritedFrom`: where inherited values come from. Each value is an attribute, a space, and the name of the entry that holds the
/// value. It speaks of the inherited attributes that the client names beside it, or of all if it names none; an attribute that the entry
/// itself has, or that nobody has, is not mentioned.
///
/// `zimbraCOSId` comes from the domain whose default it is, else from the class of service that has the default's name.
struct InheritedFrom: VirtualAttribute {
    let type: AttributeTypeID
    let tree: MailTree
    let inherited: InheritedTypes
    var types: [AttributeTypeID] { [type] }

    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { tree.isReady(snapshot, budget: &budget) }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        let lineage = try tree.lineage(id, record, snapshot)
        if case .none = lineage { return }
        let table = context.catalogue.table
        let classID = tree.types.classOfServiceID.type
        let named = context.requested.filter { $0 == classID || !inherited[$0].isEmpty }
        var names: [EntryID: [UInt8]] = [:]
        var value: [UInt8] = []
        for type in named.isEmpty ? inherited.all + [classID] : named {
            // Where a value comes from is told to whom the value is.
            guard let attribute = table.id(of: type), context.mayRead(type) else { continue }
            let source: EntryID?
            if type == classID {
                source = try sourceOfClass(lineage, record, snapshot)
            } else {
                source = record.contains(attribute) ? nil : try lineage.source(attribute, inherited[type], snapshot)
            }
            guard let source else { continue }
            value.removeAll(keepingCapacity: true)
            value += context.catalogue.schema[type].nameBytes
            value.append(UInt8(ascii: " "))
            if names[source] == nil { names[source] = try snapshot.name(of: source) }
            value += names[source] ?? []
            body(value.rawSpan)
        }
    }

    private func sourceOfClass(
        _ lineage: Lineage, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> EntryID? {
        guard case .account(let classOfService?, _, let domain, _) = lineage else { return nil }
        let table = try tree.table(snapshot)
        guard table.ownClassOfService(record) == nil else { return nil }
        let isExternal = record.isTrue(tree.types.isExternalVirtualAccount)
        let type = isExternal ? tree.types.defaultExternalClassOfServiceID : tree.types.defaultClassOfServiceID
        if let domain, let holder = try snapshot.record(domain) {
            var values = holder.values(of: type.id)
            if let value = values.next(), let place = table.classOfService(id: value),
                table.classes[place].entry == classOfService
            {
                return domain
            }
        }
        return classOfService
    }

    /// Nothing is searched for by it.
    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? { .constant(.undefined) }
}
