import BER
import EntryStore
import LDAP
import Schema

extension Request {
    /// RFC 4511 section 4.5.
    func search(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) -> Disposition {
        let start = output.count
        let progress: LongSearch.Progress
        do throws(LDAPError) {
            try worker.search.begin(self, session, worker)
            let limits = directory.settings.limits
            progress = try worker.search.advance(
                worker: worker, candidates: limits.inlineCandidates, bytes: limits.inlineBytes, isInline: true, output: &output)
        } catch {
            output.truncate(to: start)
            worker.search.fail(error, &output)
            progress = .done
        }
        worker.countEntries(worker.search.count)
        if case .more = progress {
            // It goes on elsewhere, with all it has.
            var execution = SearchExecution(directory)
            swap(&execution, &worker.search)
            return .search(LongSearch(messageID: messageID, execution))
        }
        worker.search.trim()
        return .answered
    }

    fileprivate func logSearch(_ request: SearchRequest, _ session: Session) {
        directory.log.search(
            connection: session.connectionID, operation: operation, base: request.bytes.rawSpan.slice(request.baseObject),
            scope: Int(request.scope.rawValue), dereference: Int(request.dereference.rawValue),
            filter: { $0.escaped(request.filter.description) },
            attributes: request.attributes.isEmpty
                ? nil
                : { line in
                    for (index, attribute) in request.attributes.enumerated() {
                        if index > 0 { line.text(" ") }
                        line.escaped(request.bytes.rawSpan.slice(attribute))
                    }
                })
    }
}

/// A search being carried out, in as many steps as it takes. Used by one thread at a time.
///
/// Once a search has ended it can begin another, which then uses its memory: a search that is found by an index allocates nothing.
struct SearchExecution: ~Copyable {
    let directory: Directory
    var request = SearchRequest()
    var controls = SearchControls()
    /// What is done with aliases, referral entries and subentries.
    var treatment = SpecialTreatment()
    var identity = Identity.anonymous
    var view = EntrySelection.View.all
    var messageID = 0
    private var connectionID: UInt64 = 0
    private var operation: UInt64 = 0
    var access: AccessControl
    var search: EntrySearch
    /// Whether base and filter were found good, and ``search`` is this request's.
    private var isPrepared = false
    private var selection: EntrySelection?
    /// Attributes that the filter names and that may be searched for in some entries only.
    var judgedTypes: [AccessDatum] = []
    /// An entry that is being written in pieces.
    private var long: LongEntry?
    /// What is told of somebody's rights, if the client wants to know.
    private var rights: EntryRights?
    /// The search, if the base is in a virtual branch.
    private var branch: BranchSearch?
    /// The order of the result, if one is asked for and possible.
    var sorted: SortedSearch?
    /// What became of the sorting.
    var sortResult: SortResult?
    /// What is done to entries before they go out.
    var refinement: EntryRefinement?
    /// The search, if the base is in the monitor.
    private var monitor: MonitorSearch?
    /// The changes that a persistent search waits for.
    var listening: Listening?
    /// How it is gone on with then.
    let waker = Waker()
    /// References sent by this request.
    var references = 0
    /// Entries sent by this request.
    var count = 0
    /// Entries sent by earlier pages.
    var sentBefore = 0
    var sizeLimit = 0
    /// Entries that may still be looked at; negative: no limit.
    private var candidatesLeft = -1
    /// Entries of one page at most; 0: no limit.
    private var pageLimit = 0
    /// When time is over; nil: no limit.
    var deadline: ContinuousClock.Instant?

    init(_ directory: Directory) {
        self.directory = directory
        access = AccessControl(.anonymous, AccessOrigin(), directory)
        search = EntrySearch(filter: CompiledFilter(directory.store.catalogue), base: .root, scope: .baseObject)
    }

    /// Takes a request.
    mutating func begin(_ source: borrowing Request, _ session: Session, _ worker: DirectoryWorker) throws(LDAPError) {
        isPrepared = false
        selection = nil
        long = nil
        branch = nil
        sorted = nil
        sortResult = nil
        refinement = nil
        listening = nil
        references = 0
        rights = nil
        monitor = nil
        count = 0
        sentBefore = 0
        messageID = source.messageID
        connectionID = session.connectionID
        operation = source.operation
        try request.decode(source.pdu, source.envelope.contents, limits: directory.settings.decoding)
        if directory.log.isEnabled { source.logSearch(request, session) }
        identity = session.identity
        view = session.view
        access = session.access(directory)
        controls = SearchControls()
        if source.envelope.controls != nil {
            var given = try source.decodeControls()
            if given.contains(where: { $0.oid == ProxiedAuthorization.oid }) {
                let requester = try source.takeRequester(&given, session, worker)
                identity = requester.identity
                view = directory.view(of: identity)
                access = AccessControl(identity, requester.origin, directory)
            }
            controls = try SearchControls(given, for: .search)
            if controls.view != .all { view = controls.view }
        }
        let allowance = session.allowance(directory)
        if controls.paged != nil, allowance.paging == .disabled {
            throw LDAPError(.unwillingToPerform, "paged searches are not allowed for this identity")
        }
        sizeLimit = allowance.size(requested: request.sizeLimit, isPaged: controls.paged != nil)
        pageLimit = allowance.pageSize
        candidatesLeft = allowance.candidates == 0 ? -1 : allowance.candidates
        let seconds = allowance.time(requested: request.timeLimit)
        deadline = seconds == 0 ? nil : ContinuousClock.now + .seconds(seconds)
    }

    /// Lets go of what an ended search should not keep.
    mutating func trim() {
        selection = nil
        sorted = nil
        refinement = nil
        branch = nil
        rights = nil
        monitor = nil
        if request.bytes.capacity > 1 << 16 || request.filterNodes.capacity > 1024 {
            request = SearchRequest()
            search = EntrySearch(filter: CompiledFilter(directory.store.catalogue), base: .root, scope: .baseObject)
        }
        search.trim()
    }

    /// Whether the client has a part of an entry: nothing but the rest of it may follow.
    var isInsideEntry: Bool { long?.isBegun == true }

    /// Whether an entry is under way; it keeps its snapshot.
    var hasLongEntry: Bool { long != nil }
    /// Whether it has done so for long.
    var isOverdue: Bool { long?.isOverdue == true }

    /// Writes more of the entry under way.
    /// - Parameter finishing: whether all of what remains is to be written, however much it is.
    /// - Returns: whether it is finished (or there is none).
    mutating func advanceEntry(bytes: Int, finishing: Bool, output: inout BERBuffer) throws(LDAPError) -> Bool {
        guard let long else { return true }
        do {
            guard try long.write(limit: finishing || long.isOverdue ? .max : bytes, to: &output) else { return false }
        } catch { throw LDAPError(storage: error) }
        self.long = nil
        return true
    }

    /// Goes on until the search is answered or a bound is reached. What an event loop may not spend its time on is left for the next
    /// call, which is not to be made there (`isInline`).
    mutating func advance(
        worker: DirectoryWorker, candidates: Int, bytes: Int, isInline: Bool, output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if !isPrepared, request.scope == .baseObject {
            if let pseudo = try directory.pseudo.entry(named: request.bytes.rawSpan.slice(request.baseObject), directory) {
                try answer(pseudo, worker, &output)
                return .done
            }
        }
        if waitsForOthers, !isInline {
            branch?.ask()
            monitor?.gather()
        }
        return try worker.read { snapshot, state, scratch throws(LDAPError) in
            try advance(snapshot, &state, &scratch, candidates, bytes, isInline, &output)
        }
    }

    private mutating func advance(
        _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch, _ candidates: Int, _ bytes: Int,
        _ isInline: Bool, _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if !isPrepared, try !prepare(snapshot, &state, budget: isInline ? candidates : .max) { return .more }
        if let monitor { return try advance(monitor, snapshot, &state, &scratch, bytes, &output) }
        if let branch { return try advance(branch, snapshot, &scratch, candidates, bytes, isInline, &output) }
        guard isPrepared else { return finish(.success, "", &output) }
        state.access.begin(access.subject, directory, snapshot)
        if let deadline, ContinuousClock.now >= deadline { return finish(.timeLimitExceeded, "", &output) }
        if let persistent = controls.refinement?.asked.persistent {
            if isInline { return .more }
            if listening == nil {
                // What follows must see all that is not told of: from a snapshot taken later than this one.
                listening = try Listening(persistent, directory, waker)
                deadline = nil
                return .more
            }
            if let listening, listening.isListening { return try listen(listening, snapshot, &state, &scratch, bytes, &output) }
        }
        if let sorted, let progress = try arrange(sorted, snapshot, &state, &scratch, candidates, isInline, &output) { return progress }
        let counts = controls.refinement?.asked.counts ?? false
        if counts, let total = try countAtOnce(snapshot, &state) {
            count = total
            return finish(.success, "", &output)
        }
        // What is sorted comes in lists of a page.
        let pageSize = sorted == nil && !counts ? controls.paged.map { SearchAllowance.smaller($0.size, pageLimit) } ?? 0 : 0
        let limit = output.count + bytes
        if isInline, search.prepare(snapshot, budget: candidates) == false { return .more }
        let allowed = candidatesLeft < 0 ? candidates : min(candidates, candidatesLeft)
        var budget = allowed
        var computing = candidates
        var longID: EntryID?
        var isPostponed = false
        var nextPage: EntryID?
        var isOverLimit = false
        var isFull = false
        let treatment = self.treatment
        let sizeLimit = counts ? 0 : self.sizeLimit
        let refinement = self.refinement
        var references = self.references
        let sentBefore = self.sentBefore
        let messageID = self.messageID
        let viewer = access
        let directory = self.directory
        let (request, view, judgedTypes, rights) = (self.request, self.view, self.judgedTypes, self.rights)
        // What was found out of the last kind of entry; entries of one search are mostly of one kind.
        var judged = JudgedProfile()
        let computedAtOnce = directory.settings.limits.computedAtOnce
        var count = self.count
        let outcome: EntrySearch.Outcome
        do {
            outcome = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
                state.access.judge(id, record, viewer.subject, directory, snapshot)
                if state.access.profile.number != judged.number {
                    judged = JudgedProfile(state.access.profile, request, view, judgedTypes, directory, snapshot.catalogue, &state.selections)
                }
                guard let selection = judged.selection else { return true }
                let verdict = treatment.verdict(record.flags)
                if verdict != .send {
                    if verdict == .refer, counts {
                        references += 1
                    } else if verdict == .refer {
                        references += 1
                        try directory.refer(to: id, record, request, messageID, state.access.profile, snapshot, &output)
                        if output.count >= limit {
                            isFull = true
                            return false
                        }
                    }
                    return true
                }
                if judged.isFilterJudged {
                    // Once more, item by item as this entry's attributes may be searched for.
                    let filter = viewer.compile(request.filter, view, profile: state.access.profile, id, record, snapshot)
                    guard filter.evaluate(id, record, snapshot, scratch: &state.access.scratch) == .yes else { return true }
                }
                if sizeLimit != 0, sentBefore + count >= sizeLimit {
                    isOverLimit = true
                    return false
                }
                if pageSize != 0, count >= pageSize {
                    nextPage = id
                    return false
                }
                if counts {
                    count += 1
                    return true
                }
                var name: [UInt8] = []
                swap(&name, &state.selection.name)
                defer { swap(&name, &state.selection.name) }
                name.removeAll(keepingCapacity: true)
                try state.names.appendName(of: record, snapshot, to: &name)
                if !isInline { computing = computedAtOnce }
                let isWhole: Bool
                if refinement == nil, selection.ranges.isEmpty {
                    isWhole = try selection.append(
                        messageID: messageID, id: id, name: name.rawSpan, record: record, snapshot, viewer: viewer, rights: rights,
                        budget: &computing, &state.selection, to: &output)
                } else {
                    // What is chosen from must be there as a whole.
                    if !isInline { computing = .max }
                    let profile = state.access.profile
                    let controls = try refinement?.follow(record, profile, &state.access, directory, snapshot) ?? []
                    isWhole = try selection.appendRefined(
                        messageID: messageID, id: id, name: name.rawSpan, record: record, snapshot, viewer: viewer, budget: &computing,
                        &state.selection, refinement, rights: rights, controls: controls, to: &output)
                }
                guard isWhole else {
                    if isInline { isPostponed = true } else { longID = id }
                    return false
                }
                count += 1
                if output.count >= limit {
                    isFull = true
                    return false
                }
                return true
            }
        } catch { throw LDAPError(storage: error) }
        self.count = count
        self.references = references
        if candidatesLeft >= 0 {
            candidatesLeft -= allowed - budget
            if outcome == .outOfBudget, candidatesLeft == 0 {
                return finish(.adminLimitExceeded, "the search would look at too many entries", &output)
            }
        }
        if isPostponed {
            search.stepBack()
            return .more
        }
        if let longID, let selection = judged.selection {
            do {
                long = try LongEntry(
                    directory.store, selection, messageID: messageID, id: longID, viewer: viewer, rights: rights,
                    wholeLimit: computedAtOnce)
            } catch { throw LDAPError(storage: error) }
            if long != nil { self.count = count + 1 }
            return .more
        }
        if isOverLimit { return finish(.sizeLimitExceeded, "", &output) }
        if let nextPage {
            let cookie = PagingCookie(position: nextPage, sent: sentBefore + count).encode(request, identity)
            return finish(.success, "", &output, cookie: cookie)
        }
        if outcome == .outOfBudget || isFull { return .more }
        if let sorted, sorted.continues {
            sorted.phase = .walk
            return .more
        }
        if let listening {
            listening.isListening = true
            return .more
        }
        return finish(.success, "", &output)
    }

    /// Whether a search that waits for changes has some to tell.
    var hasNews: Bool { listening?.hasNews ?? false }

    /// Whether the next step waits for another server: it must be made on a thread that may wait.
    var waitsForOthers: Bool { branch?.waitsForOthers ?? monitor?.isWaiting ?? false }

    /// Goes on in the monitor.
    private mutating func advance(
        _ monitor: MonitorSearch, _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch, _ bytes: Int,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if let deadline, ContinuousClock.now >= deadline { return finish(.timeLimitExceeded, "", &output) }
        let pageSize = controls.paged.map { SearchAllowance.smaller($0.size, pageLimit) } ?? 0
        let step: MonitorSearch.Step
        do throws(LDAPError) {
            step = try monitor.advance(
                messageID: messageID, bytes: bytes, room: sizeLimit == 0 ? nil : max(0, sizeLimit - sentBefore - count),
                pageRoom: pageSize == 0 ? nil : max(0, pageSize - count), sent: &count, snapshot, &state.selection, &scratch, &output)
        } catch {
            // What was sent before stays.
            guard error.code == .sizeLimitExceeded else { throw error }
            return finish(.sizeLimitExceeded, "", &output)
        }
        switch step {
        case .more: return .more
        case .page(let next):
            let cookie = PagingCookie(position: EntryID(rawValue: UInt64(next)), sent: sentBefore + count).encode(request, identity)
            return finish(.success, "", &output, cookie: cookie)
        case .done: return finish(.success, "", &output)
        }
    }

    /// Begins a search in the monitor, if the base is there and the client may look.
    private mutating func prepareMonitor(
        _ found: Snapshot.Resolution, _ snapshot: borrowing Snapshot, _ state: inout WorkerState
    ) throws(LDAPError) -> Bool {
        guard found.depth == 0, directory.admitsToMonitor(access),
            let path = directory.monitor.place(try DistinguishedName(parsing: request.bytes.rawSpan.slice(request.baseObject)))
        else { return false }
        guard let position = try firstPosition() else { return true }
        let selection = state.selections.selection(request, .realOnly, .unlimited, snapshot.catalogue, directory.virtual)
        monitor = MonitorSearch(
            directory, path, request.scope, request.filter, selection, access,
            from: controls.paged?.cookie.isEmpty ?? true ? 0 : Int(position.rawValue))
        isPrepared = true
        return true
    }

    /// Goes on in a virtual branch.
    private mutating func advance(
        _ branch: BranchSearch, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch, _ candidates: Int, _ bytes: Int,
        _ isInline: Bool, _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if let deadline, ContinuousClock.now >= deadline { return finish(.timeLimitExceeded, "", &output) }
        let step = try branch.advance(
            snapshot, &scratch, candidates: candidates, bytes: bytes, isInline: isInline,
            computedAtOnce: directory.settings.limits.computedAtOnce, &output)
        count = branch.count
        switch step {
        case .more: return .more
        case .long(let entry):
            long = entry
            return .more
        case .page(let next):
            let cookie = PagingCookie(position: next, sent: sentBefore + count).encode(request, identity)
            return finish(.success, "", &output, cookie: cookie)
        case .done(let code, let message): return finish(code, message, &output)
        }
    }

    /// What became of a base that no stored entry has.
    private enum BranchOutcome { case absent, tooLong, prepared }

    /// Begins a search in a virtual branch, if the base is there.
    private mutating func prepare(
        in found: Snapshot.Resolution, _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ budget: inout Int
    ) throws(LDAPError) -> BranchOutcome {
        guard !directory.branches.isEmpty,
            let place = try directory.branchPlace(
                found, DistinguishedName(parsing: request.bytes.rawSpan.slice(request.baseObject)), viewer: access,
                showsDeleted: controls.showDeleted, snapshot)
        else { return .absent }
        // What of a branch is shown is its provider's to say: its entries are made for the client.
        try place.demand(.read, access, snapshot)
        if let asked = controls.refinement?.asked {
            // What is made for the client is made in the order in which it is found.
            if asked.isCritical {
                throw LDAPError(.unavailableCriticalExtension, "a critical control is not supported for entries that are made of others")
            }
            if asked.sort != nil { sortResult = SortResult(.unwillingToPerform) }
        }
        let filter = request.filter
        guard try place.branch.admit(identity, filter, snapshot, place.context, budget: &budget) else { return .tooLong }
        guard let position = try firstPosition() else { return .prepared }
        let selection = state.selections.selection(request, .realOnly, .unlimited, snapshot.catalogue, directory.virtual)
        branch = try BranchSearch(
            place, filter, request.scope, messageID: messageID, access, selection, assertion: controls.assertion,
            pageSize: controls.paged.map { SearchAllowance.smaller($0.size, pageLimit) } ?? 0,
            sizeLimit: sizeLimit, sentBefore: sentBefore, deadline: deadline, from: position, snapshot)
        isPrepared = true
        return .prepared
    }

    /// Where the search begins or goes on; nil: RFC 2696 section 3, size 0 with a cookie abandons it.
    private mutating func firstPosition() throws(LDAPError) -> EntryID? {
        guard let paged = controls.paged, !paged.cookie.isEmpty else { return EntryID(rawValue: 1) }
        // That of a sorted search is longer.
        if controls.refinement?.asked.sort != nil, paged.cookie.count > PagingCookie.size {
            return paged.size == 0 ? nil : EntryID(rawValue: 1)
        }
        let cookie = try PagingCookie(decoding: paged.cookie, request, identity)
        sentBefore = cookie.sent
        return paged.size == 0 ? nil : cookie.position
    }

    /// Finds the base, compiles the filter.
    /// - Parameter budget: entries that may be looked at for it.
    /// - Returns: false if it was not enough.
    private mutating func prepare(_ snapshot: borrowing Snapshot, _ state: inout WorkerState, budget: Int) throws(LDAPError) -> Bool {
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
    private mutating func locate(
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
    private mutating func widen(
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
    private func checkBase(_ id: EntryID, _ snapshot: borrowing Snapshot, _ cache: inout AccessCache) throws(LDAPError) {
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
    private func check(
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

    /// Answers a base search for an entry outside the store.
    private mutating func answer(_ entry: PseudoEntry, _ worker: DirectoryWorker, _ output: inout BERBuffer) throws(LDAPError) {
        var answer = BERBuffer()
        let isMatch = try worker.read { snapshot, _, _ throws(LDAPError) in
            guard let record = EntryRecord(entry.record.rawSpan) else { throw LDAPError(.other, "\(entry.title) is damaged") }
            var scratch = FilterScratch()
            // Everybody may know what the server can do and the schema.
            let filter = directory.compile(request.filter, snapshot.catalogue, view, viewer: access)
            guard filter.evaluate(.root, record, snapshot, scratch: &scratch) == .yes else { return false }
            let selection = EntrySelection(
                request.attributes, in: request.bytes.rawSpan, typesOnly: request.typesOnly, view: .realOnly, profile: .unlimited,
                snapshot.catalogue, directory.virtual)
            var space = SelectionScratch()
            do throws(EntryStoreError) {
                var budget = Int.max
                _ = try selection.append(
                    messageID: messageID, id: .root, name: entry.name.rawSpan, record: record, snapshot, viewer: access, budget: &budget,
                    &space, to: &answer)
            } catch { throw LDAPError(storage: error) }
            return true
        }
        if isMatch { count += 1 }
        output.append(answer.bytes)
        _ = finish(.success, "", &output)
    }

    func finish(
        _ code: ResultCode, _ message: String, _ output: inout BERBuffer, cookie: [UInt8] = []
    ) -> LongSearch.Progress {
        directory.counters.note(code)
        let controls = self.controls.paged == nil && self.controls.refinement == nil ? [] : responseControls(code, cookie)
        let code = self.controls.refinement?.asked.counts == true && code == .sizeLimitExceeded ? .success : code
        output.appendResult(messageID: messageID, tag: OperationTag.searchResultDone, code: code, message: message, controls: controls)
        let log = directory.log
        if log.isEnabled {
            log.searchResult(connection: connectionID, operation: operation, code: code.rawValue, entries: count, text: message)
        }
        return .done
    }

    /// Ends a search that failed in a later step.
    func fail(_ error: LDAPError, _ output: inout BERBuffer) {
        directory.counters.note(error.code)
        output.appendResult(messageID: messageID, tag: OperationTag.searchResultDone, error: error)
        let log = directory.log
        if log.isEnabled {
            log.searchResult(
                connection: connectionID, operation: operation, code: error.code.rawValue, entries: count, text: error.message)
        }
    }
}

/// What a search does with entries of one access profile.
struct JudgedProfile {
    var number = -1
    /// nil: they are not to be seen.
    var selection: EntrySelection?
    /// Whether the filter names attributes that may not be searched for in all of them.
    var isFilterJudged = false

    init() {}

    init(
        _ profile: AccessProfile, _ request: SearchRequest, _ view: EntrySelection.View, _ types: [AccessDatum], _ directory: Directory,
        _ catalogue: Catalogue, _ selections: inout SelectionCache
    ) {
        number = profile.number
        guard profile.entry.contains(.read) else { return }
        selection = selections.selection(request, view, profile, catalogue, directory.virtual)
        isFilterJudged = !types.allSatisfy { profile.allows(.search, $0) && !profile.dependsOnValue($0) }
    }
}

extension Directory {
    /// Sends a reference in the place of a referral entry, to clients who may read where it leads.
    func refer(
        to id: EntryID, _ record: borrowing EntryRecord, _ request: SearchRequest, _ messageID: Int, _ profile: AccessProfile,
        _ snapshot: borrowing Snapshot, _ output: inout BERBuffer
    ) throws(EntryStoreError) {
        guard profile.allows(.read, AccessDatum(known.ref)) else { return }
        let scope: SearchScope = request.scope == .singleLevel ? .baseObject : .wholeSubtree
        let urls = referralURLs(record, named: try snapshot.name(of: id), scope: scope, snapshot.catalogue)
        if !urls.isEmpty { output.appendSearchReference(messageID: messageID, urls: urls) }
    }

    /// Makes a filter ready, whatever the client may search for: virtual attributes by their providers.
    func compile(_ filter: Filter, _ catalogue: Catalogue, _ view: EntrySelection.View, viewer: AccessControl) -> CompiledFilter {
        compile(filter, catalogue, view, viewer: viewer, profile: .unlimited, judging: nil)
    }

    /// The same for an entry of an access profile: items on what is not allowed are Undefined.
    /// - Parameters:
    ///   - wanted: the right that an item needs.
    ///   - judging: decides on the values of items.
    func compile(
        _ filter: Filter, _ catalogue: Catalogue, _ view: EntrySelection.View, viewer: AccessControl, profile: AccessProfile,
        wanted: AccessPrivileges = .search, judging: AccessValues?
    ) -> CompiledFilter {
        var compiled = CompiledFilter(catalogue)
        let bytes = filter.bytes
        compile(
            filter.nodes, bytes.rawSpan, catalogue, view, viewer: viewer, into: &compiled,
            isRefused: { type in
                let datum = AccessDatum(type)
                return !profile.dependsOnValue(datum) && !profile.allows(wanted, datum)
            },
            isJudged: { profile.dependsOnValue(AccessDatum($0)) },
            refuses: { type, value in
                guard let judging else { return false }
                return !judging.allows(wanted, AccessDatum(type), value)
            })
        return compiled
    }

    /// The same of a filter's nodes, which have places in `text`.
    /// - Parameters:
    ///   - isRefused: whether items on a type are Undefined. Of its subtypes those that are refused do not count.
    ///   - isJudged: whether that is decided by the item.
    ///   - refuses: decides by the item's value; nil for items without one value.
    func compile(
        _ nodes: [Filter.Node], _ text: RawSpan, _ catalogue: Catalogue, _ view: EntrySelection.View, viewer: AccessControl,
        into compiled: inout CompiledFilter, isRefused: (AttributeTypeID) -> Bool, isJudged: (AttributeTypeID) -> Bool = { _ in false },
        refuses: (AttributeTypeID, [UInt8]?) -> Bool = { _, _ in false }
    ) {
        func hides(_ subtype: AttributeTypeID, of type: AttributeTypeID) -> Bool { subtype != type && (isRefused(subtype) || isJudged(subtype)) }
        func hidesSubtypes(of type: AttributeTypeID) -> Bool {
            let subtypes = catalogue.schema.subtypes(of: type)
            return subtypes.count > 1 && subtypes.contains { hides($0, of: type) }
        }
        compiled.compile(
            nodes, text, catalogue,
            isSpecial: { type in
                isRefused(type) || type == known.objectClass || virtual.index(of: type) != nil || isJudged(type) || hidesSubtypes(of: type)
            },
            resolver: { type, item in
                if isRefused(type) { return .constant(.undefined) }
                if isJudged(type), refuses(type, item.kind == .present || item.kind == .substrings ? nil : item.value.array) {
                    return .constant(.undefined)
                }
                if type == known.objectClass { return virtual.classes.item(item, catalogue) }
                if let provider = virtual.provider(of: type), view != .stored || provider.isInStoredView {
                    let context = VirtualContext(catalogue: catalogue, access: viewer)
                    if let meaning = provider.item(item, context) { return meaning }
                }
                if hidesSubtypes(of: type) { return .filter(item.onStored(catalogue, without: { hides($0, of: type) })) }
                return nil
            })
    }
}
