import BER
import EntryStore
import LDAP
import Schema

// Searches for what is not stored: the monitor, virtual branches, entries that the server makes up.
extension SearchExecution {
    /// Goes on in the monitor.
    mutating func advance(
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
    mutating func prepareMonitor(
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
    mutating func advance(
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
    enum BranchOutcome { case absent, tooLong, prepared }

    /// Begins a search in a virtual branch, if the base is there.
    mutating func prepare(
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

    /// Answers a base search for an entry outside the store.
    mutating func answer(_ entry: PseudoEntry, _ worker: DirectoryWorker, _ output: inout BERBuffer) throws(LDAPError) {
        var answer = BERBuffer()
        let isMatch = try worker.read { snapshot, _, _ throws(LDAPError) in
            guard let record = EntryRecord(entry.record.rawSpan) else { throw entry.damage }
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
}
