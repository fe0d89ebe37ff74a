import BER

/// Names of entries that have entries below them, so that the name of a search result is one RDN and one copy.
/// Confined to a thread. Forgets all when names changed.
public struct NameCache: ~Copyable {
    private var names: [UInt64: [UInt8]] = [:]
    /// The snapshot at which the cache was last known to be right.
    private var commit = 0
    /// Names kept at most.
    private static let limit = 50_000

    public init() {}

    /// To be called after a snapshot was renewed.
    public mutating func validate(_ snapshot: borrowing Snapshot) {
        let now = snapshot.commit
        guard now != commit else { return }
        // Entries are renamed seldom; any rename since the last look empties the cache.
        if snapshot.store.lastRename > commit || now < commit { names.removeAll(keepingCapacity: true) }
        commit = now
    }

    /// Appends an entry's name in string form.
    public mutating func appendName(
        of record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, to out: inout [UInt8]
    ) throws(EntryStoreError) {
        out.append(record.rdn)
        let parent = record.parent
        guard parent != .root else { return }
        out.append(UInt8(ascii: ","))
        if let known = names[parent.rawValue] {
            out.append(contentsOf: known)
            return
        }
        let name = try snapshot.name(of: parent)
        if names.count >= Self.limit { names.removeAll(keepingCapacity: true) }
        names[parent.rawValue] = name
        out.append(contentsOf: name)
    }
}
