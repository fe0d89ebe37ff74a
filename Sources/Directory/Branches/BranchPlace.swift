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

    /// The branch's own entry, or the one that the name names.
    /// - Parameters:
    ///   - selection: what the client asked for; nil: everything there is.
    ///   - filters: what will be tested on it.
    /// - Returns: the name and the record.
    /// - Throws: `noSuchObject`.
    func entry(
        _ selection: EntrySelection?, _ filters: [Filter], _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> MadeEntry {
        var made = MadeEntry()
        guard let rdn else {
            branch.makeTop(context, into: &made)
            return made
        }
        if try branch.make(rdn, selection, filters, snapshot, context, into: &made) { return made }
        throw LDAPError(.noSuchObject, "", matchedDN: branch.name)
    }

    /// Asks the access rules for the branch: what they give on its own entry holds for all of it.
    /// - Throws: `noSuchObject` for anonymous clients, and for those who may not be told of it; `insufficientAccessRights`.
    func demand(_ wanted: AccessPrivileges, _ access: AccessControl, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if access.identity.isAnonymous { throw LDAPError(.noSuchObject, "") }
        if access.subject.isRoot { return }
        var made = MadeEntry()
        branch.makeTop(context, into: &made)
        var rdn: [UInt8] = []
        try DistinguishedName(parsing: branch.name.rawSpan).rdns.first?.write(into: &rdn)
        guard let top = EntryRecord(made.record.bytes) else { throw LDAPError(.other, "an entry that was made is damaged") }
        let placed = Entry(top).record(parent: parent, rdn: rdn, flags: [])
        guard let record = EntryRecord(placed.rawSpan) else { throw LDAPError(.other, "an entry that was made is damaged") }
        if access.allows(wanted, access.entry, .unborn, record, snapshot) { return }
        if access.allows(.disclose, access.entry, .unborn, record, snapshot) { throw LDAPError(.insufficientAccessRights, "") }
        throw try access.missing(below: parent, snapshot)
    }
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
        let context = BranchContext(catalogue: snapshot.catalogue, directory: self)
        for provider in branches where try provider.hasBranch(rdn, below: parent, snapshot, context) {
            let above: [UInt8]
            do { above = try snapshot.name(of: parent) } catch { throw LDAPError(storage: error) }
            let name = "\(rdn),\(String(decoding: above, as: UTF8.self))"
            throw LDAPError(.unwillingToPerform, "\(name) is made of other entries: change those")
        }
    }
}
