import LMDB
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// What the writer sees to besides changes: that they reach the disk, and readers that died. For the writer's thread.
///
/// With ``EntryStore/Durability/full`` changes are written ahead to a log, and now and then a checkpoint puts all on disk that they changed, beside
/// further changes. With ``EntryStore/Durability/groupInterval(milliseconds:)`` there are checkpoints alone. As long as their files
/// cannot be made (a full disk, say) each commit waits for the disk instead.
struct WriterUpkeep {
    private let store: EntryStore
    private var checkpoint: Checkpoint?
    private var growth: FileGrowth
    /// Nanoseconds between a commit and the next checkpoint; nil if the durability needs none.
    private let interval: Int?
    /// When the next checkpoint is due, on the monotonic clock; nil if everything is on disk.
    private var checkpointDue: Int?
    private var running: RunningCheckpoint?
    /// Why the last checkpoint was not made: no further change is confirmed until there is one.
    private var failure: EntryStoreError?
    /// When the files of checkpoints are to be made, if they could not be.
    private var retryDue = 0
    /// Whether somebody reads in pages of a state before the last checkpoint's.
    private var keepsEarlier = false
    /// When the pages of a state were last begun to be kept, and the last commit then.
    private var keptTime = 0
    private var keptCommit = 0
    private var readersChecked = MonotonicClock.nanoseconds()

    private static let readersInterval = 1_000_000_000
    private static let retryInterval = 10_000_000_000
    /// How long changes stand in the log alone, and how many octets of them, before there is a checkpoint. Until then LMDB uses no page
    /// again, so that this many pages more are in the file.
    private static let logInterval = 2_000_000_000
    private static let logSize = 8 << 20
    /// So much may stand there while a checkpoint is under way; then it is waited for.
    private static let logSizeLimit = 64 << 20
    /// How often is looked whether a checkpoint under way is made, while nothing else happens.
    private static let lookInterval = 10_000_000
    /// For so long, and for no more than so many commits, pages of earlier states are kept, if a checkpoint comes because of the time.
    private static let keptInterval = 30_000_000_000
    private static let keptCommits = 16
    /// How often whether pages of earlier states are still read, and how often at most when there is no room.
    private static let letGoInterval = 100_000_000
    private static let letGoAttempts = 150

    private struct RunningCheckpoint {
        let pending: Checkpoint.Pending
        let thread: BackgroundThread
        let result: Result
        /// Whether there was much in the log.
        let isFull: Bool
        final class Result: Sendable {
            let error = Mutex<LMDBError?>(nil)
        }
    }

    init(_ store: EntryStore) {
        self.store = store
        growth = FileGrowth(path: store.path)
        switch store.options.durability {
        case .full: interval = Self.logInterval
        case .groupInterval(let milliseconds): interval = max(1, milliseconds) * 1_000_000
        case .none: interval = nil
        }
        beginCheckpoints()
    }

    /// Where changes are to be written before they are committed.
    var log: WriteAheadLog? { checkpoint?.log }

    private mutating func beginCheckpoints() {
        guard interval != nil, checkpoint == nil else { return }
        retryDue = MonotonicClock.nanoseconds() + Self.retryInterval
        do throws(LMDBError) {
            let log = store.options.durability == .full ? try WriteAheadLog(path: store.path, databases: store.databases.named) : nil
            checkpoint = try Checkpoint(store.environment, path: store.path, log: log)
            try store.environment.setNoSync(true)
            keepLast(atOnce: true)
        } catch {
            checkpoint = nil
            // A record of a state whose pages nobody keeps would do harm.
            Checkpoint.remove(store.path)
        }
    }

    /// When ``attend()`` is to be called at the latest, on the monotonic clock.
    var due: Int? {
        if running != nil { return MonotonicClock.nanoseconds() + Self.lookInterval }
        guard keepsEarlier else { return checkpointDue }
        return min(MonotonicClock.nanoseconds() + Self.letGoInterval, checkpointDue ?? .max)
    }

    /// To be called before a transaction begins; why there can be none.
    mutating func beforeChanges() -> EntryStoreError? {
        let now = MonotonicClock.nanoseconds()
        if now - readersChecked >= Self.readersInterval {
            readersChecked = now
            // A process that was killed while it read keeps its slot, and with it the pages of its state.
            _ = try? store.environment.clearStaleReaders()
        }
        if checkpoint == nil, now >= retryDue { beginCheckpoints() }
        if failure != nil { makeCheckpoint() }
        return failure
    }

    /// To be called after each commit that has changed something: returns when it is as lasting as the durability asks for.
    /// - Parameter isLasting: whether it was written ahead.
    mutating func afterCommit(isLasting: Bool) throws(EntryStoreError) {
        if let interval, checkpoint != nil, checkpointDue == nil { checkpointDue = MonotonicClock.nanoseconds() + interval }
        guard store.options.durability != .none, !isLasting else { return }
        if checkpoint == nil { return try store.sync() }
        guard store.options.durability == .full else { return }
        makeCheckpoint()
        if let failure { throw failure }
    }

    /// Begins and ends checkpoints when it is time, and has the file grow. To be called between transactions.
    mutating func attend() {
        growth.advance(store.environment)
        if keepsEarlier { keepsEarlier = !store.kept.letGo() }
        if let running, running.thread.hasEnded || (log?.size ?? 0) > Self.logSizeLimit { conclude() }
        guard running == nil, let checkpoint, let checkpointDue else { return }
        let isFull = (log?.size ?? 0) >= Self.logSize
        guard isFull || MonotonicClock.nanoseconds() >= checkpointDue else { return }
        if failure != nil { return makeCheckpoint() }
        do {
            let pending = try checkpoint.begin()
            let result = RunningCheckpoint.Result()
            do throws(EntryStoreError) {
                let thread = try BackgroundThread {
                    do throws(LMDBError) { try pending.write() } catch { result.error.withLock { $0 = error } }
                }
                running = RunningCheckpoint(pending: pending, thread: thread, result: result, isFull: isFull)
                // What is committed from now on is for the next one.
                self.checkpointDue = nil
            } catch {
                makeCheckpoint()
            }
        } catch { note(EntryStoreError(error)) }
    }

    /// Waits for a checkpoint under way.
    private mutating func conclude() {
        guard let running else { return }
        running.thread.join()
        self.running = nil
        if let error = running.result.error.withLock({ $0 }) {
            note(EntryStoreError(error))
        } else {
            checkpoint?.finish(running.pending)
            keepLast(atOnce: running.isFull)
        }
    }

    /// Makes pages of earlier states available again, once nobody reads them, if it is worth it: what was found in them has to be found anew.
    /// - Parameter atOnce: because they are many.
    private mutating func keepLast(atOnce: Bool) {
        guard checkpoint != nil else { return }
        let (now, commit) = (MonotonicClock.nanoseconds(), store.environment.information.lastTransaction)
        guard atOnce || now - keptTime >= Self.keptInterval || commit - keptCommit >= Self.keptCommits else { return }
        if store.kept.advance() { (keptTime, keptCommit) = (now, commit) }
        keepsEarlier = !store.kept.letGo()
    }

    /// Makes a checkpoint of the last commit, and waits for it.
    /// - Parameter atOnce: whether to free all pages that can be.
    private mutating func makeCheckpoint(atOnce: Bool = false) {
        conclude()
        do {
            try checkpoint?.advance()
            failure = nil
            checkpointDue = nil
            keepLast(atOnce: atOnce)
        } catch { note(EntryStoreError(error)) }
    }

    private mutating func note(_ error: EntryStoreError) {
        failure = EntryStoreError(error.reason, "earlier changes could not be written to the disk: \(error.message)")
        if let interval { checkpointDue = MonotonicClock.nanoseconds() + interval }
    }

    /// Makes the pages available again that are kept for the last checkpoint. Whether there were any.
    mutating func makeRoom() -> Bool {
        conclude()
        guard let checkpoint, checkpoint.isBehind else { return false }
        makeCheckpoint(atOnce: true)
        // An event loop holds them for up to a second.
        for _ in 0..<Self.letGoAttempts where keepsEarlier {
            usleep(10_000)
            keepsEarlier = !store.kept.letGo()
        }
        return failure == nil
    }

    /// Has everything on disk at the end.
    mutating func settle() {
        conclude()
        store.kept.end()
        do { try store.sync() } catch { return }
        if checkpoint != nil { Checkpoint.remove(store.path) }
        checkpoint = nil
        try? store.environment.setNoSync(store.options.durability == .none)
    }
}

/// A clock that nobody sets.
enum MonotonicClock {
    static func nanoseconds() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// Returns at that time, or at once if it has passed.
    static func wait(until time: Int) {
        let rest = time - nanoseconds()
        if rest > 0 { usleep(UInt32(clamping: rest / 1000)) }
    }
}
