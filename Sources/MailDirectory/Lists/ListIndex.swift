import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// Finds the dynamic lists that an entry can be on by its name and its values, without asking every list: their URLs are sorted by
/// base, and below that by what an entry must have (``ListAnchors``). A value; the lists are those of one commit.
struct ListIndex: Sendable {
    /// One URL of a list.
    struct Query: Sendable {
        let list: EntryID
        let url: ListURL
    }

    /// A dynamic list: its URLs as they stand in the entry, and those that can be read.
    struct List: Sendable {
        let values: [[UInt8]]
        let urls: [ListURL]
        /// Its `dgIdentity`, as written.
        let identity: [UInt8]?
        let authorization: [[UInt8]]
    }

    /// The URLs with one base.
    private struct Branch {
        var anchored: [ListAnchors.Anchor: [Query]] = [:]
        /// How many anchors there are of each type.
        var types: [AttributeTypeID: Int] = [:]
        /// URLs that demand no value.
        var others: [Query] = []
        var isEmpty: Bool { anchored.isEmpty && others.isEmpty }
    }

    private(set) var lists: [EntryID: List] = [:]
    /// By base in canonical form.
    private var branches: [[UInt8]: Branch] = [:]
    /// The commit of the snapshot it was last made right for.
    fileprivate(set) var commit = 0

    // MARK: Making

    init() {}

    /// All lists of a snapshot.
    init(_ snapshot: borrowing Snapshot, _ types: ListTypes, _ known: Filter) throws(EntryStoreError) {
        var search = EntrySearch(filter: CompiledFilter(known, snapshot.catalogue), base: .root, scope: .wholeSubtree)
        var scratch = FilterScratch()
        var budget = Int.max
        var found: [EntryID] = []
        _ = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, _ throws(EntryStoreError) in
            found.append(id)
            return true
        }
        try update(found, snapshot, types)
    }

    /// Reads entries that may have changed.
    mutating func update(_ ids: [EntryID], _ snapshot: borrowing Snapshot, _ types: ListTypes) throws(EntryStoreError) {
        commit = snapshot.commit
        for id in ids {
            let values = try Self.stored(types.memberURL, id, snapshot)
            let identity = try Self.stored(types.identity, id, snapshot).first
            let authorization = try Self.stored(types.authorization, id, snapshot)
            // Mostly another attribute has changed.
            let before = lists[id]
            if let before, values == before.values {
                lists[id] = List(values: values, urls: before.urls, identity: identity, authorization: authorization)
                continue
            }
            if values.isEmpty, before == nil { continue }
            for url in before?.urls ?? [] { remove(Query(list: id, url: url)) }
            lists[id] = nil
            guard !values.isEmpty else { continue }
            var urls: [ListURL] = []
            for value in values {
                // What is no URL has no members.
                guard let url = try? ListURL(value.rawSpan, types, snapshot.schema) else { continue }
                urls.append(url)
                add(Query(list: id, url: url))
            }
            lists[id] = List(values: values, urls: urls, identity: identity, authorization: authorization)
        }
    }

    private static func stored(
        _ type: AttributeTypeID?, _ id: EntryID, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> [[UInt8]] {
        guard let type, let attribute = snapshot.catalogue.table.id(of: type), let record = try snapshot.record(id) else { return [] }
        var list: [[UInt8]] = []
        var values = record.values(of: attribute)
        while let value = values.next() { list.append(value.array) }
        return list
    }

    private mutating func add(_ query: Query) {
        var branch = branches.removeValue(forKey: query.url.canonicalBase) ?? Branch()
        if let anchors = query.url.anchors.any {
            for anchor in anchors {
                branch.anchored[anchor, default: []].append(query)
                branch.types[anchor.type, default: 0] += 1
            }
        } else {
            branch.others.append(query)
        }
        if !branch.isEmpty { branches[query.url.canonicalBase] = branch }
    }

    private mutating func remove(_ query: Query) {
        guard var branch = branches.removeValue(forKey: query.url.canonicalBase) else { return }
        if let anchors = query.url.anchors.any {
            for anchor in anchors {
                branch.anchored[anchor]?.removeAll { $0.url === query.url }
                if branch.anchored[anchor]?.isEmpty == true { branch.anchored[anchor] = nil }
                let count = (branch.types[anchor.type] ?? 1) - 1
                branch.types[anchor.type] = count > 0 ? count : nil
            }
        } else {
            branch.others.removeAll { $0.url === query.url }
        }
        if !branch.isEmpty { branches[query.url.canonicalBase] = branch }
    }

    // MARK: Asking

    /// Calls `body` with each URL whose base and scope include an entry and whose anchors it has; a URL may come several times.
    /// - Parameters:
    ///   - name: the entry's name in canonical form.
    ///   - body: gets whether the filter is known to be true; says whether to go on.
    func forEachQuery(
        that record: borrowing EntryRecord, named name: [UInt8], mayBeFoundBy catalogue: Catalogue,
        _ body: (Query, _ isCertain: Bool) throws(EntryStoreError) -> Bool
    ) throws(EntryStoreError) {
        let schema = catalogue.schema
        // Values by type, made canonical once for all superiors.
        var values: [AttributeTypeID: [[UInt8]]] = [:]
        var start = 0
        var depth = 0
        while true {
            if let branch = branches[Array(name[start...])] {
                for query in branch.others where Self.includes(query.url.scope, depth) {
                    guard try body(query, false) else { return }
                }
                for (type, _) in branch.types {
                    let own = values[type] ?? Self.values(of: type, record, catalogue, schema)
                    values[type] = own
                    for value in own {
                        for query in branch.anchored[ListAnchors.Anchor(type: type, value: value)] ?? [] {
                            guard Self.includes(query.url.scope, depth) else { continue }
                            guard try body(query, query.url.anchors.isExact) else { return }
                        }
                    }
                }
            }
            guard start < name.count else { return }
            // In canonical names a comma always parts levels.
            start = name[start...].firstIndex(of: UInt8(ascii: ",")).map { $0 + 1 } ?? name.count
            depth += 1
        }
    }

    /// Whether a scope reaches an entry so many levels below the base.
    private static func includes(_ scope: SearchScope, _ depth: Int) -> Bool {
        switch scope {
        case .baseObject: depth == 0
        case .singleLevel: depth == 1
        case .wholeSubtree: true
        case .subordinateSubtree: depth > 0
        }
    }

    private static func values(
        of type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue, _ schema: Schema
    ) -> [[UInt8]] {
        guard let rule = schema[type].equality else { return [] }
        var ids: [AttributeID] = []
        catalogue.table.appendIDs(matching: type, options: [], to: &ids)
        var list: [[UInt8]] = []
        for id in ids {
            var values = record.values(of: id)
            while let value = values.next() {
                var canonical: [UInt8] = []
                if schema.normalize(value, by: rule, into: &canonical) { list.append(canonical) }
            }
        }
        return list
    }
}

/// The index of lists for the snapshots of a store: made once, then only what changed is read again.
final class ListIndexCache: Sendable {
    private let types: ListTypes
    private let watch: ClassWatch
    /// `(memberURL=*)`.
    private let known: Filter
    private let current = Mutex<ListIndex?>(nil)

    init(_ store: EntryStore, _ types: ListTypes, _ schema: Schema) {
        self.types = types
        watch = store.watch(types.dynamicClasses, schema)
        let name = schema[types.memberURL].nameBytes
        var node = Filter.Node(kind: .present, end: 1)
        node.attribute = ByteRange(start: 0, count: name.count)
        known = Filter(bytes: name, nodes: [node])
    }

    /// The lists as a snapshot has them.
    /// - Parameter budget: lists that may be read; what is left of it afterwards.
    /// - Returns: nil if it is not enough.
    func index(_ snapshot: borrowing Snapshot, budget: inout Int) throws(EntryStoreError) -> ListIndex? {
        let kept = current.withLock { $0 }
        guard var index = kept, let changed = changes(since: min(index.commit, snapshot.commit), snapshot) else {
            // How many there are is not known.
            guard budget > Membership.Effort.unlimited / 2 else { return nil }
            let made = try ListIndex(snapshot, types, known)
            keep(made, snapshot)
            return made
        }
        guard !changed.isEmpty else { return index }
        guard changed.count <= budget else { return nil }
        budget -= changed.count
        try index.update(changed, snapshot, types)
        keep(index, snapshot)
        return index
    }

    /// Entries that a commit after one, or the snapshot's own transaction, has changed; nil if they are not known.
    private func changes(since commit: Int, _ snapshot: borrowing Snapshot) -> [EntryID]? {
        if snapshot.serves(watch, madeAt: commit) { return [] }
        guard let changes = watch.changes(after: commit) else { return nil }
        return changes + snapshot.changes(of: watch)
    }

    private func keep(_ index: ListIndex, _ snapshot: borrowing Snapshot) {
        guard let commit = snapshot.commitToKeep(of: watch) else { return }
        var index = index
        index.commit = commit
        current.withLock { if index.commit >= $0?.commit ?? 0 { $0 = index } }
    }
}
