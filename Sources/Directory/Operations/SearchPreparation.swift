import BER
import EntryStore
import LDAP
import Schema

// What a search finds out before its first entry: the base, the filter, where to begin.
extension SearchExecution {
    /// Finds the base, compiles the filter.
    /// - Parameter budget: entries that may be looked at for it.
    /// - Returns: false if it was not enough.
    mutating func prepare(_ snapshot: borrowing Snapshot, _ state: inout WorkerState, budget: Int) throws(LDAPError) -> Bool {
        var budget = budget
        let catalogue = snapshot.catalogue
        let isRoot = request.baseObject.isEmpty
        let special = try directory.special.current(&state.special, directory, snapshot)
        var base = try state.resolution.resolve(request.bytes.rawSpan.slice(request.baseObject), snapshot)
        if !special.isEmpty { base = try locate(base, special, snapshot, &state) }
        guard base.isComplete else {
            switch try prepare(in: base, snapshot, &state, &budget) {
            case .prepared: return true
            case .tooLong: return false
            case .absent: break
            }
            if try prepareMonitor(base, snapshot, &state) { return true }
            if !directory.settings.referrals.isEmpty {
                let name = try DistinguishedName(parsing: request.bytes.rawSpan.slice(request.baseObject))
                if let referral = directory.defaultReferral(at: base, name, scope: request.scope) { throw referral }
            }
            throw try access.missing(below: base.id, snapshot)
        }
        if isRoot, request.scope == .baseObject { return true }
        state.access.begin(access.subject, directory, snapshot)
        try checkBase(base.id, snapshot, &state.access)
        if let assertion = controls.assertion, try !check(assertion, base.id, snapshot, &budget) { return false }
        if let asked = controls.effectiveRights { rights = try EntryRights(asked, request, access, snapshot) }
        guard let position = try firstPosition() else { return true }
        let bytes = request.bytes
        var judgedTypes: [AccessDatum] = []
        swap(&judgedTypes, &self.judgedTypes)
        judgedTypes.removeAll(keepingCapacity: true)
        let (table, most) = (state.access.table, state.access.holder?.most)
        directory.compile(
            request.filterNodes, bytes.rawSpan, catalogue, view, viewer: access, into: &search.filter,
            isRefused: { type in
                guard let table else { return false }
                let datum = AccessDatum(type)
                if table.searchesAlways[datum.index] { return false }
                if table.searchesNever[datum.index], most?[datum].contains(.search) != true { return true }
                // Undefined where it may not be: what else the filter finds is found with or without it.
                if !judgedTypes.contains(datum) { judgedTypes.append(datum) }
                return false
            })
        swap(&judgedTypes, &self.judgedTypes)
        treatment = SpecialTreatment()
        treatment.hidesSubentries = request.scope != .baseObject
        if let subentries = controls.refinement?.asked.subentries {
            treatment.hidesSubentries = !subentries.visible
            treatment.showsOnlySubentries = subentries.visible
        }
        search.begin(base: base.id, scope: request.scope, from: position)
        if !special.isEmpty, request.scope != .baseObject { try widen(base.id, special, from: position, snapshot) }
        if let asked = controls.refinement?.asked { try refine(asked, snapshot) }
        isPrepared = true
        return true
    }

    /// Finds the base where there are aliases or referral entries.
    /// - Throws: `referral`; `aliasProblem` and its kin.
    mutating func locate(
        _ place: Snapshot.Resolution, _ special: SpecialEntries, _ snapshot: borrowing Snapshot, _ state: inout WorkerState
    ) throws(LDAPError) -> Snapshot.Resolution {
        var found = place
        let follows = request.dereference.followsBase && !special.aliases.isEmpty
        let refers = !controls.manageDsaIT && !special.referrals.isEmpty
        guard follows || refers else { return found }
        var name = try DistinguishedName(parsing: request.bytes.rawSpan.slice(request.baseObject))
        if follows { found = try directory.followBase(found, &name, access, snapshot) }
        guard refers, let referral = try directory.searchReferral(at: found, name, scope: request.scope, snapshot) else { return found }
        if found.isComplete {
            state.access.begin(access.subject, directory, snapshot)
            try checkBase(found.id, snapshot, &state.access)
        }
        throw try access.refusal(found.id, referral, snapshot)
    }

    /// Adds what aliases and referral entries add to a search (RFC 4511 section 4.5.1.3, RFC 3296 section 5.3).
    mutating func widen(
        _ base: EntryID, _ special: SpecialEntries, from position: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        if !special.referrals.isEmpty, !controls.manageDsaIT {
            treatment.refers = true
            treatment.sendsReferences = controls.refinement?.asked.isDomainScope != true
            if treatment.sendsReferences { search.filter.include(ReferralPredicate(ids: special.referrals)) }
        }
        guard request.dereference.followsEntries, !special.aliases.isEmpty else { return }
        // The base itself is not followed in searching; an alias has nothing below it.
        if let record = try directory.record(base, snapshot), record.flags.contains(.alias) { return }
        treatment.skipsAliases = true
        let vertices = try directory.vertices(
            base: base, scope: request.scope, special.aliases, deadline: deadline, snapshot)
        guard vertices != [base] else { return }
        search.filter.restrict(to: ScopePredicate(base: base, scope: request.scope, vertices: vertices))
        search.begin(base: .root, scope: .wholeSubtree, from: position)
    }

    /// The right to search is needed on the base, as in slapd. Whoever has it neither there nor that to be told of the entry does not
    /// learn that it exists.
    func checkBase(_ id: EntryID, _ snapshot: borrowing Snapshot, _ cache: inout AccessCache) throws(LDAPError) {
        if cache.table == nil { return }
        if id == .root {
            let empty = AccessControl.emptyRecord
            if let record = EntryRecord(empty.rawSpan) { cache.judge(id, record, access.subject, directory, snapshot) }
        } else if let record = try directory.record(id, snapshot) {
            cache.judge(id, record, access.subject, directory, snapshot)
        }
        if cache.profile.entry.contains(.search) { return }
        throw try access.refusal(id, "", snapshot)
    }

    /// RFC 4528: for a search, the base must match.
    /// - Returns: false if the budget is not enough to tell.
    func check(
        _ assertion: Filter, _ base: EntryID, _ snapshot: borrowing Snapshot, _ budget: inout Int
    ) throws(LDAPError) -> Bool {
        var scratch = FilterScratch()
        do {
            if let record = try snapshot.record(base) {
                let filter = access.compile(assertion, view, base, record, snapshot)
                guard filter.prepareEvaluation(snapshot, budget: &budget) else { return false }
                if filter.evaluate(base, record, snapshot, scratch: &scratch) == .yes { return true }
            }
        } catch { throw LDAPError(storage: error) }
        throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
    }

    /// Where the search begins or goes on; nil: RFC 2696 section 3, size 0 with a cookie abandons it.
    mutating func firstPosition() throws(LDAPError) -> EntryID? {
        guard let paged = controls.paged, !paged.cookie.isEmpty else { return EntryID(rawValue: 1) }
        // That of a sorted search is longer.
        if controls.refinement?.asked.sort != nil, paged.cookie.count > PagingCookie.size {
            return paged.size == 0 ? nil : EntryID(rawValue: 1)
        }
        let cookie = try PagingCookie(decoding: paged.cookie, request, identity)
        sentBefore = cookie.sent
        return paged.size == 0 ? nil : cookie.position
    }
}
