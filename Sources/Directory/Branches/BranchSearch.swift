import BER
import EntryStore
import LDAP
import Schema

/// A search in a virtual branch. Used by one thread at a time, as the search that it belongs to.
final class BranchSearch {
    /// What a step came to.
    enum Step {
        case more
        /// An entry is to be written in pieces, then there is more.
        case long(LongEntry)
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
    private var maker: any BranchEntryMaker
    /// What is to be tested on the entry of the base: whether it is sent, whether there is a search at all. Nil: it was looked at, or need
    /// not be.
    private var baseTests: (sent: Filter?, asserted: Filter?)?
    private var made: MadeEntry
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
        _ place: BranchPlace, _ filter: Filter, _ scope: SearchScope, messageID: Int, _ access: AccessControl, _ selection: EntrySelection,
        assertion: Filter?, pageSize: Int, sizeLimit: Int, sentBefore: Int, deadline: ContinuousClock.Instant?, from position: EntryID,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        var query: BranchQuery?
        if place.rdn == nil, scope != .baseObject {
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
        maker = place.branch.maker(.selected(selection), place.context)
        made = MadeEntry(selection)
        recordFilter = query?.records == nil ? nil : place.context.compileForMade(filter)
        search = nil
        if query?.records != nil {
            nextRecord = position.rawValue >= Self.recordPosition ? position.rawValue - Self.recordPosition : 1
        } else if position.rawValue >= Self.outsidePosition {
            nextOutside = Int(position.rawValue - Self.outsidePosition)
        } else if let query, let filter = query.filter {
            search = EntrySearch(filter: filter, base: query.base, scope: query.scope, from: position)
            stored = sentBefore
        }
        let isSent = (scope == .baseObject || scope == .wholeSubtree) && position == EntryID(rawValue: 1)
        // Below the branch the base may not exist.
        if isSent || assertion != nil || place.rdn != nil { baseTests = (isSent ? filter : nil, assertion) }
    }

    /// Tests the entry of the base, and sends it if it belongs to the answer.
    /// - Returns: nil if that is done.
    private func advanceBase(
        _ tests: (sent: Filter?, asserted: Filter?), _ snapshot: borrowing Snapshot, _ inline: Int?, _ computedAtOnce: Int,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> Step? {
        // Of what is tested all must be there.
        var budget = inline ?? .max
        let filters = [tests.sent, tests.asserted].compactMap { $0 }
        var tested = MadeEntry(snapshot.catalogue)
        if place.rdn == nil {
            place.branch.makeTop(place.context, into: &tested)
        } else {
            var tester = place.branch.maker(.tested(filters), place.context)
            guard try place.make(&tester, snapshot, budget: &budget, into: &tested) else { return .more }
        }
        if let asserted = tests.asserted, try !Self.matches(tested, asserted, place.context, snapshot) {
            throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
        }
        if let filter = tests.sent, try Self.matches(tested, filter, place.context, snapshot) {
            if isFull { return .done(.sizeLimitExceeded, "") }
            if inline == nil { budget = computedAtOnce }
            if try place.make(&maker, snapshot, budget: &budget, into: &made) {
                send(to: &output)
            } else {
                if inline != nil { return .more }
                baseTests = nil
                return try long(place.find(snapshot)) ?? .more
            }
        }
        baseTests = nil
        return nil
    }

    /// An entry to be written in pieces; nil if it is gone.
    private func long(_ id: EntryID) throws(LDAPError) -> Step? {
        do {
            guard
                let entry = try LongEntry(place.context.directory.store, maker, place.context, selection, messageID: messageID, id: id)
            else { return nil }
            count += 1
            return .long(entry)
        } catch { throw LDAPError(storage: error) }
    }

    private static func matches(
        _ made: borrowing MadeEntry, _ filter: Filter, _ context: BranchContext, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Bool {
        guard let record = EntryRecord(made.record) else { throw damaged }
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
    /// - Parameters:
    ///   - candidates: stored entries that may be looked at.
    ///   - isInline: whether this is an event loop: entries that take long to make are left for a call that is not.
    ///   - computedAtOnce: entries that may be looked at to make one; one that takes more is written in pieces.
    func advance(
        _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch, candidates: Int, bytes: Int, isInline: Bool, computedAtOnce: Int,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> Step {
        let limit = output.count + bytes
        let inline = isInline ? candidates : nil
        if let baseTests, let step = try advanceBase(baseTests, snapshot, inline, computedAtOnce, &output) { return step }
        if let step = try advanceRecords(snapshot, &scratch, candidates, limit, &output) { return step }
        if var search = search.take() {
            if let step = try advance(&search, snapshot, &scratch, candidates, inline, computedAtOnce, limit, &output) {
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
            send(to: &output)
            if output.count >= limit { return .more }
        }
        return .done(isOverStoredLimit || answer.isTruncated ? .sizeLimitExceeded : .success, answer.diagnostic)
    }

    /// Goes on through the records; nil after the last.
    private func advanceRecords(
        _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch, _ candidates: Int, _ limit: Int, _ output: inout BERBuffer
    ) throws(LDAPError) -> Step? {
        guard let records = query?.records, let filter = recordFilter else { return nil }
        var budget = candidates
        // Tested as a whole, then made again with what is wanted of it.
        var tested = MadeEntry(snapshot.catalogue)
        while let from = nextRecord {
            guard budget > 0 else { return .more }
            budget -= 1
            let found: (number: UInt64, isMade: Bool)?
            do { found = try records.make(from: from, snapshot, place.context, into: &tested) } catch { throw LDAPError(storage: error) }
            guard let found else {
                nextRecord = nil
                break
            }
            nextRecord = found.number + 1
            guard found.isMade, try Self.matches(tested, filter, snapshot, &scratch) else { continue }
            if isFull { return .done(.sizeLimitExceeded, "") }
            if isPageFull { return .page(EntryID(rawValue: Self.recordPosition + found.number)) }
            do { _ = try records.make(from: found.number, snapshot, place.context, into: &made) } catch { throw LDAPError(storage: error) }
            send(to: &output)
            if output.count >= limit { return .more }
        }
        return nil
    }

    private static func matches(
        _ made: borrowing MadeEntry, _ filter: CompiledFilter, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch
    ) throws(LDAPError) -> Bool {
        guard let record = EntryRecord(made.record) else { throw damaged }
        return filter.evaluate(.root, record, snapshot, scratch: &scratch) == .yes
    }

    /// Whether all entries that may be sent are.
    private var isFull: Bool { sizeLimit != 0 && sentBefore + count >= sizeLimit }
    private var isPageFull: Bool { pageSize != 0 && count >= pageSize }

    /// Goes on through the stored entries; nil after the last.
    /// - Parameter inline: entries that may be looked at to make others, if this is an event loop.
    private func advance(
        _ search: inout EntrySearch, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch, _ candidates: Int, _ inline: Int?,
        _ computedAtOnce: Int, _ limit: Int, _ output: inout BERBuffer
    ) throws(LDAPError) -> Step? {
        let storedLimit = query?.storedLimit ?? 0
        if inline != nil, !search.prepare(snapshot, budget: candidates) { return .more }
        var budget = candidates
        var computing = inline ?? 0
        var step: Step?
        var longID: EntryID?
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
                if inline == nil { computing = computedAtOnce }
                switch try maker.make(id, record, snapshot, place.context, budget: &computing, into: &made) {
                case .absent: return true
                case .tooLong:
                    longID = id
                    return false
                case .made: break
                }
                send(to: &output)
                stored += 1
                if output.count >= limit {
                    step = .more
                    return false
                }
                return true
            }
        } catch { throw LDAPError(storage: error) }
        if let longID {
            if inline != nil {
                search.stepBack()
                return .more
            }
            stored += 1
            return try long(longID) ?? .more
        }
        return outcome == .outOfBudget ? .more : step
    }

    /// Sends the entry that was made.
    private func send(to output: inout BERBuffer) {
        made.send(messageID: messageID, to: &output)
        count += 1
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
