import BER

/// Names of entries that have entries below them, so that the name of a search result is one RDN and one copy.
/// Confined to a thread. Forgets all when names changed.
public struct NameCache: ~Copyable {
    private struct Slot {
        var id = EntryID.root
        var name: [UInt8] = []
    }

    /// By the low bits of the entry's number. The root, which needs no name, marks a free place.
    private var slots: [Slot] = []
    /// The snapshot at which the cache was last known to be right.
    private var commit = 0
    /// Names kept at most; a power of two.
    private static let count = 4096

    public init() {}

    /// To be called after a snapshot was renewed.
    public mutating func validate(_ snapshot: borrowing Snapshot) {
        let now = snapshot.commit
        guard now != commit else { return }
        // Entries are renamed seldom; any rename since the last look empties the cache.
        if snapshot.store.lastRename > commit || now < commit { slots = [] }
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
        let place = Int(truncatingIfNeeded: parent.rawValue) & (Self.count - 1)
        if place < slots.count, slots[place].id == parent { return out.append(contentsOf: slots[place].name) }
        let name = try snapshot.name(of: parent)
        if slots.isEmpty { slots = Array(repeating: Slot(), count: Self.count) }
        slots[place] = Slot(id: parent, name: name)
        out.append(contentsOf: name)
    }
}
