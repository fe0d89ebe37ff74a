public import EntryStore
import LDAP
public import Schema
import Synchronization

/// Values that change with binds (2.15): times of failures, last logons, passwords hashed anew. They count at once, and reach the entries
/// together a second later, so that a flood of binds makes no flood of writes. `modifyTimestamp` and `entryCSN` do not change with them.
public final class EphemeralValues: Sendable {
    /// What is to become of an entry.
    struct Change: Sendable {
        /// The values of attributes as they will be.
        var values: [AttributeTypeID: [[UInt8]]] = [:]
        /// A stored password, and what it becomes if it is still there.
        var rehash: (old: [UInt8], new: [UInt8])?
        /// Whether this is a change that others are to hear of: with `modifyTimestamp`.
        var isNoted = false

        var isEmpty: Bool { values.isEmpty && rehash == nil }

        /// Puts later values over these.
        mutating func merge(_ later: Change) {
            values.merge(later.values) { $1 }
            rehash = later.rehash ?? rehash
            isNoted = isNoted || later.isNoted
        }
    }

    private struct State {
        var waiting: [EntryID: Change] = [:]
        /// Handed to the writer, not yet committed.
        var flushing: [EntryID: Change] = [:]
        /// Committed a moment ago, and by which flush: who reads an entry as it was before that asks for its values here after it.
        var settled: [EntryID: (change: Change, flush: Int)] = [:]
        var flushes = 0
        var isScheduled = false
        var isClosed = false
    }

    private let store: EntryStore
    private let writer: Writer
    private let known: KnownTypes
    private let state = Mutex(State())
    /// Entries with changes: nothing is locked while there are none.
    private let count = Atomic<Int>(0)
    /// More entries with changes are not kept waiting.
    private static let limit = 10_000

    init(_ store: EntryStore, _ writer: Writer, _ known: KnownTypes) {
        self.store = store
        self.writer = writer
        self.known = known
    }

    /// Whether nothing is on its way into any entry.
    public var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }

    /// Whether something is on its way into an entry.
    func concern(_ id: EntryID) -> Bool {
        if isEmpty { return false }
        return state.withLock { $0.waiting[id] != nil || $0.flushing[id] != nil || $0.settled[id] != nil }
    }

    /// The values of an attribute that are on their way into an entry; nil if none are: those that are stored count.
    public func values(of type: AttributeTypeID, _ id: EntryID) -> [[UInt8]]? {
        if isEmpty { return nil }
        return state.withLock { $0.waiting[id]?.values[type] ?? $0.flushing[id]?.values[type] ?? $0.settled[id]?.change.values[type] }
    }

    /// What an update sees and sets.
    public struct Draft {
        private let stored: Entry
        private let table: AttributeTable
        private let before: Change
        fileprivate var change = Change()

        fileprivate init(stored: Entry, table: AttributeTable, before: Change) {
            self.stored = stored
            self.table = table
            self.before = before
        }

        /// The values of an attribute as they are now.
        public subscript(_ type: AttributeTypeID) -> [[UInt8]] {
            get { change.values[type] ?? before.values[type] ?? table.id(of: type).map { stored[$0] } ?? [] }
            set { change.values[type] = newValue }
        }

        /// Has the change noted as one of the entry (`modifyTimestamp`, `entryCSN`), and written without delay.
        public mutating func note() { change.isNoted = true }
    }

    /// Changes an entry's values; no other update of any entry happens meanwhile. An entry that has gone is left alone.
    /// - Parameter body: gets the draft, the entry as stored and the snapshot it is from; nothing changes if it throws.
    public func update(
        _ id: EntryID, _ body: (inout Draft, borrowing EntryRecord, borrowing Snapshot) throws(EntryStoreError) -> Void
    ) {
        let isUrgent: Bool? = state.withLock { state in
            // Taken with the lock held: what was flushed before is in it, what was not is in the state.
            guard !state.isClosed, let snapshot = try? store.snapshot(), let record = try? snapshot.record(id) else { return nil }
            var before = state.flushing[id] ?? Change()
            if let waiting = state.waiting[id] { before.merge(waiting) }
            var draft = Draft(stored: Entry(record), table: snapshot.catalogue.table, before: before)
            guard (try? body(&draft, record, snapshot)) != nil, !draft.change.isEmpty else { return nil }
            return add(draft.change, to: id, &state)
        }
        if let isUrgent { schedule(urgently: isUrgent) }
    }

    /// Sets a value that does not depend on what there is: without a look at the entry.
    public func set(_ type: AttributeTypeID, to value: [UInt8], of id: EntryID) {
        var change = Change()
        change.values[type] = [value]
        let isUrgent = state.withLock { state in state.isClosed ? nil : add(change, to: id, &state) }
        if let isUrgent { schedule(urgently: isUrgent) }
    }

    /// Has a stored password replaced by another hash of it.
    func rehash(_ id: EntryID, _ old: [UInt8], _ new: [UInt8]) {
        var change = Change()
        change.rehash = (old, new)
        let isUrgent = state.withLock { state in state.isClosed ? nil : add(change, to: id, &state) }
        if let isUrgent { schedule(urgently: isUrgent) }
    }

    private func add(_ change: Change, to id: EntryID, _ state: inout State) -> Bool {
        state.waiting[id, default: Change()].merge(change)
        recount(state)
        return change.isNoted || state.waiting.count > Self.limit
    }

    private func recount(_ state: borrowing State) {
        count.store(state.waiting.count + state.flushing.count + state.settled.count, ordering: .releasing)
    }

    /// Forgets values on their way: a client has changed the attributes meanwhile. Called by the writer, in the transaction.
    func supersede(_ id: EntryID, _ types: [AttributeTypeID]) {
        if isEmpty { return }
        state.withLock { state in
            for type in types {
                state.waiting[id]?.values[type] = nil
                state.flushing[id]?.values[type] = nil
                state.settled[id]?.change.values[type] = nil
            }
        }
    }

    // MARK: Writing

    private func schedule(urgently: Bool) {
        if urgently { return flush() }
        let isFirst = state.withLock { state in
            if state.isScheduled || state.isClosed { return false }
            state.isScheduled = true
            return true
        }
        guard isFirst else { return }
        Task.detached { [self] in
            try? await Task.sleep(for: .seconds(1))
            flush()
        }
    }

    /// Hands what waits to the writer.
    func flush() {
        let hasWork = state.withLock { state in
            state.isScheduled = false
            return !state.waiting.isEmpty
        }
        guard hasWork else { return }
        writer.submit(
            Writer.Job(
                body: { transaction in
                    let changes = self.state.withLock { state in
                        state.flushing.merge(state.waiting) { earlier, later in
                            var change = earlier
                            change.merge(later)
                            return change
                        }
                        state.waiting = [:]
                        return state.flushing
                    }
                    transaction.beginOperation(by: [])
                    for (id, change) in changes { try? self.apply(change, to: id, &transaction) }
                    return Writer.Answer([])
                },
                // What cannot be written is lost: it is worth less than memory that fills up.
                failed: { _ in Writer.Answer([]) },
                completion: { _ in self.settle() }))
    }

    /// What was flushed is in the entries.
    private func settle() {
        let flush = state.withLock { state in
            state.flushes += 1
            for (id, change) in state.flushing {
                var settled = state.settled[id]?.change ?? Change()
                settled.merge(change)
                state.settled[id] = (settled, state.flushes)
            }
            state.flushing = [:]
            recount(state)
            return state.flushes
        }
        // Nobody takes that long from an entry to its values.
        Task.detached { [weak self] in
            try? await Task.sleep(for: .seconds(1))
            guard let self else { return }
            state.withLock { state in
                state.settled = state.settled.filter { $0.value.flush > flush }
                self.recount(state)
            }
        }
    }

    private func apply(_ change: Change, to id: EntryID, _ transaction: inout StoreTransaction) throws {
        guard let (before, flags) = try Self.entry(id, transaction.snapshot) else { return }
        let table = transaction.catalogue.table
        var after = before
        for (type, values) in change.values {
            if let attribute = table.id(of: type) { after[attribute] = values }
        }
        if let (old, new) = change.rehash, let attribute = table.id(of: known.userPassword) {
            after[attribute] = after[attribute].map { $0 == old ? new : $0 }
        }
        guard after != before else { return }
        if change.isNoted {
            // Nobody's change: the modifier stays who it was.
            let moment = ChangeClock.shared.next()
            after[try EntryChecker.id(of: known.entryCSN, table)] = [moment.changeSequenceNumber]
            after[try EntryChecker.id(of: known.modifyTimestamp, table)] = [moment.timestamp]
        }
        try transaction.replace(id, before, with: after, flags: flags, isLogged: change.isNoted)
    }

    private static func entry(_ id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> (Entry, EntryRecord.Flags)? {
        guard let record = try snapshot.record(id) else { return nil }
        return (Entry(record), record.flags)
    }

    /// Writes all that waits; nothing is taken any more. To be called before the writer stops.
    func close() {
        flush()
        state.withLock { $0.isClosed = true }
    }
}
