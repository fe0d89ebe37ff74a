import BER
import EntryStore
import LDAP
import Schema

extension SearchExecution {
    /// Makes what the rarer controls ask for ready.
    mutating func refine(_ asked: SearchRefinement.Content, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let catalogue = snapshot.catalogue
        if asked.matchedValues != nil || asked.dereference != nil {
            refinement = try EntryRefinement(asked.matchedValues, asked.dereference, access, directory, catalogue)
        }
        if asked.view != nil {
            guard controls.paged == nil else { throw LDAPError(.unwillingToPerform, "virtual list views and paged results exclude each other") }
            guard asked.sort != nil else {
                throw LDAPError(
                    .virtualListViewError, "a virtual list view needs the sort control",
                    controls: [VirtualListViewResult(position: 0, contentCount: 0, code: .sortControlMissing).control()])
            }
        }
        if let persistent = asked.persistent {
            guard asked.sort == nil, controls.paged == nil, !asked.counts else {
                throw LDAPError(.unwillingToPerform, "a persistent search is neither sorted nor counted, and has no pages")
            }
            if persistent.changesOnly { search.begin(list: []) }
        }
        guard let sort = asked.sort, !asked.counts else { return }
        let cookie = controls.paged?.cookie ?? []
        if cookie.count == PagingCookie.size {
            // An earlier page could not be sorted.
            sortResult = SortResult(.adminLimitExceeded)
            return
        }
        let order: SortOrder
        do { order = try SortOrder(sort, catalogue, view, directory.virtual) } catch {
            return try leaveUnsorted(SortResult(error.code, attribute: error.attribute), error.message)
        }
        var start: SortedCookie?
        if !cookie.isEmpty {
            start = try SortedCookie(decoding: cookie, request, sort, identity)
            sentBefore = start?.sent ?? 0
        }
        sortResult = SortResult(.success)
        sorted = SortedSearch(
            order, view: asked.view, pageSize: controls.paged?.size ?? 0, start: start, directory.settings.limits, directory.sortMemory)
    }

    /// Sends the result as it comes, if that is good enough for the client (RFC 2891 section 2).
    /// - Throws: if it is not.
    private mutating func leaveUnsorted(_ result: SortResult, _ message: String) throws(LDAPError) {
        let asked = controls.refinement?.asked
        if asked?.view != nil {
            throw LDAPError(
                .virtualListViewError, message,
                controls: [result.control(), VirtualListViewResult(position: 0, contentCount: 0, code: result.code).control()])
        }
        if asked?.isSortCritical == true { throw LDAPError(.unavailableCriticalExtension, message, controls: [result.control()]) }
        sorted = nil
        sortResult = result
    }

    /// Finds out what is sent next, and in which order.
    /// - Returns: nil if that is known, and is to be sent.
    mutating func arrange(
        _ sorted: SortedSearch, _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch,
        _ candidates: Int, _ isInline: Bool, _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress? {
        if sorted.phase == .send { return nil }
        // Not for an event loop.
        if isInline { return .more }
        if sorted.phase == .begin { sorted.phase = try beginWalk(sorted, snapshot, &state) ? .walk : .gather }
        if sorted.phase == .walk { return try walk(sorted, snapshot, &state, &scratch, &output) }
        return try gather(sorted, snapshot, &state, &scratch, candidates, &output)
    }

    /// Whether the entries can be taken from an index in order, and that is better than sorting them.
    private mutating func beginWalk(
        _ sorted: SortedSearch, _ snapshot: borrowing Snapshot, _ state: inout WorkerState
    ) throws(LDAPError) -> Bool {
        guard sorted.start?.rank == nil, let key = sorted.order.keys.first, sorted.order.isIndexed(snapshot.catalogue),
            request.scope != .baseObject, !treatment.refers, state.access.table.map({ $0.searchesAlways[key.datum.index] }) ?? true
        else { return false }
        let members: CandidateBlocks
        do { members = try search.candidates(snapshot) } catch { throw LDAPError(storage: error) }
        guard members.count >= SortedSearch.few || sorted.start != nil else { return false }
        // A view needs the number of all entries.
        if sorted.view != nil, try !isExact(members, snapshot, &state) { return false }
        return sorted.beginWalk(members, snapshot.catalogue)
    }

    /// Whether all members of a set are part of the result.
    private func isExact(
        _ members: CandidateBlocks, _ snapshot: borrowing Snapshot, _ state: inout WorkerState
    ) throws(LDAPError) -> Bool {
        guard members.isExact, judgedTypes.isEmpty, state.access.isUniform, state.access.profile.entry.contains(.read) else { return false }
        let special = try directory.special.current(&state.special, directory, snapshot)
        return special.isEmpty && special.subentries.isEmpty && !treatment.showsOnlySubentries
    }

    private mutating func walk(
        _ sorted: SortedSearch, _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress? {
        var judge = EntryJudge(self)
        let filter = search.filter
        let list: [EntryID]
        do {
            list = try sorted.step(snapshot, deadline: deadline) { (id) throws(EntryStoreError) in
                guard let record = try snapshot.record(id), filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes else { return false }
                return judge.verdict(id, record, snapshot, &state) == .send
            }
        } catch {
            guard error.code == .timeLimitExceeded else { throw error }
            return finish(.timeLimitExceeded, "", &output)
        }
        search.begin(list: list)
        sorted.phase = .send
        return nil
    }

    private mutating func gather(
        _ sorted: SortedSearch, _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch,
        _ candidates: Int, _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress? {
        var judge = EntryJudge(self)
        let context = VirtualContext(catalogue: snapshot.catalogue, access: access)
        let (directory, request, messageID) = (self.directory, self.request, self.messageID)
        var budget = candidates
        var isTooMuch = false
        var references = 0
        let outcome: EntrySearch.Outcome
        do {
            outcome = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
                switch judge.verdict(id, record, snapshot, &state) {
                case .skip: break
                case .refer:
                    references += 1
                    try directory.refer(to: id, record, request, messageID, state.access.profile, snapshot, &output)
                case .send:
                    guard try sorted.gather(id, record, state.access.profile, snapshot, context) else {
                        isTooMuch = true
                        return false
                    }
                }
                return true
            }
        } catch { throw LDAPError(storage: error) }
        self.references += references
        if isTooMuch {
            try leaveUnsorted(SortResult(.adminLimitExceeded), "too many entries to be sorted")
            // From the beginning, as they come; the references were sent.
            treatment.sendsReferences = false
            search.begin(base: search.base, scope: search.scope)
            return .more
        }
        if outcome == .outOfBudget { return .more }
        search.begin(list: try sorted.sort(snapshot.schema))
        sorted.phase = .send
        return nil
    }

    /// The number of entries, where it can be told without looking at them.
    mutating func countAtOnce(_ snapshot: borrowing Snapshot, _ state: inout WorkerState) throws(LDAPError) -> Int? {
        guard count == 0, references == 0, request.scope != .baseObject, search.position <= EntryID(rawValue: 1) else { return nil }
        let members: CandidateBlocks
        do { members = try search.candidates(snapshot) } catch { throw LDAPError(storage: error) }
        return try isExact(members, snapshot, &state) ? members.count : nil
    }

    /// What the end of the search is told with.
    /// - Parameter cookie: of the next page; that of a sorted search is made here.
    func responseControls(_ code: ResultCode, _ cookie: [UInt8]) -> [Control] {
        var list: [Control] = []
        let asked = controls.refinement?.asked
        if controls.paged != nil, asked?.counts != true {
            var cookie = cookie
            if code == .success, var next = sorted?.nextPage, let sort = asked?.sort {
                next.sent = sentBefore + count
                cookie = next.encode(request, sort, identity)
            }
            list.append(PagedResults(size: 0, cookie: cookie).control())
        }
        if let sortResult { list.append(sortResult.control()) }
        if let view = sorted?.viewResult { list.append(view.control()) }
        if asked?.counts == true {
            let isOver = sizeLimit != 0 && count > sizeLimit
            list.append(NoOpSearch(isOver ? .sizeLimitExceeded : code, entries: count, references: references).control())
        }
        return list
    }
}

/// Decides what becomes of entries that satisfy the filter, where they are not sent at once.
struct EntryJudge {
    private let directory: Directory
    private let request: SearchRequest
    private let view: EntrySelection.View
    private let judgedTypes: [AccessDatum]
    private let viewer: AccessControl
    private let treatment: SpecialTreatment
    private var judged = JudgedProfile()
    /// What goes out of the entry judged last.
    var selection: EntrySelection? { judged.selection }

    init(_ execution: borrowing SearchExecution) {
        directory = execution.directory
        request = execution.request
        view = execution.view
        judgedTypes = execution.judgedTypes
        viewer = execution.access
        treatment = execution.treatment
    }

    mutating func verdict(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ state: inout WorkerState
    ) -> SpecialTreatment.Verdict {
        state.access.judge(id, record, viewer.subject, directory, snapshot)
        if state.access.profile.number != judged.number {
            judged = JudgedProfile(state.access.profile, request, view, judgedTypes, directory, snapshot.catalogue, &state.selections)
        }
        guard judged.selection != nil else { return .skip }
        let verdict = treatment.verdict(record.flags)
        guard verdict == .send, judged.isFilterJudged else { return verdict }
        let filter = viewer.compile(request.filter, view, id, record, snapshot)
        return filter.evaluate(id, record, snapshot, scratch: &state.access.scratch) == .yes ? .send : .skip
    }
}
