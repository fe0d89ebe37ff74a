import BER
public import LDAP
import Schema

/// The tree as it was at a moment: as it is now, with the changes since taken back.
///
/// Caveats: it reaches back as far as the log does, and not beyond an import, of which the log does not say what it brought. What changes
/// with binds (times of logons and of failures) is as it is now. The places of entries that came, went or moved since are held in memory.
public struct PastTree: Sendable {
    /// The changes to take back.
    private let changes: ClosedRange<UInt64>?
    /// Where entries stood that have come, gone or moved since; nil: they were not there.
    private var places: [EntryID: Place?] = [:]
    /// Those that were there, by their superior.
    private var moved: [EntryID: [(rdn: [UInt8], id: EntryID)]] = [:]

    private struct Place {
        var parent: EntryID
        var rdn: [UInt8]
    }

    /// - Parameter time: microseconds since 1970.
    /// - Throws: `input` if the log does not reach back so far.
    public init(at time: Int64, _ snapshot: borrowing Snapshot) throws(EntryStoreError) {
        let present = try snapshot.changeNumbers()
        let next = try snapshot.nextChangeNumber()
        guard let present else {
            guard next == 1 else { throw Self.tooFar("the change log is empty") }
            changes = nil
            return
        }
        guard let first = try snapshot.firstChange(notBefore: time + 1) else {
            changes = nil
            return
        }
        if first == present.lowerBound {
            let why = first == 1 ? "the directory was made later" : "the change log begins with change \(first), which was made later"
            throw Self.tooFar(why)
        }
        changes = first...present.upperBound
        for number in (first...present.upperBound).reversed() {
            guard let record = try snapshot.change(number) else { continue }
            switch record.kind {
            case .modify: break
            case .load: throw Self.tooFar("change \(number) is an import, of which the log does not say what it brought")
            case .add: places[record.id] = .some(nil)
            case .delete: places[record.id] = record.image.map { Place(parent: $0.parent, rdn: $0.rdn) }
            case .modifyDN: places[record.id] = record.renaming.map { Place(parent: $0.oldParent, rdn: $0.oldRDN) }
            }
        }
        for (id, place) in places {
            guard let place, let rdn = try? RelativeDistinguishedName(parsing: place.rdn.rawSpan) else { continue }
            var canonical: [UInt8] = []
            guard (try? snapshot.schema.normalizeRDN(rdn, into: &canonical)) != nil else { continue }
            moved[place.parent, default: []].append((canonical, id))
        }
    }

    private static func tooFar(_ why: String) -> EntryStoreError { EntryStoreError(.input, "cannot go back so far: \(why)") }

    /// The entry that had a name; nil: none had.
    /// - Throws: `invalidDNSyntax`.
    public func resolve(_ name: DistinguishedName, _ snapshot: borrowing Snapshot) throws(LDAPError) -> EntryID? {
        var current = EntryID.root
        for rdn in name.rdns.reversed() {
            var canonical: [UInt8] = []
            try snapshot.schema.normalizeRDN(rdn, into: &canonical)
            if let found = moved[current]?.first(where: { $0.rdn == canonical }) {
                current = found.id
                continue
            }
            do {
                guard let found = try snapshot.child(of: current, rdn: canonical.rawSpan), places[found] == nil else { return nil }
                current = found
            } catch { throw LDAPError(storage: error) }
        }
        return current
    }

    /// The entries that stood directly below another.
    public func children(of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [EntryID] {
        let stayed = try snapshot.children(of: id).filter { places[$0] == nil }
        return stayed + (moved[id]?.map(\.id) ?? [])
    }

    /// An entry and all that stood below it, superiors first.
    public func subtree(of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [EntryID] {
        var list: [EntryID] = id == .root ? [] : [id]
        var pending = [id]
        while let next = pending.popLast() {
            let children = try children(of: next, snapshot)
            list += children
            pending += children
        }
        return list
    }

    /// The name that an entry had.
    public func name(of id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [UInt8] {
        var name: [UInt8] = []
        var current = id
        while current != .root {
            if !name.isEmpty { name.append(UInt8(ascii: ",")) }
            if case .some(.some(let place)) = places[current] {
                name += place.rdn
                current = place.parent
            } else {
                guard let record = try snapshot.record(current) else { throw EntryStoreError(.format, "entry \(current.rawValue) has no record") }
                name.append(record.rdn)
                current = record.parent
            }
        }
        return name
    }

    /// Entries as they were; those that were not there are left out.
    public func entries(_ ids: [EntryID], _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> [EntryID: ChangeRecord.Image] {
        var states: [EntryID: ChangeRecord.Image] = [:]
        for id in ids {
            guard let record = try snapshot.record(id) else { continue }
            states[id] = ChangeRecord.Image(entry: Entry(record), parent: record.parent, rdn: record.rdn.array, flags: [])
        }
        let wanted = Set(ids)
        if let changes {
            for number in changes.reversed() {
                guard let record = try snapshot.change(number), wanted.contains(record.id) else { continue }
                switch record.kind {
                case .add: states[record.id] = nil
                case .delete: states[record.id] = record.image
                case .modify, .modifyDN:
                    for change in record.changes {
                        guard let values = states[record.id]?.entry[change.id] else { continue }
                        states[record.id]?.entry[change.id] = change.undo(values)
                    }
                    if let renaming = record.renaming {
                        states[record.id]?.parent = renaming.oldParent
                        states[record.id]?.rdn = renaming.oldRDN
                    }
                case .load: break
                }
            }
        }
        return states
    }
}
