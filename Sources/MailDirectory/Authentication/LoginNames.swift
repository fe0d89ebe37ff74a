import BER
import EntryStore
import LDAP
import Schema

/// Finds the account that a name means which is no DN (1.13, 1.14, 3.13, 4.7).
struct LoginNames: Sendable {
    let tree: MailTree
    let types: LoginTypes
    /// A search that would look at more entries (without an index) finds nothing.
    private static let budget = 5000

    func entry(
        named name: [UInt8], serverName: String?, _ snapshot: borrowing Snapshot, scratch: inout FilterScratch
    ) throws(EntryStoreError) -> EntryID? {
        var local = name
        var domain: [UInt8]
        if let at = name.lastIndex(of: UInt8(ascii: "@")) {
            local = Array(name[..<at])
            domain = Array(name[(at + 1)...])
        } else {
            // 4.7: the virtual host says which domain, else the global default does (1.14).
            var standard = try virtualHost(serverName, snapshot, &scratch)
            if standard == nil { standard = try defaultDomain(snapshot) }
            guard let standard else { return nil }
            domain = standard
        }
        guard !local.isEmpty, !domain.isEmpty else { return nil }
        let separator = [UInt8(ascii: "@")]
        let addresses = [types.address, types.alias, types.oldAddress]
        let account = tree.types.account
        if let found = try only(addresses, local + separator + domain, account, snapshot, &scratch) { return found.id }
        // 3.13: an alias domain's addresses are its target's.
        guard let alias = try only([types.domainName], domain, tree.types.domain, snapshot, &scratch, reading: [types.domainType, types.aliasTarget]),
            alias.values[0] == Self.alias, !alias.values[1].isEmpty,
            let target = try only([tree.types.id.type], alias.values[1], tree.types.domain, snapshot, &scratch, reading: [types.domainName]),
            !target.values[0].isEmpty
        else { return nil }
        domain = target.values[0]
        return try only(addresses, local + separator + domain, account, snapshot, &scratch)?.id
    }

    private static let alias = Array("alias".utf8)

    private func virtualHost(
        _ host: String?, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch
    ) throws(EntryStoreError) -> [UInt8]? {
        guard let host, !host.isEmpty else { return nil }
        let found = try only(
            [types.virtualHost], Array(host.lowercased().utf8), tree.types.domain, snapshot, &scratch, reading: [types.domainName])
        return found.flatMap { $0.values[0].isEmpty ? nil : $0.values[0] }
    }

    private func defaultDomain(_ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [UInt8]? {
        guard let config = try tree.table(snapshot).config, let record = try snapshot.record(config) else { return nil }
        return record.first(types.defaultDomain, snapshot.catalogue)
    }

    /// The only entry of a class that has a value in one of some attributes, and first values of it (empty where there are none).
    private func only(
        _ attributes: [AttributeTypeID], _ value: [UInt8], _ wanted: ClassTest, _ snapshot: borrowing Snapshot,
        _ scratch: inout FilterScratch, reading: [AttributeTypeID] = []
    ) throws(EntryStoreError) -> (id: EntryID, values: [[UInt8]])? {
        let catalogue = snapshot.catalogue
        var bytes = value
        var nodes = [Filter.Node(kind: .or, end: Int32(attributes.count + 1))]
        for attribute in attributes {
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            let name = catalogue.schema[attribute].nameBytes
            node.attribute = ByteRange(start: bytes.count, count: name.count)
            node.value = ByteRange(start: 0, count: value.count)
            bytes += name
            nodes.append(node)
        }
        var search = EntrySearch(
            filter: CompiledFilter(Filter(bytes: bytes, nodes: nodes), catalogue), base: .root, scope: .wholeSubtree)
        var found: (id: EntryID, values: [[UInt8]])?
        var isUnique = true
        var budget = Self.budget
        let outcome = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
            guard wanted.matches(record) else { return true }
            isUnique = found == nil
            var values: [[UInt8]] = []
            for type in reading { values.append(record.first(type, catalogue) ?? []) }
            found = (id, values)
            return isUnique
        }
        if case .outOfBudget = outcome { return nil }
        return isUnique ? found : nil
    }
}
