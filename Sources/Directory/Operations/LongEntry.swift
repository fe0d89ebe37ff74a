public import BER
public import EntryStore
import LDAP
import Schema

/// An attribute whose values are written out one by one: stored ones, then the names of entries.
struct LongAttribute {
    /// The header of the attribute, its type, the header of its values, the values that are finished.
    let head: [UInt8]
    let ids: [EntryID]
    /// What the others are written by.
    let naming: any EntryNaming
    /// Bytes of the whole attribute.
    let size: Int

    /// Counts the bytes. The names must be read from the same snapshot afterwards.
    /// - Parameter stored: a finished `SET OF`, or nothing.
    init(_ name: [UInt8], stored: [UInt8], _ ids: [EntryID], _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        var reader = BERReader(stored.rawSpan)
        let contents = (try? reader.contents(of: BERTag.set)) ?? .empty
        try self.init(name, finished: stored.rawSpan.slice(contents), ids, by: EntryNames(), snapshot)
    }

    /// - Parameter finished: the first values, as OCTET STRINGs.
    init(
        _ name: [UInt8], finished: RawSpan, _ ids: [EntryID], by naming: any EntryNaming, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) {
        var counting = naming
        var values = finished.byteCount
        for id in ids { values += BERBuffer.elementSize(try counting.size(of: id, snapshot)) }
        var head = BERBuffer()
        head.appendHeader(BERTag.sequence, length: BERBuffer.elementSize(name.count) + BERBuffer.elementSize(values))
        head.append(BERTag.octetString, contents: name)
        head.appendHeader(BERTag.set, length: values)
        size = head.count + values
        head.append(finished)
        self.head = head.bytes.array
        self.ids = ids
        self.naming = naming
    }
}

/// Writes what entries are called, one after the other.
public protocol EntryNaming: Sendable {
    /// How many bytes a name takes.
    mutating func size(of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Int
    /// Appends a name as an OCTET STRING.
    mutating func append(_ id: EntryID, _ snapshot: borrowing Snapshot, to output: inout BERBuffer) throws(EntryStoreError)
}

/// Writes entries' whole names.
struct EntryNames: EntryNaming {
    private var names = NeighbourNames()

    private static func missing(_ id: EntryID) -> EntryStoreError { EntryStoreError(.format, "entry \(id.rawValue) has no record") }

    mutating func size(of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Int {
        guard let record = try snapshot.record(id) else { throw Self.missing(id) }
        try names.follow(record, snapshot)
        return record.rdn.byteCount + names.superior.byteCount
    }

    mutating func append(_ id: EntryID, _ snapshot: borrowing Snapshot, to output: inout BERBuffer) throws(EntryStoreError) {
        guard let record = try snapshot.record(id) else { throw Self.missing(id) }
        try names.follow(record, snapshot)
        output.append(BERTag.octetString, record.rdn, names.superior)
    }
}

/// A search result entry with so many values that it is written in pieces. Its length stands at its beginning, so all of it comes
/// from one snapshot, which it keeps until it is written; of the values it holds eight bytes each. Used by one thread at a time.
final class LongEntry {
    private var snapshot: Snapshot?
    private var head = BERBuffer()
    private let attributes: [LongAttribute]
    /// The attribute being written, and its next value; -1: its head.
    private var attribute = 0
    private var value = -1
    /// Of the attribute being written.
    private var naming: any EntryNaming = EntryNames()
    private let since = ContinuousClock.now
    private(set) var isBegun = false

    /// How long a snapshot may be kept before what remains is written in one piece: a snapshot that stays makes the file grow.
    private static let patience = Duration.seconds(10)
    var isOverdue: Bool { ContinuousClock.now - since > Self.patience }

    /// - Parameter begin: writes everything before the long attributes; nil if the entry is gone.
    init?(
        _ store: EntryStore,
        _ begin: (borrowing Snapshot, inout BERBuffer) throws(EntryStoreError) -> [LongAttribute]?
    ) throws(EntryStoreError) {
        let snapshot = try store.snapshot()
        guard let attributes = try begin(snapshot, &head) else { return nil }
        self.attributes = attributes
        self.snapshot = consume snapshot
    }

    /// An entry as it is stored, with computed attributes.
    convenience init?(
        _ store: EntryStore, _ selection: EntrySelection, messageID: Int, id: EntryID, viewer: AccessControl, rights: EntryRights?,
        wholeLimit: Int
    ) throws(EntryStoreError) {
        try self.init(store) { snapshot, head throws(EntryStoreError) in
            guard let record = try snapshot.record(id) else { return nil }
            let name = try snapshot.name(of: id)
            return try selection.begin(
                messageID: messageID, id: id, name: name.rawSpan, record: record, snapshot, viewer: viewer, rights: rights,
                wholeLimit: wholeLimit, into: &head)
        }
    }

    /// An entry of a virtual branch.
    convenience init?(
        _ store: EntryStore, _ maker: any BranchEntryMaker, _ context: BranchContext, _ selection: EntrySelection, messageID: Int, id: EntryID
    ) throws(EntryStoreError) {
        try self.init(store) { snapshot, head throws(EntryStoreError) in
            var maker = maker
            var made = MadeEntry(selection)
            guard let record = try snapshot.record(id), let values = try maker.makeLong(id, record, snapshot, context, into: &made)
            else { return nil }
            var long: [LongAttribute] = []
            for attribute in values where !(attribute.finished.isEmpty && attribute.entries.isEmpty) {
                let name = snapshot.catalogue.table[attribute.attribute]?.name ?? []
                let finished = attribute.finished
                long.append(try LongAttribute(name, finished: finished.rawSpan, attribute.entries, by: attribute.naming, snapshot))
            }
            made.begin(long, messageID: messageID, into: &head)
            return long
        }
    }

    /// Appends about so many bytes.
    /// - Returns: whether the entry is finished.
    func write(limit: Int, to output: inout BERBuffer) throws(EntryStoreError) -> Bool {
        guard let snapshot = self.snapshot.take() else { return true }
        let start = output.count
        if !isBegun {
            isBegun = true
            output.append(head.bytes)
            head.removeAll()
        }
        while attribute < attributes.count {
            let current = attributes[attribute]
            if value < 0 {
                output.append(current.head)
                naming = current.naming
            }
            value = max(value, 0)
            while value < current.ids.count {
                if output.count - start >= limit {
                    self.snapshot = consume snapshot
                    return false
                }
                try naming.append(current.ids[value], snapshot, to: &output)
                value += 1
            }
            attribute += 1
            value = -1
        }
        return true
    }
}
