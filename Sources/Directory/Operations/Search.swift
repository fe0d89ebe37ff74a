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
    var connectionID: UInt64 = 0
    var operation: UInt64 = 0
    var access: AccessControl
    var search: EntrySearch
    /// Whether base and filter were found good, and ``search`` is this request's.
    var isPrepared = false
    var selection: EntrySelection?
    /// Attributes that the filter names and that may be searched for in some entries only.
    var judgedTypes: [AccessDatum] = []
    /// An entry that is being written in pieces.
    var long: LongEntry?
    /// What is told of somebody's rights, if the client wants to know.
    var rights: EntryRights?
    /// The search, if the base is in a virtual branch.
    var branch: BranchSearch?
    /// The order of the result, if one is asked for and possible.
    var sorted: SortedSearch?
    /// What became of the sorting.
    var sortResult: SortResult?
    /// What is done to entries before they go out.
    var refinement: EntryRefinement?
    /// The search, if the base is in the monitor.
    var monitor: MonitorSearch?
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
    var candidatesLeft = -1
    /// Entries of one page at most; 0: no limit.
    var pageLimit = 0
    /// When time is over; nil: no limit.
    var deadline: ContinuousClock.Instant?

    init(_ directory: Directory) {
        self.directory = directory
        access = AccessControl(Requester(.anonymous), directory)
        search = EntrySearch(filter: CompiledFilter(directory.pseudo.catalogue), base: .root, scope: .baseObject)
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
                access = AccessControl(requester, directory)
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
            search = EntrySearch(filter: CompiledFilter(directory.pseudo.catalogue), base: .root, scope: .baseObject)
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

    mutating func advance(
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
        directory.counters.note(error, directory.settings.decoding)
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
}
