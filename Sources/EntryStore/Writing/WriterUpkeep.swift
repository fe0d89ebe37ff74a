import LMDB
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the writer sees to besides changes: checkpoints when they are due, and readers that died.
struct WriterUpkeep {
    /// Nanoseconds between a commit and the next checkpoint; nil if the durability needs none.
    private let interval: Int?
    /// When the next checkpoint is due, on the monotonic clock; nil if everything is on disk.
    private(set) var checkpointDue: Int?
    /// Why the last checkpoint was not made: no further change is confirmed until there is one.
    private var failure: EntryStoreError?
    private var readersChecked = MonotonicClock.nanoseconds()
    private static let readersInterval = 1_000_000_000

    init(_ durability: EntryStore.Durability) {
        if case .groupInterval(let milliseconds) = durability { interval = max(1, milliseconds) * 1_000_000 } else { interval = nil }
    }

    mutating func noteCommit() {
        if let interval, checkpointDue == nil { checkpointDue = MonotonicClock.nanoseconds() + interval }
    }

    /// To be called before a transaction begins; why there can be none.
    mutating func beforeChanges(_ store: EntryStore) -> EntryStoreError? {
        let now = MonotonicClock.nanoseconds()
        if now - readersChecked >= Self.readersInterval {
            readersChecked = now
            // A process that was killed while it read keeps its slot, and with it the pages of its state.
            _ = try? store.environment.clearStaleReaders()
        }
        if failure != nil { makeCheckpoint(store) }
        return failure
    }

    mutating func makeDueCheckpoint(_ store: EntryStore) {
        if let checkpointDue, MonotonicClock.nanoseconds() >= checkpointDue { makeCheckpoint(store) }
    }

    private mutating func makeCheckpoint(_ store: EntryStore) {
        do throws(EntryStoreError) {
            try store.makeCheckpoint()
            failure = nil
            checkpointDue = nil
        } catch {
            failure = EntryStoreError(error.reason, "earlier changes could not be written to the disk: \(error.message)")
            if let interval { checkpointDue = MonotonicClock.nanoseconds() + interval }
        }
    }
}

/// A clock that nobody sets.
enum MonotonicClock {
    static func nanoseconds() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
