import EntryStore
import LDAP
import Schema
import Synchronization

/// The entries that searches treat in a way of their own, as of one commit: aliases (RFC 4512 section 2.6) and referrals (RFC 3296).
/// Most directories have none, and their searches do nothing but see that.
final class SpecialEntries: Sendable {
    let commit: Int
    /// Ascending.
    let aliases: [EntryID]
    /// Ascending.
    let referrals: [EntryID]
    /// Whether there is neither alias nor referral.
    let isEmpty: Bool
    /// Ascending.
    let subentries: [EntryID]

    init(commit: Int, aliases: [EntryID], referrals: [EntryID], subentries: [EntryID]) {
        self.subentries = subentries
        self.commit = commit
        self.aliases = aliases
        self.referrals = referrals
        isEmpty = aliases.isEmpty && referrals.isEmpty
    }
}

/// Knows the special entries: looked for once, then kept in step with what is changed.
final class SpecialEntryWatch: Sendable {
    private let watch: ClassWatch
    private let shared = Mutex<SpecialEntries?>(nil)
    private let filter: Filter

    /// - Throws: never, with a schema that has the classes.
    init(_ store: EntryStore, _ known: KnownTypes, _ schema: Schema) throws(DirectoryError) {
        watch = store.watch([known.alias, known.referral, known.subentry], schema)
        do { filter = try Filter("(|(objectClass=alias)(objectClass=referral)(objectClass=subentry))") } catch { throw DirectoryError(error.message) }
    }

    /// Those of a snapshot.
    /// - Parameter kept: what the thread has from its last call.
    @inline(__always)
    func current(
        _ kept: inout SpecialEntries?, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> SpecialEntries {
        if let kept, snapshot.serves(watch, madeAt: kept.commit) { return kept }
        return try renew(&kept, directory, snapshot)
    }

    /// Whether a snapshot is known to have no referral entries.
    func hasNoReferrals(_ directory: Directory, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Bool {
        let known = shared.withLock { $0 }
        if let known, snapshot.serves(watch, madeAt: known.commit) { return known.referrals.isEmpty }
        // What a write transaction has changed of them is not for others.
        guard let commit = snapshot.commitToKeep(of: watch) else { return false }
        do {
            let found = try make(from: known, at: commit, directory, snapshot)
            publish(found)
            return found.referrals.isEmpty
        } catch { throw LDAPError(storage: error) }
    }

    private func publish(_ found: SpecialEntries) {
        shared.withLock { if $0.map({ $0.commit < found.commit }) ?? true { $0 = found } }
    }

    @inline(never)
    private func renew(
        _ kept: inout SpecialEntries?, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> SpecialEntries {
        let known = shared.withLock { $0 }
        let found: SpecialEntries
        if let known, snapshot.serves(watch, madeAt: known.commit) {
            found = known
        } else {
            do { found = try make(from: known, at: snapshot.commit, directory, snapshot) } catch { throw LDAPError(storage: error) }
            publish(found)
        }
        kept = found
        return found
    }

    private func make(
        from known: SpecialEntries?, at commit: Int, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> SpecialEntries {
        if let known, known.commit <= commit, let changed = watch.changes(after: known.commit) {
            var aliases = known.aliases
            var referrals = known.referrals
            var subentries = known.subentries
            for id in changed {
                let flags = try snapshot.record(id)?.flags ?? []
                Self.set(id, in: &aliases, flags.contains(.alias))
                Self.set(id, in: &referrals, flags.contains(.referral))
                Self.set(id, in: &subentries, flags.contains(.subentry))
            }
            return SpecialEntries(commit: commit, aliases: aliases, referrals: referrals, subentries: subentries)
        }
        var aliases: [EntryID] = []
        var referrals: [EntryID] = []
        var subentries: [EntryID] = []
        let compiled = directory.compile(filter, snapshot.catalogue, .stored, viewer: directory.unlimited)
        var search = EntrySearch(filter: compiled, base: .root, scope: .wholeSubtree)
        var scratch = FilterScratch()
        var budget = Int.max
        _ = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
            if record.flags.contains(.alias) { aliases.append(id) }
            if record.flags.contains(.referral) { referrals.append(id) }
            if record.flags.contains(.subentry) { subentries.append(id) }
            return true
        }
        return SpecialEntries(commit: commit, aliases: aliases, referrals: referrals, subentries: subentries)
    }

    /// Adds an entry to an ascending list, or takes it out.
    private static func set(_ id: EntryID, in list: inout [EntryID], _ isMember: Bool) {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) >> 1
            if list[middle] < id { low = middle + 1 } else { high = middle }
        }
        let isThere = low < list.count && list[low] == id
        if isMember, !isThere { list.insert(id, at: low) }
        if !isMember, isThere { list.remove(at: low) }
    }
}

/// What one search does with special entries.
struct SpecialTreatment: Sendable {
    /// Whether referral entries go out as references (RFC 3296 section 5.3).
    var refers = false
    /// Whether the references are sent, not just left out.
    var sendsReferences = true
    /// Whether aliases are followed, and not sent themselves (RFC 4511 section 4.5.1.3).
    var skipsAliases = false
    /// Whether subentries are left out (RFC 3672 section 3).
    var hidesSubentries = true
    /// Whether all other entries are.
    var showsOnlySubentries = false

    enum Verdict { case send, skip, refer }

    /// - Parameter flags: of the entry.
    @inline(__always)
    func verdict(_ flags: EntryRecord.Flags) -> Verdict {
        let special = flags.intersection([.alias, .referral, .subentry])
        if special.isEmpty { return showsOnlySubentries ? .skip : .send }
        if special.contains(.subentry) ? hidesSubentries : showsOnlySubentries { return .skip }
        if skipsAliases, special.contains(.alias) { return .skip }
        guard refers, special.contains(.referral) else { return .send }
        return sendsReferences ? .refer : .skip
    }
}
