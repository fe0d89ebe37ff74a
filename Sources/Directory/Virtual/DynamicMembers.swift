import BER
import EntryStore
import LDAP
import Schema

/// `member` of dynamic lists: entries with `memberURL` (class groupOfURLs) have as members, beside those stored, all entries that one
/// of their URLs finds (semantics section 7; OpenLDAP's dynlist overlay).
struct DynamicMembers: VirtualAttribute {
    let type: AttributeTypeID
    let url: AttributeTypeID
    var types: [AttributeTypeID] { [type] }
    var isUserAttribute: Bool { true }

    func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool {
        catalogue.table.id(of: url).map { record.contains($0) } ?? false
    }

    /// A `memberURL` taken apart.
    struct Query: Sendable {
        let base: DistinguishedName
        let scope: SearchScope
        let filter: Filter

        /// Nil for a value that is no search URL: it has no members.
        init?(_ value: RawSpan) {
            guard let url = try? LDAPURL(String(decoding: value.array, as: UTF8.self)),
                let base = try? DistinguishedName(url.dn), let filter = try? Filter(url.filter ?? "(objectClass=*)")
            else { return nil }
            self.base = base
            self.scope = url.scope ?? .baseObject
            self.filter = filter
        }

        /// The search that finds the members.
        func search(_ catalogue: Catalogue, _ snapshot: borrowing Snapshot) -> EntrySearch? {
            guard let base = try? snapshot.resolve(base), base.isComplete else { return nil }
            return EntrySearch(filter: CompiledFilter(filter, catalogue), base: base.id, scope: scope)
        }

        /// Whether an entry is among the members.
        func contains(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Bool {
            guard let base = try? snapshot.resolve(base), base.isComplete else { return false }
            let isInScope: Bool =
                switch scope {
                case .baseObject: id == base.id
                case .singleLevel: record.parent == base.id
                case .wholeSubtree: base.id == .root || ((try? snapshot.isInSubtree(id, of: base.id)) ?? false)
                case .subordinateSubtree: id != base.id && ((try? snapshot.isInSubtree(id, of: base.id)) ?? false)
                }
            guard isInScope else { return false }
            var scratch = FilterScratch()
            return CompiledFilter(filter, snapshot.catalogue).evaluate(id, record, snapshot, scratch: &scratch) == .yes
        }
    }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        guard let urls = context.catalogue.table.id(of: url), let stored = context.catalogue.table.id(of: self.type) else { return }
        var values = record.values(of: stored)
        while let value = values.next() { body(value) }
        var queries = record.values(of: urls)
        if queries.isAtEnd { return }
        // An entry that several URLs find, or that is stored as well, is one member.
        var seen = Set<UInt64>()
        var known = record.values(of: stored)
        while let value = known.next() {
            if let name = try? DistinguishedName(parsing: value), let found = try? snapshot.resolve(name), found.isComplete {
                seen.insert(found.id.rawValue)
            }
        }
        var member: [UInt8] = []
        var scratch = FilterScratch()
        while let value = queries.next() {
            guard var search = Query(value)?.search(context.catalogue, snapshot) else { continue }
            var budget = Int.max
            _ = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, _ throws(EntryStoreError) in
                if seen.insert(id.rawValue).inserted {
                    member.removeAll(keepingCapacity: true)
                    try snapshot.appendName(of: id, to: &member)
                    body(member.rawSpan)
                }
                return true
            }
        }
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        guard let urls = context.catalogue.table.id(of: url), let stored = context.catalogue.table.id(of: type) else { return nil }
        switch item.kind {
        case .present:
            return .predicate(HasMembers(stored: stored, urls: urls, url: url, type: type))
        case .equality, .approximate:
            guard let name = try? DistinguishedName(parsing: item.value) else { return .constant(.undefined) }
            var canonical: [UInt8] = []
            guard (try? context.catalogue.schema.normalizeDN(name, into: &canonical)) != nil else { return .constant(.undefined) }
            return .predicate(HasMember(name: name, canonical: canonical, stored: stored, urls: urls, url: url, type: type))
        default: return nil
        }
    }

    /// Entries that can have members: those with stored ones (or a certain one) and those with URLs.
    private static func candidates(_ member: Filter.Node?, _ value: [UInt8], _ url: AttributeTypeID, _ type: AttributeTypeID, _ snapshot: borrowing Snapshot)
        -> [EntryID]?
    {
        let schema = snapshot.catalogue.schema
        var bytes = schema[type].nameBytes
        let typePlace = ByteRange(start: 0, count: bytes.count)
        let urlPlace = ByteRange(start: bytes.count, count: schema[url].nameBytes.count)
        bytes += schema[url].nameBytes
        let valuePlace = ByteRange(start: bytes.count, count: value.count)
        bytes += value
        var stored = Filter.Node(kind: member?.kind ?? .present, end: 2)
        stored.attribute = typePlace
        stored.value = valuePlace
        var query = Filter.Node(kind: .present, end: 3)
        query.attribute = urlPlace
        let filter = CompiledFilter(Filter(bytes: bytes, nodes: [Filter.Node(kind: .or, end: 3), stored, query]), snapshot.catalogue)
        var search = EntrySearch(filter: filter, base: .root, scope: .wholeSubtree)
        var ids: [EntryID] = []
        var budget = Int.max
        var scratch = FilterScratch()
        guard
            (try? search.run(snapshot, budget: &budget, scratch: &scratch, { id, _ throws(EntryStoreError) in
                ids.append(id)
                return true
            })) != nil
        else { return nil }
        return ids
    }

    /// `(member=*)`.
    struct HasMembers: EntryPredicate {
        let stored: AttributeID
        let urls: AttributeID
        let url: AttributeTypeID
        let type: AttributeTypeID

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            if record.contains(stored) { return .yes }
            var queries = record.values(of: urls)
            var scratch = FilterScratch()
            while let value = queries.next() {
                guard var search = Query(value)?.search(snapshot.catalogue, snapshot) else { continue }
                var budget = Int.max
                let outcome = try? search.run(snapshot, budget: &budget, scratch: &scratch) { _, _ throws(EntryStoreError) in false }
                if outcome == .stopped { return .yes }
            }
            return .no
        }

        func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? { DynamicMembers.candidates(nil, [], url, type, snapshot) }
    }

    /// `(member=DN)`.
    struct HasMember: EntryPredicate {
        let name: DistinguishedName
        let canonical: [UInt8]
        let stored: AttributeID
        let urls: AttributeID
        let url: AttributeTypeID
        let type: AttributeTypeID

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            var scratch: [UInt8] = []
            var values = record.values(of: stored)
            while let value = values.next() {
                if snapshot.schema.equals(value, normalized: canonical.rawSpan, by: .distinguishedNameMatch, scratch: &scratch) { return .yes }
            }
            var queries = record.values(of: urls)
            if queries.isAtEnd { return .no }
            guard let found = try? snapshot.resolve(name), found.isComplete, let member = try? snapshot.record(found.id) else { return .no }
            while let value = queries.next() {
                if let query = Query(value), query.contains(found.id, member, snapshot) { return .yes }
            }
            return .no
        }

        func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? {
            DynamicMembers.candidates(Filter.Node(kind: .equality), canonical, url, type, snapshot)
        }
    }
}
