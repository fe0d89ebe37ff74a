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
            try worker.search.begin(self, session)
            let limits = directory.settings.limits
            progress = try worker.search.advance(
                worker: worker, candidates: limits.inlineCandidates, bytes: limits.inlineBytes, isInline: true, output: &output)
        } catch {
            output.truncate(to: start)
            worker.search.fail(error, &output)
            progress = .done
        }
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
    private let directory: Directory
    private var request = SearchRequest()
    private var controls = SearchControls()
    private var identity = Identity.anonymous
    private var view = EntrySelection.View.all
    private var messageID = 0
    private var connectionID: UInt64 = 0
    private var operation: UInt64 = 0
    private var access: AccessControl
    private var search: EntrySearch
    /// Whether base and filter were found good, and ``search`` is this request's.
    private var isPrepared = false
    private var selection: EntrySelection?
    /// An entry that is being written in pieces.
    private var long: LongEntry?
    /// The search, if the base is in a virtual branch.
    private var branch: BranchSearch?
    /// Entries sent by this request.
    private var count = 0
    /// Entries sent by earlier pages.
    private var sentBefore = 0
    private var sizeLimit = 0
    /// When time is over; nil: no limit.
    private var deadline: ContinuousClock.Instant?

    init(_ directory: Directory) {
        self.directory = directory
        access = AccessControl(.anonymous, directory)
        search = EntrySearch(filter: CompiledFilter(directory.store.catalogue), base: .root, scope: .baseObject)
    }

    /// Takes a request.
    mutating func begin(_ source: borrowing Request, _ session: Session) throws(LDAPError) {
        isPrepared = false
        selection = nil
        long = nil
        branch = nil
        count = 0
        sentBefore = 0
        messageID = source.messageID
        connectionID = session.connectionID
        operation = source.operation
        try request.decode(source.pdu, source.envelope.contents)
        if directory.log.isEnabled { source.logSearch(request, session) }
        controls = source.envelope.controls == nil ? SearchControls() : try SearchControls(source.decodeControls())
        identity = session.identity
        view = controls.view == .all ? session.view : controls.view
        access = AccessControl(identity, directory)
        let limits = directory.settings.limits
        sizeLimit = Self.smaller(request.sizeLimit, limits.size)
        let seconds = Self.smaller(request.timeLimit, limits.time)
        deadline = seconds == 0 ? nil : ContinuousClock.now + .seconds(seconds)
    }

    /// Lets go of what an ended search should not keep.
    mutating func trim() {
        selection = nil
        branch = nil
        if request.bytes.capacity > 1 << 16 || request.filterNodes.capacity > 1024 {
            request = SearchRequest()
            search = EntrySearch(filter: CompiledFilter(directory.store.catalogue), base: .root, scope: .baseObject)
        }
        search.trim()
    }

    /// The smaller of two limits of which 0 means none.
    private static func smaller(_ a: Int, _ b: Int) -> Int { a == 0 ? b : b == 0 ? a : min(a, b) }

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
        if waitsForOthers { branch?.ask() }
        return try worker.read { snapshot, state, scratch throws(LDAPError) in
            try advance(snapshot, &state, &scratch, candidates, bytes, isInline, &output)
        }
    }

    private mutating func advance(
        _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch, _ candidates: Int, _ bytes: Int,
        _ isInline: Bool, _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if !isPrepared { try prepare(snapshot, &state) }
        if let branch { return try advance(branch, snapshot, &state, &scratch, candidates, bytes, &output) }
        guard isPrepared, let selection else { return finish(.success, "", &output) }
        if let deadline, ContinuousClock.now >= deadline { return finish(.timeLimitExceeded, "", &output) }
        let pageSize = controls.paged?.size ?? 0
        let limit = output.count + bytes
        if isInline, search.prepare(snapshot, budget: candidates) == false { return .more }
        var budget = candidates
        var computing = candidates
        var longID: EntryID?
        var isPostponed = false
        var nextPage: EntryID?
        var isOverLimit = false
        var isFull = false
        let sizeLimit = self.sizeLimit
        let sentBefore = self.sentBefore
        let messageID = self.messageID
        let viewer = identity
        let computedAtOnce = directory.settings.limits.computedAtOnce
        var count = self.count
        let outcome: EntrySearch.Outcome
        do {
            outcome = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
                if sizeLimit != 0, sentBefore + count >= sizeLimit {
                    isOverLimit = true
                    return false
                }
                if pageSize != 0, count >= pageSize {
                    nextPage = id
                    return false
                }
                var name: [UInt8] = []
                swap(&name, &state.selection.name)
                defer { swap(&name, &state.selection.name) }
                name.removeAll(keepingCapacity: true)
                try state.names.appendName(of: record, snapshot, to: &name)
                if !isInline { computing = computedAtOnce }
                guard
                    try selection.append(
                        messageID: messageID, id: id, name: name.rawSpan, record: record, snapshot, viewer: viewer, budget: &computing,
                        &state.selection, to: &output)
                else {
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
        if isPostponed {
            search.stepBack()
            return .more
        }
        if let longID {
            do {
                long = try LongEntry(
                    directory.store, selection, messageID: messageID, id: longID, viewer: viewer, wholeLimit: computedAtOnce)
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
        return finish(.success, "", &output)
    }

    /// Whether the next step waits for another server: it must be made on a thread that may wait.
    var waitsForOthers: Bool { branch?.waitsForOthers ?? false }

    /// Goes on in a virtual branch.
    private mutating func advance(
        _ branch: BranchSearch, _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch,
        _ candidates: Int, _ bytes: Int, _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if let deadline, ContinuousClock.now >= deadline { return finish(.timeLimitExceeded, "", &output) }
        let step = try branch.advance(snapshot, &state.selection, &scratch, candidates, bytes, &output)
        count = branch.count
        switch step {
        case .more: return .more
        case .page(let next):
            let cookie = PagingCookie(position: next, sent: sentBefore + count).encode(request, identity)
            return finish(.success, "", &output, cookie: cookie)
        case .done(let code, let message): return finish(code, message, &output)
        }
    }

    /// Begins a search in a virtual branch, if the base is there.
    /// - Returns: false if it is not.
    private mutating func prepare(
        in found: Snapshot.Resolution, _ snapshot: borrowing Snapshot, _ state: inout WorkerState
    ) throws(LDAPError) -> Bool {
        guard !directory.branches.isEmpty,
            let place = try directory.branchPlace(found, DistinguishedName(parsing: request.bytes.rawSpan.slice(request.baseObject)), snapshot)
        else { return false }
        guard let position = try firstPosition() else { return true }
        let selection = state.selections.selection(
            request, .realOnly, isAdministrator: identity.isAdministrator, access, snapshot.catalogue, directory.virtual)
        branch = try BranchSearch(
            place, request, messageID: messageID, identity, selection, assertion: controls.assertion, pageSize: controls.paged?.size ?? 0,
            sizeLimit: sizeLimit, sentBefore: sentBefore, deadline: deadline, from: position, snapshot)
        isPrepared = true
        return true
    }

    /// Where the search begins or goes on; nil: RFC 2696 section 3, size 0 with a cookie abandons it.
    private mutating func firstPosition() throws(LDAPError) -> EntryID? {
        guard let paged = controls.paged, !paged.cookie.isEmpty else { return EntryID(rawValue: 1) }
        let cookie = try PagingCookie(decoding: paged.cookie, request, identity)
        sentBefore = cookie.sent
        return paged.size == 0 ? nil : cookie.position
    }

    /// Finds the base, compiles the filter.
    private mutating func prepare(_ snapshot: borrowing Snapshot, _ state: inout WorkerState) throws(LDAPError) {
        let catalogue = snapshot.catalogue
        let isRoot = request.baseObject.isEmpty
        guard access.mayReadEntries else {
            // Nothing is told of what exists (RFC 4511 section 4.1.9 lets matchedDN be empty).
            _ = try DistinguishedName(parsing: request.bytes.rawSpan.slice(request.baseObject))
            if isRoot { return }
            throw LDAPError(.noSuchObject, "")
        }
        let base = try state.resolution.resolve(request.bytes.rawSpan.slice(request.baseObject), snapshot)
        guard base.isComplete else {
            if try prepare(in: base, snapshot, &state) { return }
            let matched: [UInt8]
            do { matched = try snapshot.name(of: base.id) } catch { throw LDAPError(storage: error) }
            throw LDAPError(.noSuchObject, "", matchedDN: matched)
        }
        if isRoot, request.scope == .baseObject { return }
        if let assertion = controls.assertion { try check(assertion, base.id, snapshot) }
        guard let position = try firstPosition() else { return }
        let (bytes, access, view) = (request.bytes, self.access, self.view)
        directory.compile(request.filterNodes, bytes.rawSpan, catalogue, access, view, into: &search.filter)
        search.begin(base: base.id, scope: request.scope, from: position)
        isPrepared = true
        selection = state.selections.selection(
            request, view, isAdministrator: identity.isAdministrator, access, catalogue, directory.virtual)
    }

    /// RFC 4528: for a search, the base must match.
    private func check(_ assertion: Filter, _ base: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let filter = directory.compile(assertion, snapshot.catalogue, access, view)
        var scratch = FilterScratch()
        do {
            if let record = try snapshot.record(base), filter.evaluate(base, record, snapshot, scratch: &scratch) == .yes { return }
        } catch { throw LDAPError(storage: error) }
        throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
    }

    /// Answers a base search for an entry outside the store.
    private mutating func answer(_ entry: PseudoEntry, _ worker: DirectoryWorker, _ output: inout BERBuffer) throws(LDAPError) {
        var answer = BERBuffer()
        let isMatch = try worker.read { snapshot, _, _ throws(LDAPError) in
            guard let record = EntryRecord(entry.record.rawSpan) else { throw LDAPError(.other, "\(entry.title) is damaged") }
            var scratch = FilterScratch()
            let filter = directory.compile(request.filter, snapshot.catalogue, access, view)
            guard filter.evaluate(.root, record, snapshot, scratch: &scratch) == .yes else { return false }
            let selection = EntrySelection(
                request.attributes, in: request.bytes.rawSpan, typesOnly: request.typesOnly, view: .realOnly, access: access,
                snapshot.catalogue, directory.virtual)
            var space = SelectionScratch()
            do throws(EntryStoreError) {
                var budget = Int.max
                _ = try selection.append(
                    messageID: messageID, id: .root, name: entry.name.rawSpan, record: record, snapshot, viewer: identity, budget: &budget,
                    &space, to: &answer)
            } catch { throw LDAPError(storage: error) }
            return true
        }
        if isMatch { count += 1 }
        output.append(answer.bytes)
        _ = finish(.success, "", &output)
    }

    private func finish(
        _ code: ResultCode, _ message: String, _ output: inout BERBuffer, cookie: [UInt8] = []
    ) -> LongSearch.Progress {
        let controls = self.controls.paged == nil ? [] : [PagedResults(size: 0, cookie: cookie).control()]
        output.appendResult(messageID: messageID, tag: OperationTag.searchResultDone, code: code, message: message, controls: controls)
        let log = directory.log
        if log.isEnabled {
            log.searchResult(connection: connectionID, operation: operation, code: code.rawValue, entries: count, text: message)
        }
        return .done
    }

    /// Ends a search that failed in a later step.
    func fail(_ error: LDAPError, _ output: inout BERBuffer) {
        output.appendResult(messageID: messageID, tag: OperationTag.searchResultDone, error: error)
        let log = directory.log
        if log.isEnabled {
            log.searchResult(
                connection: connectionID, operation: operation, code: error.code.rawValue, entries: count, text: error.message)
        }
    }
}

extension Directory {
    /// Makes a filter ready: virtual attributes by their providers, attributes that the client may not read Undefined.
    func compile(
        _ filter: Filter, _ catalogue: Catalogue, _ access: AccessControl, _ view: EntrySelection.View
    ) -> CompiledFilter {
        var compiled = CompiledFilter(catalogue)
        let bytes = filter.bytes
        compile(filter.nodes, bytes.rawSpan, catalogue, access, view, into: &compiled)
        return compiled
    }

    /// The same of a filter's nodes, which have places in `text`.
    func compile(
        _ nodes: [Filter.Node], _ text: RawSpan, _ catalogue: Catalogue, _ access: AccessControl, _ view: EntrySelection.View,
        into compiled: inout CompiledFilter
    ) {
        compiled.compile(
            nodes, text, catalogue,
            isSpecial: { type in type == known.objectClass || virtual.index(of: type) != nil || !access.mayRead(type) },
            resolver: { type, item in
                if !access.mayRead(type) { return .constant(.undefined) }
                if type == known.objectClass { return virtual.classes.item(item, catalogue) }
                guard let provider = virtual.provider(of: type), view != .stored || provider.isInStoredView else { return nil }
                return provider.item(item, VirtualContext(catalogue: catalogue, viewer: access.identity, virtual: virtual))
            })
    }
}
