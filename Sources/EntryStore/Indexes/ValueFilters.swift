#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import BER
import LMDB
import Schema
import Synchronization

/// Says of most values that no entry has them, without a look at the index: a Bloom filter for each attribute whose equality index was asked
/// in vain often. A mail server's maps ask for an address as that of an account, as an alias, as an old address and as a catch-all, and most of
/// these questions have no answer.
///
/// A filter holds all keys of its index that were there when it was made or came later. Those that have gone stay: it is made anew when it
/// has twice the keys that it was made for. Only for stores that are changed by nobody but the process itself.
final class ValueFilters: Sendable {
    private final class Filter: Sendable {
        let attribute: UInt16
        let bits: BloomFilter
        let capacity: Int
        /// Keys added.
        let count = Atomic<Int>(0)
        /// The commit from which on it is right; until all keys are in it, none.
        let start = Atomic<Int>(.max)

        /// Nil if there is no memory for it.
        init?(_ attribute: UInt16, capacity: Int) {
            guard let bits = BloomFilter(capacity: capacity) else { return nil }
            self.attribute = attribute
            self.capacity = capacity
            self.bits = bits
        }

        var isCrowded: Bool { count.load(ordering: .relaxed) > capacity * 2 }

        func insert(_ key: RawSpan) {
            bits.insert(OctetHash.hash(key))
            count.add(1, ordering: .relaxed)
        }
    }

    /// The filters at a time.
    private final class Table: Sendable {
        let filters: [Filter]
        init(_ filters: [Filter]) { self.filters = filters }
    }

    private struct State {
        /// The last one; ``current`` is its address.
        var table: Table?
        /// Questions in vain, by attribute.
        var vain: [UInt16: Int] = [:]
        var maker: BackgroundThread?
        var isClosed = false
    }

    private let environment: Environment
    private let indexes: Database
    private let threshold: Int
    private let state = Mutex(State())
    /// The table that questions go to, as an address; 0: there are no filters. Who asks takes no lock and retains nothing: a table that has been
    /// replaced is kept until nobody asks it any more (``questions``).
    private let current = Atomic<UInt>(0)
    private let questions = Questions()
    private let isStopped = Atomic<Bool>(false)

    /// More filters than this are not made, nor larger ones (64 MiB).
    private static let limit = 32
    private static let keyLimit = 32 << 20
    /// Keys read with one read transaction.
    private static let atOnce = 20_000

    /// - Parameter threshold: so many questions in vain let a filter be made.
    init(_ environment: Environment, _ indexes: Database, threshold: Int) {
        self.environment = environment
        self.indexes = indexes
        self.threshold = threshold
    }

    /// The attribute of the key of a value.
    private static func attribute(_ key: RawSpan) -> UInt16? {
        guard IndexKey.isOfValue(key) else { return nil }
        return UInt16(key[at: 0]) << 8 | UInt16(key[at: 1])
    }

    private func withFilter<T>(of key: RawSpan, _ body: (Filter) -> T) -> T? {
        guard current.load(ordering: .relaxed) != 0, let attribute = Self.attribute(key) else { return nil }
        let lane = questions.begin()
        defer { questions.end(lane) }
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: current.load(ordering: .sequentiallyConsistent)) else { return nil }
        // Sound: the address is that of a table, which is held while it is the current one, and then until this question has ended.
        return unsafe Unmanaged<Table>.fromOpaque(pointer)._withUnsafeGuaranteedRef { table in
            for filter in table.filters where filter.attribute == attribute { return body(filter) }
            return nil
        }
    }

    /// Counts those who ask just now, in lanes by thread so that they do not disturb each other.
    @safe private final class Questions: @unchecked Sendable {
        // Sound: the counts are atomic; the pointer is set in init, and what it points to is freed in deinit.
        private let counts: UnsafeMutablePointer<Atomic<Int>>
        private static let lanes = 16
        /// A line of the processor's cache for each.
        private static let stride = 8

        init() {
            unsafe counts = .allocate(capacity: Self.lanes * Self.stride)
            for index in 0..<(Self.lanes * Self.stride) { unsafe (counts + index).initialize(to: Atomic(0)) }
        }

        deinit {
            unsafe counts.deinitialize(count: Self.lanes * Self.stride)
            unsafe counts.deallocate()
        }

        func begin() -> Int {
            // The low bits of what a thread is known by are the same for all.
            let lane = (Int(bitPattern: pthread_self()) >> 12 & (Self.lanes - 1)) * Self.stride
            unsafe (counts + lane).pointee.add(1, ordering: .sequentiallyConsistent)
            return lane
        }

        func end(_ lane: Int) { unsafe (counts + lane).pointee.subtract(1, ordering: .releasing) }

        /// Waits until all who asked when this began have ended: for each lane there was a moment when nobody asked, and who begins after it
        /// sees what is current now.
        func drain() {
            for lane in 0..<Self.lanes {
                while unsafe (counts + lane * Self.stride).pointee.load(ordering: .sequentiallyConsistent) != 0 { sched_yield() }
            }
        }
    }

    // MARK: Readers

    /// Whether a snapshot certainly has no entry in the set of a value.
    /// - Parameters:
    ///   - key: the whole key, without the block.
    ///   - hash: of it; see `OctetHash`.
    ///   - commit: the snapshot's.
    func excludes(_ key: RawSpan, _ hash: UInt64, at commit: Int) -> Bool {
        withFilter(of: key) { filter in
            guard filter.start.load(ordering: .acquiring) <= commit else { return false }
            return !filter.bits.mayContain(hash)
        } ?? false
    }

    /// Notes that an index was asked for a value that no entry has.
    func noteVain(_ key: RawSpan) {
        guard let attribute = Self.attribute(key), threshold > 0 else { return }
        // One that is being made, or is wrong seldom enough.
        if withFilter(of: key, { !$0.isCrowded }) == true { return }
        state.withLock { state in
            let count = state.vain[attribute, default: 0] + 1
            state.vain[attribute] = count
            guard count >= threshold, !state.isClosed, state.maker?.hasEnded ?? true else { return }
            state.vain[attribute] = 0
            state.maker = try? BackgroundThread { [self] in make(attribute) }
        }
    }

    // MARK: The writer

    /// Notes a key that comes into the index, before it is committed.
    func note(_ key: RawSpan) {
        _ = withFilter(of: key) { $0.insert(key) }
    }

    /// Forgets all: keys come that will not be noted. In the write transaction that brings them.
    func removeAll() {
        if current.load(ordering: .relaxed) == 0 { return }
        let old = state.withLock { publish(nil, &$0) }
        withExtendedLifetime(old) { questions.drain() }
    }

    /// Lets questions go to another table.
    /// - Returns: the one before: to be held until questions have been drained.
    private func publish(_ table: Table?, _ state: inout State) -> Table? {
        let old = state.table
        state.table = table
        current.store(table.map { UInt(bitPattern: unsafe Unmanaged.passUnretained($0).toOpaque()) } ?? 0, ordering: .sequentiallyConsistent)
        return old
    }

    /// Makes no filter any more, and waits for the one being made. Before the database is closed.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        let maker = state.withLock { state in
            state.isClosed = true
            return state.maker.take()
        }
        maker?.join()
    }

    // MARK: Making one

    private func make(_ attribute: UInt16) {
        do throws(LMDBError) {
            var count = 0
            guard try forEachKey(of: attribute, { _ in count += 1 }) != nil else { return }
            guard let filter = Filter(attribute, capacity: max(1024, count)) else { return }
            let (isKnown, old): (Bool, Table?) = state.withLock { state in
                let others = (state.table?.filters ?? []).filter { $0.attribute != attribute }
                guard !state.isClosed, others.count < Self.limit, count <= Self.keyLimit else {
                    // Not again and again.
                    state.vain[attribute] = .min / 2
                    return (false, nil)
                }
                return (true, publish(Table(others + [filter]), &state))
            }
            guard isKnown else { return }
            withExtendedLifetime(old) { questions.drain() }
            // A transaction that began before may have added keys that were not noted; it has ended when another can begin.
            StoreTransaction.pass(try environment.beginWrite())
            if let commit = try forEachKey(of: attribute, { filter.insert($0) }) { filter.start.store(commit, ordering: .releasing) }
        } catch {
            // Without a filter the index is asked: nothing is lost but time.
        }
    }

    /// Calls `body` with each key of an attribute's values, without the blocks. What is read is not all of one state: a key that stays meanwhile is
    /// among them.
    /// - Returns: the commit that was seen last; nil if it was stopped.
    private func forEachKey(of attribute: UInt16, _ body: (RawSpan) -> Void) throws(LMDBError) -> Int? {
        var from: [UInt8] = []
        IndexKey.begin(AttributeID(rawValue: attribute), .value, &from)
        let prefix = from
        var last: [UInt8] = []
        while !isStopped.load(ordering: .relaxed) {
            let transaction = try environment.beginRead()
            var pair = try transaction.seek(from.rawSpan, in: indexes)
            var count = 0
            while count < Self.atOnce, let found = pair, found.key.starts(with: prefix.rawSpan) {
                let key = found.key.extracting(0..<max(prefix.count, found.key.byteCount - 4))
                if !key.elementsEqual(last.rawSpan) {
                    body(key)
                    last = key.array
                }
                count += 1
                pair = try transaction.next(in: indexes)
            }
            guard let found = pair, found.key.starts(with: prefix.rawSpan) else { return transaction.id }
            from = found.key.array
        }
        return nil
    }
}
