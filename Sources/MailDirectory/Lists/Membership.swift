import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Who is a member of what: by names stored in groups, by the searches of dynamic lists, by addresses on static lists (rules 7.1, 7.2,
/// 7.8). All answers come from indexes.
struct Membership: Sendable {
    let types: ListTypes
    let cache: ListIndexCache
    /// Nil: nothing is kept.
    let kept: KeptMembers?

    /// What a search for members spends; nothing is to be concluded once it is used up.
    struct Effort {
        var budget: Int
        var isSpent = false

        /// More than there can be entries.
        static let unlimited = Int.max / 2

        /// - Returns: false if that is too much.
        mutating func spend(_ count: Int) -> Bool {
            if count > budget { isSpent = true }
            budget -= min(count, budget)
            return !isSpent
        }
    }

    // MARK: Downwards

    /// Calls `body` with the entries that the URLs of a list find; one that several find comes several times. They are found with the
    /// rights of the list's `dgIdentity`, without one with those of who asks (rule 7.11).
    /// - Returns: false if the effort was not enough, or `body` said stop.
    func forEachFound(
        by list: ListIndex.List, _ snapshot: borrowing Snapshot, _ context: VirtualContext, _ effort: inout Effort,
        _ body: (EntryID, borrowing EntryRecord) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) -> Bool {
        guard ListAuthorization.admits(list, types, snapshot, context) else { return true }
        var scratch = FilterScratch()
        var judging = FilterScratch()
        for url in list.urls {
            guard var search = search(url, snapshot, context) else { continue }
            let rights = context.rights(as: list.identity, url.filter, excluding: types.memberOf, snapshot)
            let outcome: EntrySearch.Outcome
            if let rights {
                guard rights.mayBegin(at: search.base, snapshot) else { continue }
                outcome = try search.run(snapshot, budget: &effort.budget, scratch: &scratch) { id, record throws(EntryStoreError) in
                    guard rights.mayFind(id, record, snapshot, scratch: &judging) else { return true }
                    return try body(id, record)
                }
            } else {
                outcome = try search.run(snapshot, budget: &effort.budget, scratch: &scratch, body)
            }
            switch outcome {
            case .finished: continue
            case .stopped: return false
            case .outOfBudget:
                effort.isSpent = true
                return false
            }
        }
        return true
    }

    /// The search that a URL stands for; nil if its base does not exist.
    private func search(_ url: ListURL, _ snapshot: borrowing Snapshot, _ context: VirtualContext) -> EntrySearch? {
        guard let base = try? snapshot.resolve(url.base), base.isComplete else { return nil }
        return EntrySearch(filter: context.compile(kept: url.filter, excluding: types.memberOf), base: base.id, scope: url.scope)
    }

    /// The members of an entry one step down: named ones, found ones, those that an address leads to. Ascending.
    func members(
        of id: EntryID, _ snapshot: borrowing Snapshot, _ context: VirtualContext, byAddress: Bool = true, _ effort: inout Effort
    ) throws(EntryStoreError) -> Set<EntryID> {
        var members = Set<EntryID>()
        guard let record = try snapshot.record(id) else { return members }
        let table = context.catalogue.table
        if let stored = table.id(of: types.member) {
            var values = record.values(of: stored)
            while let value = values.next() {
                guard effort.spend(1) else { return members }
                if let found = resolve(value, snapshot) { members.insert(found) }
            }
        }
        if let index = try cache.index(snapshot, budget: &effort.budget) {
            if let list = index.lists[id] {
                _ = try forEachFound(by: list, snapshot, context, &effort) { member, _ throws(EntryStoreError) in
                    members.insert(member)
                    return true
                }
            }
        } else {
            effort.isSpent = true
        }
        guard byAddress, !effort.isSpent, let mail = types.mail, isAddressList(record, mail, context.catalogue),
            let forwarding = table.id(of: mail.forwarding)
        else { return members }
        var values = record.values(of: forwarding)
        while let value = values.next() {
            guard effort.spend(1) else { return members }
            try members.formUnion(entries(withAddress: value, mail, snapshot, context))
        }
        return members
    }

    /// The entries that an address belongs to.
    private func entries(
        withAddress address: RawSpan, _ mail: ListTypes.Mail, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> [EntryID] {
        var owners: [EntryID] = []
        for id in try entries(having: mail.addresses + [mail.externalAddress], address, snapshot, context) {
            guard let record = try snapshot.record(id) else { continue }
            // Of an external virtual account only the external address counts.
            var isOwn = false
            try forEachAddress(of: record, mail, context.catalogue) { own throws(EntryStoreError) in
                // Addresses compare without regard to the case of ASCII letters (rule 7.1.3); others are stored in ASCII form (rule 1.6).
                isOwn = isOwn || own.equalsIgnoringCase(address)
            }
            if isOwn { owners.append(id) }
        }
        return owners
    }

    // MARK: Upwards

    /// The groups of an entry one step up.
    /// - Parameter byAddress: only lists that hold an address of the entry, or only the others; nil: all.
    func groups(
        of id: EntryID, _ snapshot: borrowing Snapshot, _ context: VirtualContext, byAddress: Bool? = nil, _ effort: inout Effort
    ) throws(EntryStoreError) -> Set<EntryID> {
        var groups = Set<EntryID>()
        guard let record = try snapshot.record(id) else { return groups }
        if byAddress != true {
            let name = try snapshot.name(of: id)
            groups = Set(try entries(having: [types.member], name.rawSpan, snapshot, context))
            guard effort.spend(groups.count) else { return groups }
            try groups.formUnion(lists(finding: id, named: name, record, snapshot, context, &effort))
        }
        guard byAddress != false, !effort.isSpent, let mail = types.mail else { return groups }
        try forEachAddress(of: record, mail, context.catalogue) { address throws(EntryStoreError) in
            for list in try entries(having: [mail.forwarding], address, snapshot, context) {
                guard effort.spend(1) else { return }
                if let record = try snapshot.record(list), isAddressList(record, mail, context.catalogue) { groups.insert(list) }
            }
        }
        return groups
    }

    /// The dynamic lists that find an entry.
    private func lists(
        finding id: EntryID, named name: [UInt8], _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ effort: inout Effort
    ) throws(EntryStoreError) -> Set<EntryID> {
        var found = Set<EntryID>()
        var canonical: [UInt8] = []
        guard let dn = try? DistinguishedName(parsing: name.rawSpan), (try? snapshot.schema.normalizeDN(dn, into: &canonical)) != nil
        else { return found }
        guard let index = try cache.index(snapshot, budget: &effort.budget) else {
            effort.isSpent = true
            return found
        }
        var scratch = FilterScratch()
        try index.forEachQuery(that: record, named: canonical, mayBeFoundBy: context.catalogue) { query, isCertain throws(EntryStoreError) in
            if found.contains(query.list) { return true }
            if !isCertain {
                guard effort.spend(1) else { return false }
                let filter = context.compile(kept: query.url.filter, excluding: types.memberOf)
                guard filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes else { return true }
            }
            if mayFind(query, index.lists[query.list], id, record, snapshot, context, &scratch) { found.insert(query.list) }
            return true
        }
        return found
    }

    /// Whether a list may find an entry that satisfies one of its URLs.
    private func mayFind(
        _ query: ListIndex.Query, _ list: ListIndex.List?, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ scratch: inout FilterScratch
    ) -> Bool {
        guard let list, ListAuthorization.admits(list, types, snapshot, context) else { return false }
        guard let rights = context.rights(as: list.identity, query.url.filter, excluding: types.memberOf, snapshot) else { return true }
        guard let base = try? snapshot.resolve(query.url.base), base.isComplete else { return false }
        return rights.mayBegin(at: base.id, snapshot) && rights.mayFind(id, record, snapshot, scratch: &scratch)
    }

    // MARK: Chains

    /// What `memberOf` holds: the groups one step up, and the static lists that hold an address of any of these, and so on
    /// (rule 7.2). A circle ends where it began.
    func memberOf(
        _ id: EntryID, _ snapshot: borrowing Snapshot, _ context: VirtualContext, _ effort: inout Effort
    ) throws(EntryStoreError) -> Set<EntryID> {
        let direct = try groups(of: id, snapshot, context, &effort)
        return try closure(of: direct, &effort) { group, effort throws(EntryStoreError) in
            try groups(of: group, snapshot, context, byAddress: true, &effort)
        }
    }

    /// The entries whose `memberOf` holds a group.
    func entries(
        withMemberOf id: EntryID, _ snapshot: borrowing Snapshot, _ context: VirtualContext, _ effort: inout Effort
    ) throws(EntryStoreError) -> Set<EntryID> {
        guard let mail = types.mail else { return try members(of: id, snapshot, context, &effort) }
        // The group and everything that an address on it leads to, on and on; then the members of all.
        let nested = try closure(of: [id], &effort) { group, effort throws(EntryStoreError) in
            guard let record = try snapshot.record(group), isAddressList(record, mail, context.catalogue) else { return [] }
            var groups = Set<EntryID>()
            for member in try members(of: group, snapshot, context, &effort) {
                if let record = try snapshot.record(member), isGroup(record, context.catalogue) { groups.insert(member) }
            }
            return groups
        }
        var all = Set<EntryID>()
        for group in nested {
            try all.formUnion(members(of: group, snapshot, context, &effort))
            guard !effort.isSpent else { break }
        }
        return all
    }

    /// All groups above an entry, by whatever steps.
    func groupsInChain(
        of id: EntryID, _ snapshot: borrowing Snapshot, _ context: VirtualContext, _ effort: inout Effort
    ) throws(EntryStoreError) -> Set<EntryID> {
        try closure(of: groups(of: id, snapshot, context, &effort), &effort) { group, effort throws(EntryStoreError) in
            try groups(of: group, snapshot, context, &effort)
        }
    }

    /// All entries below a group, by whatever steps.
    func membersInChain(
        of id: EntryID, _ snapshot: borrowing Snapshot, _ context: VirtualContext, _ effort: inout Effort
    ) throws(EntryStoreError) -> Set<EntryID> {
        try closure(of: members(of: id, snapshot, context, &effort), &effort) { member, effort throws(EntryStoreError) in
            guard let record = try snapshot.record(member), isGroup(record, context.catalogue) else { return [] }
            return try members(of: member, snapshot, context, &effort)
        }
    }

    /// Everything that is reached from some entries, they included; each is followed once.
    private func closure(
        of start: Set<EntryID>, _ effort: inout Effort, _ step: (EntryID, inout Effort) throws(EntryStoreError) -> Set<EntryID>
    ) throws(EntryStoreError) -> Set<EntryID> {
        var reached = start
        var waiting = Array(start)
        while let next = waiting.popLast(), !effort.isSpent {
            for id in try step(next, &effort) where reached.insert(id).inserted { waiting.append(id) }
        }
        return reached
    }

    // MARK: Parts

    /// Whether an entry can have members.
    func isGroup(_ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        let table = catalogue.table
        if let id = table.id(of: types.member), record.contains(id) { return true }
        if let id = table.id(of: types.memberURL), record.contains(id) { return true }
        guard let mail = types.mail else { return false }
        return isAddressList(record, mail, catalogue)
    }

    private func isAddressList(_ record: borrowing EntryRecord, _ mail: ListTypes.Mail, _ catalogue: Catalogue) -> Bool {
        guard let forwarding = catalogue.table.id(of: mail.forwarding), record.contains(forwarding),
            let attribute = catalogue.table.id(of: mail.objectClass)
        else { return false }
        var values = record.values(of: attribute)
        while let value = values.next() {
            if let id = catalogue.schema.objectClass(value), mail.addressLists.contains(id) { return true }
        }
        return false
    }

    /// The addresses by which an entry can be on a static list (rule 7.2).
    private func forEachAddress(
        of record: borrowing EntryRecord, _ mail: ListTypes.Mail, _ catalogue: Catalogue,
        _ body: (RawSpan) throws(EntryStoreError) -> Void
    ) throws(EntryStoreError) {
        let table = catalogue.table
        var isExternal = false
        if let attribute = table.id(of: mail.isExternal) {
            var values = record.values(of: attribute)
            if let value = values.next() { isExternal = value.equalsIgnoringCase(Self.yes.rawSpan) }
        }
        for type in isExternal ? [mail.externalAddress] : mail.addresses {
            guard let attribute = table.id(of: type) else { continue }
            var values = record.values(of: attribute)
            while let value = values.next() { try body(value) }
        }
    }

    private static let yes = Array("TRUE".utf8)

    /// The entry of a name in string form; nil if there is none.
    func resolve(_ name: RawSpan, _ snapshot: borrowing Snapshot) -> EntryID? {
        guard let dn = try? DistinguishedName(parsing: name), let found = try? snapshot.resolve(dn), found.isComplete else { return nil }
        return found.id
    }

    /// The entries that store a value in one of several attributes.
    func entries(
        having types: [AttributeTypeID], _ value: RawSpan, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> [EntryID] {
        var bytes = value.array
        var nodes = [Filter.Node(kind: .or, end: Int32(types.count + 1))]
        for type in types {
            let name = context.catalogue.schema[type].nameBytes
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            node.attribute = ByteRange(start: bytes.count, count: name.count)
            node.value = ByteRange(start: 0, count: value.byteCount)
            bytes += name
            nodes.append(node)
        }
        var search = EntrySearch(
            filter: CompiledFilter(Filter(bytes: bytes, nodes: nodes), context.catalogue), base: .root, scope: .wholeSubtree)
        var scratch = FilterScratch()
        var budget = Int.max
        var found: [EntryID] = []
        _ = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, _ throws(EntryStoreError) in
            found.append(id)
            return true
        }
        return found
    }
}
