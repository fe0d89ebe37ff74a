import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// How a search that waits for changes is gone on with: whoever owns it says what is to be done then.
public final class Waker: Sendable {
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    init() {}

    /// What is done; replaces what was said before.
    public func set(_ action: @escaping @Sendable () -> Void) { self.action.withLock { $0 = action } }

    func wake() { action.withLock { $0 }?() }
}

/// A persistent search after its first result (draft-ietf-ldapext-psearch-03): what has changed since, and the part of it that is being
/// sent. Used by one thread at a time, as the search that it belongs to.
final class Listening {
    let asked: PersistentSearch
    private let follower: ChangeFollower
    /// Taken, not sent.
    private var changes: ArraySlice<EntryChange> = []
    /// Whether the first result was sent.
    var isListening = false

    /// Changes and octets that may wait for a client that does not take them.
    private static let countLimit = 4096
    private static let sizeLimit = 16 << 20

    /// Waits for a change under way to end.
    /// - Throws: `busy` when there are too many persistent searches.
    init(_ asked: PersistentSearch, _ directory: Directory, _ waker: Waker) throws(LDAPError) {
        let made: ChangeFollower?
        do {
            made = try directory.store.follow(countLimit: Self.countLimit, sizeLimit: Self.sizeLimit) { waker.wake() }
        } catch { throw LDAPError(storage: error) }
        guard let made else { throw LDAPError(.busy, "more than \(ChangeFeed.limit) persistent searches") }
        follower = made
        self.asked = asked
    }

    deinit { follower.end() }

    /// Whether something has happened that was not sent.
    var hasNews: Bool { !changes.isEmpty || follower.hasNews }

    /// The next change that a snapshot of the commit shows; nil: there is none. What came later waits for a later snapshot: from this one
    /// the entry would be told of as it was before.
    /// - Throws: `adminLimitExceeded` if some were lost because the client took them too slowly.
    func next(until commit: Int) throws(LDAPError) -> EntryChange? {
        if changes.isEmpty {
            guard let more = follower.takeAll() else {
                throw LDAPError(.adminLimitExceeded, "the client does not take changes as fast as they happen: some are lost")
            }
            changes = more[...]
        }
        guard let first = changes.first, first.commit <= commit else { return nil }
        return changes.popFirst()
    }
}

extension SearchExecution {
    /// Sends what has changed.
    mutating func listen(
        _ listening: Listening, _ snapshot: borrowing Snapshot, _ state: inout WorkerState, _ scratch: inout FilterScratch, _ bytes: Int,
        _ output: inout BERBuffer
    ) throws(LDAPError) -> LongSearch.Progress {
        let limit = output.count + bytes
        var judge = EntryJudge(self)
        while let change = try listening.next(until: snapshot.commit) {
            do { try send(change, listening, &judge, snapshot, &state, &scratch, &output) } catch { throw LDAPError(storage: error) }
            if sizeLimit != 0, count >= sizeLimit { return finish(.sizeLimitExceeded, "", &output) }
            if output.count >= limit { return .more }
        }
        return .waiting
    }

    private mutating func send(
        _ change: EntryChange, _ listening: Listening, _ judge: inout EntryJudge, _ snapshot: borrowing Snapshot, _ state: inout WorkerState,
        _ scratch: inout FilterScratch, _ output: inout BERBuffer
    ) throws(EntryStoreError) {
        let kind: PersistentSearch.Changes
        var previous: [UInt8]?
        switch change.kind {
        case .add: kind = .add
        case .modify: kind = .modify
        case .rename(let name):
            kind = .modifyDN
            previous = name
        case .delete(let deleted):
            guard listening.asked.changes.contains(.delete), let record = EntryRecord(deleted.record.rawSpan) else { return }
            let isInScope: Bool =
                switch request.scope {
                case .baseObject: change.id == search.base
                case .singleLevel: deleted.superiors.first == search.base
                case .wholeSubtree: change.id == search.base || deleted.superiors.contains(search.base)
                case .subordinateSubtree: deleted.superiors.contains(search.base)
                }
            guard isInScope else { return }
            return try send(
                change, .delete, nil, deleted.name, record, listening, &judge, snapshot, &state, &scratch, &output)
        }
        guard listening.asked.changes.contains(kind), let record = try snapshot.record(change.id) else { return }
        let isInScope: Bool
        switch request.scope {
        case .baseObject: isInScope = change.id == search.base
        case .singleLevel: isInScope = record.parent == search.base
        case .wholeSubtree: isInScope = try snapshot.isInSubtree(change.id, of: search.base)
        case .subordinateSubtree: isInScope = change.id == search.base ? false : try snapshot.isInSubtree(change.id, of: search.base)
        }
        guard isInScope else { return }
        let name = try snapshot.name(of: change.id)
        try send(change, kind, previous, name, record, listening, &judge, snapshot, &state, &scratch, &output)
    }

    private mutating func send(
        _ change: EntryChange, _ kind: PersistentSearch.Changes, _ previous: [UInt8]?, _ name: [UInt8], _ record: borrowing EntryRecord,
        _ listening: Listening, _ judge: inout EntryJudge, _ snapshot: borrowing Snapshot, _ state: inout WorkerState,
        _ scratch: inout FilterScratch, _ output: inout BERBuffer
    ) throws(EntryStoreError) {
        guard search.filter.evaluate(change.id, record, snapshot, scratch: &scratch) == .yes,
            judge.verdict(change.id, record, snapshot, &state) == .send, let selection = judge.selection
        else { return }
        var controls: [Control] = []
        if listening.asked.returnsNotifications {
            controls.append(EntryChangeNotification(kind, previousDN: previous, changeNumber: change.commit).control())
        }
        if let refinement, kind != .delete {
            controls += try refinement.follow(record, state.access.profile, &state.access, directory, snapshot)
        }
        var budget = Int.max
        _ = try selection.appendRefined(
            messageID: messageID, id: change.id, name: name.rawSpan, record: record, snapshot, viewer: access, budget: &budget,
            &state.selection, refinement, controls: controls, to: &output)
        count += 1
    }
}
