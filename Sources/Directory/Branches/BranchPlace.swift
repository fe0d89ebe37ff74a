import BER
import EntryStore
import LDAP
import Schema

/// A name that leads into a virtual branch.
struct BranchPlace: Sendable {
    let branch: any VirtualBranch
    let context: BranchContext
    /// The stored entry that the branch stands below.
    let parent: EntryID
    /// What stands below the branch in the name; nil: the branch itself is meant.
    let rdn: RelativeDistinguishedName?

    /// Makes the branch's own entry, or the one that the name names.
    /// - Parameter budget: entries that may be looked at to compute values; what is left of it afterwards.
    /// - Returns: false if it was not enough: what was made is to be forgotten.
    /// - Throws: `noSuchObject`.
    func make(
        _ maker: inout any BranchEntryMaker, _ snapshot: borrowing Snapshot, budget: inout Int, into made: inout MadeEntry
    ) throws(LDAPError) -> Bool {
        guard let rdn else {
            branch.makeTop(context, into: &made)
            return true
        }
        switch try branch.make(rdn, &maker, snapshot, context, budget: &budget, into: &made) {
        case .made: return true
        case .tooLong: return false
        case .absent: throw missing
        }
    }

    /// Asks the access rules for the branch: what they give on its own entry holds for all of it.
    /// - Throws: `noSuchObject` for anonymous clients, and for those who may not be told of it; `insufficientAccessRights`.
    func demand(_ wanted: AccessPrivileges, _ access: AccessControl, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if access.identity.isAnonymous { throw LDAPError(.noSuchObject, "") }
        if access.subject.isRoot { return }
        let directory = access.directory
        let conditions = access.subject.standing(directory, snapshot).conditions
        // Mostly it is the same everywhere.
        if directory.accessRules.bounds(access.entry, subject: conditions).least.isSuperset(of: wanted) { return }
        var made = MadeEntry(snapshot.catalogue)
        branch.makeTop(context, into: &made)
        var rdn: [UInt8] = []
        try DistinguishedName(parsing: branch.name.rawSpan).rdns.first?.write(into: &rdn)
        guard let top = EntryRecord(made.record) else { throw LDAPError(.other, "an entry that was made is damaged") }
        let placed = Entry(top).record(parent: parent, rdn: rdn, flags: [])
        guard let record = EntryRecord(placed.rawSpan) else { throw LDAPError(.other, "an entry that was made is damaged") }
        if access.allows(wanted, access.entry, .unborn, record, snapshot) { return }
        if access.allows(.disclose, access.entry, .unborn, record, snapshot) { throw LDAPError(.insufficientAccessRights, "") }
        throw try access.missing(below: parent, snapshot)
    }

    /// The stored entry that the one that the name names is made from.
    /// - Throws: `noSuchObject`.
    func find(_ snapshot: borrowing Snapshot) throws(LDAPError) -> EntryID {
        guard let rdn, let id = try branch.find(rdn, snapshot, context) else { throw missing }
        return id
    }

    private var missing: LDAPError { LDAPError(.noSuchObject, "", matchedDN: branch.name) }
}

extension Directory {
    /// Where a name leads that names no stored entry; nil: nowhere.
    /// - Throws: `noSuchObject` for a name too far below a branch.
    /// - Parameters:
    ///   - access: who asks.
    ///   - showsDeleted: whether for deleted entries too.
    func branchPlace(
        _ found: Snapshot.Resolution, _ name: DistinguishedName, viewer access: AccessControl, showsDeleted: Bool = false,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> BranchPlace? {
        guard !branches.isEmpty, !found.isComplete else { return nil }
        let rest = name.rdns.dropLast(found.depth)
        guard let first = rest.last else { return nil }
        let context = BranchContext(catalogue: snapshot.catalogue, directory: self, viewer: access, showsDeleted: showsDeleted)
        for provider in branches {
            guard let branch = try provider.branch(first, below: found.id, snapshot, context) else { continue }
            guard rest.count <= 2 else {
                throw try access.allows(.disclose, access.entry, of: found.id, snapshot)
                    ? LDAPError(.noSuchObject, "", matchedDN: branch.name) : access.missing(below: found.id, snapshot)
            }
            return BranchPlace(branch: branch, context: context, parent: found.id, rdn: rest.count == 2 ? rest.first : nil)
        }
        return nil
    }

    /// Refuses a change of what is not stored.
    /// - Throws: `unwillingToPerform` for a name in or below a virtual branch.
    func demandNoBranch(
        _ found: Snapshot.Resolution, _ name: DistinguishedName, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard !found.isComplete, let first = name.rdns.dropLast(found.depth).last else { return }
        try demandNoBranch(first, below: found.id, snapshot)
    }

    /// Refuses a change of what is not stored.
    /// - Throws: `unwillingToPerform` if a virtual branch has that name.
    func demandNoBranch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        if parent == .root, monitor.place(DistinguishedName(rdns: [rdn])) != nil {
            throw LDAPError(.unwillingToPerform, "\(Monitor.name) is made by the server")
        }
        guard !branches.isEmpty else { return }
        let context = BranchContext(catalogue: snapshot.catalogue, directory: self, viewer: unlimited)
        for provider in branches where try provider.hasBranch(rdn, below: parent, snapshot, context) {
            let above: [UInt8]
            do { above = try snapshot.name(of: parent) } catch { throw LDAPError(storage: error) }
            let name = "\(rdn),\(String(decoding: above, as: UTF8.self))"
            throw LDAPError(.unwillingToPerform, "\(name) is made of other entries: change those")
        }
    }
}
