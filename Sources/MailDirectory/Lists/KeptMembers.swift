import BER
import Directory
import EntryStore
import LDAP
import Schema
import Synchronization

/// The members that dynamic lists were found to have, from one read to the next: lists are read far more often than they change.
///
/// Kept are lists of some hundred members whose filters look at stored values of each entry alone. What was found stays right while nothing
/// changes but entries that were not found, stand above none that was, have nothing below them, and are still not found.
final class KeptMembers: Sendable {
    /// What the URLs of a list find in a snapshot, in order, each once.
    final class Found: Sendable {
        fileprivate let urls: [ListURL]
        fileprivate let catalogue: Catalogue
        /// The entries found, and all above them and above the bases.
        fileprivate let involved: Set<EntryID>
        fileprivate let text: [UInt8]
        private let names: [Name]

        struct Name: Sendable {
            let rdn: ByteRange
            let superior: ByteRange
        }

        fileprivate init(_ urls: [ListURL], _ catalogue: Catalogue, involved: Set<EntryID>, text: [UInt8], names: [Name]) {
            self.urls = urls
            self.catalogue = catalogue
            self.involved = involved
            self.text = text
            self.names = names
        }

        /// Calls `body` with each member's name: its RDN and what follows that.
        func forEachName(_ body: (RawSpan, RawSpan) -> Void) {
            let text = text
            let all = text.rawSpan
            for name in names { body(all.slice(name.rdn), all.slice(name.superior)) }
        }
    }

    /// Writes down what is found.
    struct Record {
        fileprivate let list: EntryID
        fileprivate let urls: [ListURL]
        private var ids: [EntryID] = []
        private var superiors: Set<EntryID> = []
        private var text: [UInt8] = []
        private var names: [Found.Name] = []
        private var lastSuperior = (id: EntryID.root, name: ByteRange(start: 0, count: 0))
        /// Whether it is too much to be kept.
        private var isTooMuch = false

        fileprivate init(_ list: EntryID, _ urls: [ListURL]) {
            self.list = list
            self.urls = urls
        }

        /// - Parameter superior: what follows the RDN in the name.
        mutating func add(_ id: EntryID, _ record: borrowing EntryRecord, superior: RawSpan) {
            guard !isTooMuch else { return }
            guard names.count < KeptMembers.mostMembers, text.count < KeptMembers.mostOctets else { return isTooMuch = true }
            if record.parent != lastSuperior.id || names.isEmpty {
                lastSuperior = (record.parent, ByteRange(start: text.count, count: superior.byteCount))
                text.append(superior)
                superiors.insert(record.parent)
            }
            let rdn = record.rdn
            names.append(Found.Name(rdn: ByteRange(start: text.count, count: rdn.byteCount), superior: lastSuperior.name))
            text.append(rdn)
            ids.append(id)
        }

        fileprivate func found(_ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Found? {
            guard !isTooMuch else { return nil }
            var above = superiors
            for url in urls {
                guard let base = try? snapshot.resolve(url.base) else { return nil }
                // Where the base does not exist the last that does may get it.
                above.insert(base.id)
            }
            var involved = Set(ids)
            for start in above {
                var id = start
                while id != .root, involved.insert(id).inserted, let record = try snapshot.record(id) { id = record.parent }
            }
            return Found(urls, snapshot.catalogue, involved: involved, text: text, names: names)
        }
    }

    private struct Item {
        let found: Found
        var commit: Int
    }
    private struct State {
        var items: [EntryID: Item] = [:]
        var octets = 0
    }

    private let watch: ClassWatch
    private let memberOf: AttributeTypeID
    private let kept = Mutex(State())

    private static let mostMembers = 1000
    /// Of the names of one list.
    private static let mostOctets = 1 << 16
    /// Of the names of all.
    private static let limit = 16 << 20
    /// With more changes than this a list is looked for anew.
    private static let mostChanges = 64

    /// Nil for a schema without `top`.
    init?(_ store: EntryStore, _ types: ListTypes, _ schema: Schema) {
        guard let top = schema.objectClass(named: "top") else { return nil }
        // All entries: every class is derived from it.
        watch = store.watch([top], schema)
        memberOf = types.memberOf
    }

    /// What is known of a list, if it is right for a snapshot.
    func found(_ id: EntryID, _ list: ListIndex.List, _ snapshot: borrowing Snapshot, _ context: VirtualContext) throws(EntryStoreError) -> Found? {
        guard !snapshot.isUncommitted, let item = kept.withLock({ $0.items[id] }) else { return nil }
        let found = item.found
        guard found.catalogue === snapshot.catalogue, found.urls.elementsEqual(list.urls, by: ===) else { return nil }
        if snapshot.serves(watch, madeAt: item.commit) { return found }
        guard item.commit <= snapshot.commit, let changed = watch.changes(after: item.commit), changed.count <= Self.mostChanges else { return nil }
        let filters = found.urls.map { context.compile(kept: $0.filter, excluding: memberOf) }
        var scratch = FilterScratch()
        for id in changed {
            if found.involved.contains(id) { return nil }
            guard let record = try snapshot.record(id) else { continue }
            // What stands below it has another name now, perhaps one below a base.
            if try snapshot.hasChildren(id) { return nil }
            for filter in filters where filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes { return nil }
        }
        let commit = snapshot.commit
        kept.withLock { if let now = $0.items[id], now.found === found, now.commit < commit { $0.items[id]?.commit = commit } }
        return found
    }

    /// Something to write down in what a list is found to have; nil if that cannot be kept.
    func record(_ id: EntryID, _ list: ListIndex.List, _ snapshot: borrowing Snapshot) -> Record? {
        guard !snapshot.isUncommitted, list.urls.allSatisfy({ Self.looksAtStoredValues($0.filter, snapshot.catalogue) }) else { return nil }
        return Record(id, list.urls)
    }

    /// Keeps what was found in a snapshot.
    func keep(_ record: Record, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        guard let found = try record.found(snapshot), let commit = snapshot.commitToKeep(of: watch) else { return }
        kept.withLock { state in
            let before = state.items[record.list]
            guard before?.commit ?? 0 <= commit else { return }
            state.octets += found.text.count - (before?.found.text.count ?? 0)
            if state.octets > Self.limit { state = State(items: [:], octets: found.text.count) }
            state.items[record.list] = Item(found: found, commit: commit)
        }
    }

    /// Whether a filter is about nothing but what is stored in an entry: not its name, and no operational attributes, some of which are
    /// computed.
    private static func looksAtStoredValues(_ filter: Filter, _ catalogue: Catalogue) -> Bool {
        for node in filter.nodes {
            if node.kind == .extensible { return false }
            guard !node.attribute.isEmpty, let type = catalogue.table.parse(filter.bytes.rawSpan.slice(node.attribute))?.type else { continue }
            if catalogue.schema[type].isOperational { return false }
        }
        return true
    }
}
