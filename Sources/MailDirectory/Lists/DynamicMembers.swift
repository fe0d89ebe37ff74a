import BER
import Directory
import EntryStore
import LDAP
import Schema

/// `member` of dynamic lists: an entry with `memberURL` has as members, beside those stored, all entries that one of its URLs finds, each
/// once (semantics section 7; OpenLDAP's dynlist overlay). `member` in filters means the same.
struct DynamicMembers: LongVirtualAttribute {
    let membership: Membership
    let delivery: DeliveryView?

    private var type: AttributeTypeID { membership.types.member }
    var types: [AttributeTypeID] { [type] }
    /// As with slapd, `*` includes them.
    var isUserAttribute: Bool { true }

    func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        catalogue.table.id(of: membership.types.memberURL).map { record.contains($0) } ?? false
    }

    // MARK: Values

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, budget: inout Int, _ body: (RawSpan, RawSpan) -> Void
    ) throws(EntryStoreError) -> Bool {
        if let stored = context.catalogue.table.id(of: self.type) {
            var values = record.values(of: stored)
            while let value = values.next() { body(value, RawSpan()) }
        }
        var effort = Membership.Effort(budget: min(budget, Membership.Effort.unlimited))
        defer { budget = effort.budget }
        let list = try listOfItsOwn(id, record, snapshot, context, &effort)
        if effort.isSpent { return false }
        if let list, let found = try membership.kept?.found(id, list, snapshot, context) {
            found.forEachName(body)
            return true
        }
        var note = list.flatMap { membership.kept?.record(id, $0, snapshot) }
        // Units stand below their list.
        var names = NeighbourNames(knowing: id, named: name)
        let isWhole = try forEachFound(id, record, snapshot, context, &effort) { id, member throws(EntryStoreError) in
            try names.follow(member, snapshot)
            body(member.rdn, names.superior)
            note?.add(id, member, superior: names.superior)
            return true
        }
        if isWhole, let note { try membership.kept?.keep(note, snapshot) }
        return isWhole
    }

    /// The list that an entry is, if what it finds depends on nothing but the entries it finds: no members are stored beside them, and they are the
    /// same for who asks as for everybody.
    private func listOfItsOwn(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: VirtualContext, _ effort: inout Membership.Effort
    ) throws(EntryStoreError) -> ListIndex.List? {
        if let stored = context.catalogue.table.id(of: type), record.contains(stored) { return nil }
        guard delivery?.filter(for: context.viewer, context.catalogue) == nil else { return nil }
        guard let index = try membership.cache.index(snapshot, budget: &effort.budget) else {
            effort.isSpent = true
            return nil
        }
        guard let list = index.lists[id], ListAuthorization.admits(list, membership.types, snapshot, context) else { return nil }
        for url in list.urls
        where context.rights(as: list.identity, url.filter, excluding: membership.types.memberOf, snapshot) != nil { return nil }
        return list
    }

    func names(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: VirtualContext,
        budget: inout Int
    ) throws(EntryStoreError) -> [EntryID]? {
        var effort = Membership.Effort(budget: min(budget, Membership.Effort.unlimited))
        defer { budget = effort.budget }
        var ids: [EntryID] = []
        let isWhole = try forEachFound(id, record, snapshot, context, &effort) { member, _ throws(EntryStoreError) in
            ids.append(member)
            return true
        }
        return isWhole ? ids : nil
    }

    /// Calls `body` with the members that are not stored, each once, as long as it says to go on.
    /// - Returns: false if the effort was not enough, or `body` said stop.
    private func forEachFound(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: VirtualContext,
        _ effort: inout Membership.Effort, _ body: (EntryID, borrowing EntryRecord) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) -> Bool {
        guard let index = try membership.cache.index(snapshot, budget: &effort.budget) else { return false }
        guard let list = index.lists[id] else { return true }
        var seen = Set<EntryID>()
        var hasStored = false
        if let stored = context.catalogue.table.id(of: self.type) {
            var values = record.values(of: stored)
            while let value = values.next() {
                hasStored = true
                guard effort.spend(1) else { return false }
                if let member = membership.resolve(value, snapshot) { seen.insert(member) }
            }
        }
        // One search finds nobody twice.
        let mayRepeat = hasStored || list.urls.count > 1
        var filter = delivery?.filter(for: context.viewer, context.catalogue)
        if !mayRepeat, filter == nil { return try membership.forEachFound(by: list, snapshot, context, &effort, body) }
        return try membership.forEachFound(by: list, snapshot, context, &effort) { member, found throws(EntryStoreError) in
            if mayRepeat, !seen.insert(member).inserted { return true }
            if filter != nil, try filter?.receives(found, snapshot) == false { return true }
            return try body(member, found)
        }
    }

    // MARK: Filters

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        switch item.kind {
        case .present: return .predicate(HasMembers(members: self, context: context))
        case .equality, .approximate, .extensible:
            return MembershipSet.item(item, membership, context, direct: .listsOf, chain: .listsAbove)
        default: return nil
        }
    }

    /// `(member=*)`.
    private struct HasMembers: EntryPredicate {
        let members: DynamicMembers
        let context: VirtualContext

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            if let stored = context.catalogue.table.id(of: members.type), record.contains(stored) { return .yes }
            var effort = Membership.Effort(budget: Membership.Effort.unlimited)
            let types = members.membership.types
            guard let attribute = context.catalogue.table.id(of: types.memberURL), record.contains(attribute) else { return .no }
            guard let index = try? members.membership.cache.index(snapshot, budget: &effort.budget), let list = index.lists[id],
                let isEmpty = try? members.membership.forEachFound(by: list, snapshot, context, &effort, { _, _ in false })
            else { return .no }
            return Ternary(!isEmpty)
        }

        /// Entries with names of members, and all dynamic lists.
        func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? {
            let schema = context.catalogue.schema
            let types = members.membership.types
            var bytes: [UInt8] = []
            var nodes = [Filter.Node(kind: .or, end: 3)]
            for type in [types.member, types.memberURL] {
                var node = Filter.Node(kind: .present, end: Int32(nodes.count + 1))
                node.attribute = ByteRange(start: bytes.count, count: schema[type].nameBytes.count)
                bytes += schema[type].nameBytes
                nodes.append(node)
            }
            var search = EntrySearch(
                filter: CompiledFilter(Filter(bytes: bytes, nodes: nodes), context.catalogue), base: .root, scope: .wholeSubtree)
            var ids: [EntryID] = []
            var budget = Membership.Effort.unlimited
            var scratch = FilterScratch()
            let outcome = try? search.run(snapshot, budget: &budget, scratch: &scratch) { id, _ throws(EntryStoreError) in
                ids.append(id)
                return true
            }
            return outcome == nil ? nil : ids
        }

        func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool {
            // Every list is asked for a first member.
            guard let index = try? members.membership.cache.index(snapshot, budget: &budget) else { return false }
            guard index.lists.count <= budget else { return false }
            budget -= index.lists.count
            return true
        }
    }
}
