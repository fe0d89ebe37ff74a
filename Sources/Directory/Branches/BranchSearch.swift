import BER
import EntryStore
import LDAP
import Schema

/// A search in a virtual branch. Used by one thread at a time, as the search that it belongs to.
final class BranchSearch {
    /// What a step came to.
    enum Step {
        case more
        /// The page is full; the next one begins there.
        case page(EntryID)
        case done(ResultCode, String)
    }

    private let place: BranchPlace
    private let access: AccessControl
    private let messageID: Int
    private let selection: EntrySelection
    private let pageSize: Int
    private let sizeLimit: Int
    private let sentBefore: Int
    private let deadline: ContinuousClock.Instant?
    private let query: BranchQuery?
    private let maker: any BranchEntryMaker
    /// The entry of the base, if the scope has it and it matches; sent first.
    private var base: MadeEntry?
    private var made = MadeEntry()
    /// Through the stored entries; nil: they are all sent, and it is another server's turn.
    private var search: EntrySearch?
    /// The number of the next record to look at; nil: they are all sent, or there are none.
    private var nextRecord: UInt64?
    /// The client's filter, for entries made of records.
    private let recordFilter: CompiledFilter?
    /// Entries made from stored ones.
    private var stored = 0
    /// Whether more stored entries than may be sent were found.
    private var isOverStoredLimit = false
    private var answer: OutsideAnswer?
    /// The next entry of the answer.
    private var nextOutside = 0
    /// Entries sent.
    private(set) var count = 0

    /// Positions of cookies from here on are places in another server's answer.
    private static let outsidePosition: UInt64 = 1 << 43
    /// Positions from here on are numbers of records.
    private static let recordPosition: UInt64 = 1 << 42

    /// Finds the base and what is to be searched.
    /// - Parameters:
    ///   - sizeLimit: entries to be sent at most, with those of earlier pages; 0: no limit.
    ///   - position: where a paged search goes on.
    init(
        _ place: BranchPlace, _ request: borrowing SearchRequest, messageID: Int, _ access: AccessControl, _ selection: EntrySelection,
        assertion: Filter?, pageSize: Int, sizeLimit: Int, sentBefore: Int, deadline: ContinuousClock.Instant?, from position: EntryID,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        let filter = request.filter
        try place.branch.admit(access.identity, filter, snapshot, place.context)
        var query: BranchQuery?
        if place.rdn == nil, request.scope != .baseObject {
            query = try place.branch.query(filter, sizeLimit: sizeLimit, snapshot, place.context)
        }
        self.place = place
        self.access = access
        self.messageID = messageID
        self.selection = selection
        self.pageSize = pageSize
        self.sizeLimit = query?.sizeLimit ?? sizeLimit
        self.sentBefore = sentBefore
        self.deadline = deadline
        self.query = query
        maker = place.branch.maker(selection, [], place.context)
        base = nil
        search = nil
        recordFilter = query?.records == nil ? nil : place.context.compileForMade(filter)
        if query?.records != nil {
            nextRecord = position.rawValue >= Self.recordPosition ? position.rawValue - Self.recordPosition : 1
        } else if position.rawValue >= Self.outsidePosition {
            nextOutside = Int(position.rawValue - Self.outsidePosition)
        } else if let query, let filter = query.filter {
            search = EntrySearch(filter: place.context.compile(filter), base: query.base, scope: query.scope, from: position)
            stored = sentBefore
        }
        let isSent = (request.scope == .baseObject || request.scope == .wholeSubtree) && position == EntryID(rawValue: 1)
        // Below the branch the base may not exist.
        guard isSent || assertion != nil || place.rdn != nil else { return }
        let entry = try place.entry(selection, [filter] + (assertion.map { [$0] } ?? []), snapshot)
        if let assertion, try !Self.matches(entry, assertion, place.context, snapshot) {
            throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
        }
        if isSent, try Self.matches(entry, filter, place.context, snapshot) { base = consume entry }
    }

    private static func matches(
        _ made: borrowing MadeEntry, _ filter: Filter, _ context: BranchContext, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Bool {
        guard let record = EntryRecord(made.record.bytes) else { throw damaged }
        var scratch = FilterScratch()
        return context.directory.compileForMade(filter, snapshot.catalogue).evaluate(.root, record, snapshot, scratch: &scratch) == .yes
    }

    private static var damaged: LDAPError { LDAPError(.other, "an entry that was made is damaged") }

    /// Whether the next step waits for another server.
    var waitsForOthers: Bool { search == nil && answer == nil && query?.outside != nil }

    /// Asks the other server: on a thread that may wait, without a snapshot.
    func ask() {
        guard let outside = query?.outside, answer == nil else { return }
        answer = outside.run(deadline: deadline)
    }

    /// Goes on until the search ends or a bound is reached.
    func advance(
        _ snapshot: borrowing Snapshot, _ selected: inout SelectionScratch, _ scratch: inout FilterScratch, _ candidates: Int, _ bytes: Int,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> Step {
        let limit = output.count + bytes
        if let base = base.take() {
            made = base
            if isFull { return .done(.sizeLimitExceeded, "") }
            try send(snapshot, &selected, &output)
        }
        if let step = try advanceRecords(snapshot, &selected, &scratch, candidates, limit, &output) { return step }
        if var search = search.take() {
            if let step = try advance(&search, snapshot, &selected, &scratch, candidates, limit, &output) {
                self.search = consume search
                return step
            }
        }
        guard let outside = query?.outside else { return .done(isOverStoredLimit ? .sizeLimitExceeded : .success, "") }
        guard let answer else { return .more }
        while nextOutside < answer.entries.count {
            if isFull { return .done(.sizeLimitExceeded, answer.diagnostic) }
            if isPageFull { return .page(EntryID(rawValue: Self.outsidePosition + UInt64(nextOutside))) }
            let index = nextOutside
            nextOutside += 1
            do throws(EntryStoreError) {
                guard try outside.make(index, of: answer, snapshot, place.context, into: &made) else { continue }
            } catch { throw LDAPError(storage: error) }
            try send(snapshot, &selected, &output)
            if output.count >= limit { return .more }
        }
        return .done(isOverStoredLimit || answer.isTruncated ? .sizeLimitExceeded : .success, answer.diagnostic)
    }

    /// Goes on through the records; nil after the last.
    private func advanceRecords(
        _ snapshot: borrowing Snapshot, _ selected: inout SelectionScratch, _ scratch: inout FilterScratch, _ candidates: Int, _ limit: Int,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> Step? {
        guard let records = query?.records, let filter = recordFilter else { return nil }
        var budget = candidates
        while let from = nextRecord {
            guard budget > 0 else { return .more }
            budget -= 1
            let found: (number: UInt64, isMade: Bool)?
            do { found = try records.make(from: from, snapshot, place.context, into: &made) } catch { throw LDAPError(storage: error) }
            guard let found else {
                nextRecord = nil
                break
            }
            nextRecord = found.number + 1
            guard found.isMade, try Self.matches(made, filter, snapshot, &scratch) else { continue }
            if isFull { return .done(.sizeLimitExceeded, "") }
            if isPageFull { return .page(EntryID(rawValue: Self.recordPosition + found.number)) }
            try send(snapshot, &selected, &output)
            if output.count >= limit { return .more }
        }
        return nil
    }

    private static func matches(
        _ made: borrowing MadeEntry, _ filter: CompiledFilter, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch
    ) throws(LDAPError) -> Bool {
        guard let record = EntryRecord(made.record.bytes) else { throw damaged }
        return filter.evaluate(.root, record, snapshot, scratch: &scratch) == .yes
    }

    /// Whether all entries that may be sent are.
    private var isFull: Bool { sizeLimit != 0 && sentBefore + count >= sizeLimit }
    private var isPageFull: Bool { pageSize != 0 && count >= pageSize }

    /// Goes on through the stored entries; nil after the last.
    private func advance(
        _ search: inout EntrySearch, _ snapshot: borrowing Snapshot, _ selected: inout SelectionScratch, _ scratch: inout FilterScratch,
        _ candidates: Int, _ limit: Int, _ output: inout BERBuffer
    ) throws(LDAPError) -> Step? {
        let storedLimit = query?.storedLimit ?? 0
        var budget = candidates
        var step: Step?
        var failure: LDAPError?
        // Nobody learns here of an entry that it may not see.
        var visibility = EntryVisibility(access, snapshot)
        let outcome: EntrySearch.Outcome
        do {
            outcome = try search.run(snapshot, budget: &budget, scratch: &scratch) { id, record throws(EntryStoreError) in
                guard visibility.contains(id, record, snapshot) else { return true }
                if isFull || storedLimit != 0 && stored >= storedLimit {
                    isOverStoredLimit = true
                    return false
                }
                if isPageFull {
                    step = .page(id)
                    return false
                }
                guard try maker.make(id, record, snapshot, place.context, into: &made) else { return true }
                do throws(LDAPError) { try send(snapshot, &selected, &output) } catch {
                    failure = error
                    return false
                }
                stored += 1
                if output.count >= limit {
                    step = .more
                    return false
                }
                return true
            }
        } catch { throw LDAPError(storage: error) }
        if let failure { throw failure }
        return outcome == .outOfBudget ? .more : step
    }

    /// Sends the entry that was made.
    private func send(
        _ snapshot: borrowing Snapshot, _ selected: inout SelectionScratch, _ output: inout BERBuffer
    ) throws(LDAPError) {
        try Self.append(made, messageID, selection, snapshot, &selected, to: &output)
        count += 1
    }

    private static func append(
        _ made: borrowing MadeEntry, _ messageID: Int, _ selection: EntrySelection, _ snapshot: borrowing Snapshot,
        _ selected: inout SelectionScratch, to output: inout BERBuffer
    ) throws(LDAPError) {
        guard let record = EntryRecord(made.record.bytes) else { throw damaged }
        let name = made.name
        // What was made has no values to be computed: no budget is used.
        var budget = Int.max
        do {
            _ = try selection.append(
                messageID: messageID, id: .root, name: name.rawSpan, record: record, snapshot, viewer: nil, budget: &budget, &selected,
                to: &output)
        } catch { throw LDAPError(storage: error) }
    }
}

extension Directory {
    /// Makes a filter ready for entries that were made: they have what they have, nothing is computed.
    func compileForMade(_ filter: Filter, _ catalogue: Catalogue) -> CompiledFilter {
        CompiledFilter(
            filter, catalogue, isSpecial: { $0 == known.objectClass },
            resolver: { _, item in virtual.classes.item(item, catalogue) })
    }
}
