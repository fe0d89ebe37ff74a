import BER

/// Names of one entry after the other, in two parts. Neighbours have the same superior, as a rule: its name is kept, and that of the one before.
/// For entries of one snapshot.
public struct NeighbourNames: Sendable {
    private struct Superior: Sendable {
        var id = EntryID.root
        /// Its name after a comma; nothing above the uppermost entries.
        var name: [UInt8] = []
    }

    private var current = Superior()
    private var other = Superior()

    public init() {}

    /// - Parameter name: that of an entry which may be a superior, too.
    public init(knowing id: EntryID, named name: RawSpan) {
        guard id != .root else { return }
        current.id = id
        current.name.reserveCapacity(name.byteCount + 1)
        current.name.append(UInt8(ascii: ","))
        current.name.append(name)
    }

    /// Goes on to another entry: its name is its record's RDN, then ``superior``.
    @inline(__always)
    public mutating func follow(_ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        let parent = record.parent
        if parent != current.id { try change(to: parent, snapshot) }
    }

    private mutating func change(to parent: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        swap(&current, &other)
        guard parent != current.id else { return }
        current.id = parent
        current.name.removeAll(keepingCapacity: true)
        guard parent != .root else { return }
        current.name.append(UInt8(ascii: ","))
        do throws(EntryStoreError) {
            try snapshot.appendName(of: parent, to: &current.name)
        } catch {
            current = Superior()
            throw error
        }
    }

    /// What follows the RDN in the entry's name.
    public var superior: RawSpan {
        @_lifetime(borrow self) get { current.name.rawSpan }
    }
}
