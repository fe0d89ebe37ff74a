import BER
import EntryStore
import LDAP
import Schema

extension Request {
    /// RFC 4511 section 4.5.
    func search(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) -> Disposition {
        let log = directory.log
        let start = output.count
        do {
            let request = try SearchRequest(decoding: pdu, envelope.contents)
            if log.isEnabled { logSearch(request, session) }
            let controls = envelope.controls == nil ? SearchControls() : try SearchControls(decodeControls())
            let execution = SearchExecution(
                directory: directory, request: request, controls: controls, session: session, messageID: messageID, operation: operation)
            let limits = directory.settings.limits
            switch try execution.advance(
                worker: worker, candidates: limits.inlineCandidates, bytes: limits.inlineBytes, output: &output)
            {
            case .done: return .answered
            case .more: return .search(LongSearch(messageID: messageID, execution))
            }
        } catch {
            output.truncate(to: start)
            output.appendResult(messageID: messageID, tag: OperationTag.searchResultDone, error: error)
            if log.isEnabled {
                log.searchResult(
                    connection: session.connectionID, operation: operation, code: error.code.rawValue, entries: 0, text: error.message)
            }
            return .answered
        }
    }

    private func logSearch(_ request: SearchRequest, _ session: Session) {
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
final class SearchExecution {
    private let directory: Directory
    private let request: SearchRequest
    private let controls: SearchControls
    private let identity: Identity
    private let messageID: Int
    private let connectionID: UInt64
    private let operation: UInt64
    private let access: AccessControl
    private var search: EntrySearch?
    private var selection: EntrySelection?
    /// Entries sent by this request.
    private var count = 0
    /// Entries sent by earlier pages.
    private var sentBefore = 0
    private let sizeLimit: Int
    /// When time is over; nil: no limit.
    private let deadline: ContinuousClock.Instant?

    init(
        directory: Directory, request: SearchRequest, controls: SearchControls, session: Session, messageID: Int, operation: UInt64
    ) {
        self.directory = directory
        self.request = request
        self.controls = controls
        identity = session.identity
        connectionID = session.connectionID
        self.messageID = messageID
        self.operation = operation
        access = AccessControl(identity, directory.known)
        let limits = directory.settings.limits
        sizeLimit = Self.smaller(request.sizeLimit, limits.size)
        let seconds = Self.smaller(request.timeLimit, limits.time)
        deadline = seconds == 0 ? nil : ContinuousClock.now + .seconds(seconds)
    }

    /// The smaller of two limits of which 0 means none.
    private static func smaller(_ a: Int, _ b: Int) -> Int { a == 0 ? b : b == 0 ? a : min(a, b) }

    /// Goes on until the search is answered or a bound is reached.
    func advance(
        worker: DirectoryWorker, candidates: Int, bytes: Int, output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if search == nil, request.scope == .baseObject {
            let bytes = request.bytes
            if let pseudo = try directory.pseudo.entry(named: bytes.rawSpan.slice(request.baseObject), directory) {
                try answer(pseudo, worker, &output)
                return .done
            }
        }
        return try worker.read { snapshot, state, scratch throws(LDAPError) in
            try advance(snapshot, &state, &scratch, candidates, bytes, &output)
        }
    }

    private func advance(
        _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch, _ candidates: Int, _ bytes: Int,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        if search == nil { try begin(snapshot, &state) }
        guard let search, let selection else { return finish(.success, "", &output) }
        if let deadline, ContinuousClock.now >= deadline { return finish(.timeLimitExceeded, "", &output) }
        let pageSize = controls.paged?.size ?? 0
        let limit = output.count + bytes
        var budget = candidates
        var nextPage: EntryID?
        var isOverLimit = false
        var isFull = false
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
                try selection.append(
                    messageID: messageID, id: id, name: name.rawSpan, record: record, snapshot, &state.selection, to: &output)
                count += 1
                if output.count >= limit {
                    isFull = true
                    return false
                }
                return true
            }
        } catch { throw LDAPError(storage: error) }
        if isOverLimit { return finish(.sizeLimitExceeded, "", &output) }
        if let nextPage {
            let cookie = PagingCookie(position: nextPage, sent: sentBefore + count).encode(request, identity)
            return finish(.success, "", &output, cookie: cookie)
        }
        if outcome == .outOfBudget || isFull { return .more }
        return finish(.success, "", &output)
    }

    /// Finds the base, compiles the filter.
    private func begin(_ snapshot: borrowing Snapshot, _ state: inout WorkerState) throws(LDAPError) {
        let requestBytes = request.bytes
        let bytes = requestBytes.rawSpan
        let catalogue = snapshot.catalogue
        let isRoot = request.baseObject.isEmpty
        guard access.mayReadEntries else {
            // Nothing is told of what exists (RFC 4511 section 4.1.9 lets matchedDN be empty).
            _ = try DistinguishedName(parsing: bytes.slice(request.baseObject))
            if isRoot { return }
            throw LDAPError(.noSuchObject, "")
        }
        let base = try state.resolution.resolve(bytes.slice(request.baseObject), snapshot)
        guard base.isComplete else {
            let matched: [UInt8]
            do { matched = try snapshot.name(of: base.id) } catch { throw LDAPError(storage: error) }
            throw LDAPError(.noSuchObject, "", matchedDN: matched)
        }
        if isRoot, request.scope == .baseObject { return }
        if let assertion = controls.assertion { try check(assertion, base.id, snapshot) }
        let filter = directory.compile(request.filter, catalogue, access)
        var position = EntryID(rawValue: 1)
        if let paged = controls.paged {
            if !paged.cookie.isEmpty {
                let cookie = try PagingCookie(decoding: paged.cookie, request, identity)
                position = cookie.position
                sentBefore = cookie.sent
                // RFC 2696 section 3: size 0 with a cookie abandons the search.
                if paged.size == 0 { return }
            }
        }
        search = EntrySearch(filter: filter, base: base.id, scope: request.scope, from: position)
        selection = state.selections.selection(
            request, controls.view, isAdministrator: identity.isAdministrator, access, catalogue, directory.virtual)
    }

    /// RFC 4528: for a search, the base must match.
    private func check(_ assertion: Filter, _ base: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let filter = directory.compile(assertion, snapshot.catalogue, access)
        var scratch = FilterScratch()
        do {
            if let record = try snapshot.record(base), filter.evaluate(base, record, snapshot, scratch: &scratch) == .yes { return }
        } catch { throw LDAPError(storage: error) }
        throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
    }

    /// Answers a base search for an entry outside the store.
    private func answer(_ entry: PseudoEntry, _ worker: DirectoryWorker, _ output: inout BERBuffer) throws(LDAPError) {
        let directory = self.directory
        let bytes = request.bytes
        var answer = BERBuffer()
        try worker.read { snapshot, _, _ throws(LDAPError) in
            guard let record = EntryRecord(entry.record.rawSpan) else { throw LDAPError(.other, "\(entry.title) is damaged") }
            var scratch = FilterScratch()
            let filter = directory.compile(request.filter, snapshot.catalogue, access)
            guard filter.evaluate(.root, record, snapshot, scratch: &scratch) == .yes else { return }
            let selection = EntrySelection(
                request.attributes, in: bytes.rawSpan, typesOnly: request.typesOnly, view: .realOnly, access: access,
                snapshot.catalogue, directory.virtual)
            var space = SelectionScratch()
            do throws(EntryStoreError) {
                try selection.append(
                    messageID: messageID, id: .root, name: entry.name.rawSpan, record: record, snapshot, &space, to: &answer)
            } catch { throw LDAPError(storage: error) }
            count += 1
        }
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
    func compile(_ filter: Filter, _ catalogue: Catalogue, _ access: AccessControl) -> CompiledFilter {
        let context = VirtualContext(catalogue: catalogue, virtual: virtual)
        return CompiledFilter(
            filter, catalogue,
            isSpecial: { type in type == known.objectClass || virtual.index(of: type) != nil || !access.mayRead(type) },
            resolver: { type, item in
                if !access.mayRead(type) { return .constant(.undefined) }
                if type == known.objectClass { return classes.item(item, catalogue) }
                return virtual.provider(of: type)?.item(item, context)
            })
    }
}
