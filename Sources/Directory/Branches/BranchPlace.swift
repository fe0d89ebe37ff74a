import BER
import EntryStore
import LDAP
import Schema

/// A name that leads into a virtual branch.
struct BranchPlace: Sendable {
    let branch: any VirtualBranch
    let context: BranchContext
    /// What stands below the branch in the name; nil: the branch itself is meant.
    let rdn: RelativeDistinguishedName?

    /// The branch's own entry, or the one that the name names.
    /// - Parameters:
    ///   - selection: what the client asked for; nil: everything there is.
    ///   - filters: what will be tested on it.
    /// - Returns: the name and the record.
    /// - Throws: `noSuchObject`.
    func entry(_ selection: EntrySelection?, _ filters: [Filter], _ snapshot: borrowing Snapshot) throws(LDAPError) -> MadeEntry {
        var made = MadeEntry()
        guard let rdn else {
            branch.makeTop(context, into: &made)
            return made
        }
        if try branch.make(rdn, selection, filters, snapshot, context, into: &made) { return made }
        throw LDAPError(.noSuchObject, "", matchedDN: branch.name)
    }
}

extension Directory {
    /// Where a name leads that names no stored entry; nil: nowhere.
    /// - Throws: `noSuchObject` for a name too far below a branch.
    /// - Parameters:
    ///   - viewer: who asks.
    ///   - showsDeleted: whether for deleted entries too.
    func branchPlace(
        _ found: Snapshot.Resolution, _ name: DistinguishedName, viewer: AccessControl? = nil, showsDeleted: Bool = false,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> BranchPlace? {
        guard !branches.isEmpty, !found.isComplete else { return nil }
        let rest = name.rdns.dropLast(found.depth)
        guard let first = rest.last else { return nil }
        let context = BranchContext(catalogue: snapshot.catalogue, directory: self, viewer: viewer, showsDeleted: showsDeleted)
        for provider in branches {
            guard let branch = try provider.branch(first, below: found.id, snapshot, context) else { continue }
            guard rest.count <= 2 else { throw LDAPError(.noSuchObject, "", matchedDN: branch.name) }
            return BranchPlace(branch: branch, context: context, rdn: rest.count == 2 ? rest.first : nil)
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
