import BER
import EntryStore
import Directory
import LDAP
import Schema

/// Inherited attributes: a client that asks for one by name gets the value of the class of service, the domain or global configuration
/// where the entry has none of its own (2.2 to 2.5). If it has any, that is all there is (2.4).
struct Inheritance: VirtualAttribute {
    let tree: MailTree
    let inherited: InheritedTypes
    var types: [AttributeTypeID] { inherited.all }
    /// Clients that know of inheritance read an entry's stored values with `*`.
    var isInStoredView: Bool { false }

    func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        catalogue.table.id(of: type).map { !record.contains($0) } ?? false
    }

    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { tree.isReady(snapshot, budget: &budget) }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        guard let attribute = context.catalogue.table.id(of: type), !record.contains(attribute),
            let source = try tree.lineage(id, record, snapshot).source(attribute, inherited[type], snapshot),
            let holder = try snapshot.record(source)
        else { return }
        var values = holder.values(of: attribute)
        while let value = values.next() { body(value) }
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        // The mail system's numbers have no ordering rule in its schema; that of their equality rule is at hand.
        let ordering: MatchingRule? = context.catalogue.schema[item.type].equality == .integerMatch ? .integerOrderingMatch : nil
        let own = item.onStored(context.catalogue, ordering: ordering)
        if own.isUndefined { return .constant(.undefined) }
        guard let attribute = context.catalogue.table.id(of: item.type) else { return nil }
        return .predicate(
            InheritedItem(tree: tree, type: item.type, attribute: attribute, levels: inherited[item.type], kind: item.kind, own: own))
    }
}
