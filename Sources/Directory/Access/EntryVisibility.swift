public import EntryStore
import LDAP

/// Tells of one entry after the other whether a client may see that it exists: whether it may read the pseudo attribute `entry`. For
/// providers of virtual attributes whose values name other entries. Confined to one snapshot and one thread.
public struct EntryVisibility: ~Copyable {
    /// nil: everything is visible.
    private let access: AccessControl?
    private var conditions: UInt64 = 0
    private var holder: (any RightsHolder)?
    /// Conditions of entries that matter.
    private var tests: UInt64 = 0
    private var places = AccessPlaces()
    /// What was found out of the last kind of entry.
    private var last: (conditions: UInt64, isVisible: Bool)?

    init(_ access: AccessControl, _ snapshot: borrowing Snapshot) {
        guard !access.subject.isRoot else {
            self.access = nil
            return
        }
        let directory = access.directory
        let standing = access.subject.standing(directory, snapshot)
        let bounds = directory.accessRules.bounds(access.entry, subject: standing.conditions)
        if bounds.least.contains(.read) {
            self.access = nil
            return
        }
        self.access = access
        conditions = standing.conditions
        holder = standing.holder
        tests = bounds.tests
        places.begin(directory, snapshot)
    }

    /// Whether the client may see an entry.
    public mutating func contains(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Bool {
        guard let access else { return true }
        let directory = access.directory
        let held = tests == 0 ? 0 : places.holding(tests, id, record, access.subject, directory, snapshot)
        let isVisible: Bool
        if let last, last.conditions == held {
            isVisible = last.isVisible
        } else {
            isVisible = directory.accessRules.privileges(
                access.entry, value: nil, subject: conditions, own: access.subject.name, entry: held
            ).contains(.read)
            last = (held, isVisible)
        }
        return isVisible || holder?.grant(id, record, snapshot)?[access.entry].contains(.read) == true
    }

    /// The same of an entry of the store.
    public mutating func contains(_ id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
        guard access != nil else { return true }
        guard let record = try snapshot.record(id) else { return false }
        return contains(id, record, snapshot)
    }
}
