#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The one thread that changes the directory: takes the changes that wait, makes them in one transaction, commits once, then answers all.
/// While a group reaches the disk the next one gathers; a change that finds nobody waiting is made at once.
@safe public final class Writer: @unchecked Sendable {
    // Sound: `queue`, `waitingBytes`, `wanted`, `isStopping`, `isRunning` and `counted` are touched only with `lock` held, `pace`, `priority` and `upkeep` by
    // the writer's thread only (`upkeep` before it starts, too); the rest never changes after init.

    /// What a change answers.
    public struct Answer: Sendable {
        /// For the client.
        let bytes: [UInt8]
        /// Called once when this answer, and no other, is the one that the client gets.
        let given: (@Sendable () -> Void)?

        public init(_ bytes: [UInt8], given: (@Sendable () -> Void)? = nil) {
            self.bytes = bytes
            self.given = given
        }
    }

    /// A change as the writer sees it.
    public struct Job: Sendable {
        /// Checks and changes; the answer for the client if the commit succeeds (or if it refused to change anything).
        /// Run again from the start if the transaction has to be given up on a neighbour's account.
        let body: @Sendable (inout StoreTransaction) -> Answer
        /// The answer if the storage fails.
        let failed: @Sendable (EntryStoreError) -> Answer
        /// Gets the answer, once, on the writer's thread, when the change is as durable as the store is set to make it.
        let completion: @Sendable ([UInt8]) -> Void
        /// Who hands it in: sources are served in turn.
        let source: UInt64
        /// About how much memory it holds.
        let bytes: Int
        /// Whether it is to have a transaction of its own, because it may withdraw its changes: neighbours would have to be made again.
        let isAlone: Bool

        /// - Parameters:
        ///   - source: a number for the connection; 0 for the server's own work.
        ///   - bytes: the size of the request.
        ///   - isAlone: whether it may withdraw its changes.
        public init(
            source: UInt64 = 0, bytes: Int = 0, isAlone: Bool = false, body: @escaping @Sendable (inout StoreTransaction) -> Answer,
            failed: @escaping @Sendable (EntryStoreError) -> Answer, completion: @escaping @Sendable ([UInt8]) -> Void
        ) {
            self.source = source
            self.bytes = bytes
            self.isAlone = isAlone
            self.body = body
            self.failed = failed
            self.completion = completion
        }

        fileprivate func finish(_ answer: Answer) {
            answer.given?()
            completion(answer.bytes)
        }
    }

    private let store: EntryStore
    private let limits: WriterLimits
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var queue = FairQueue<Job>()
    private var waitingBytes = 0
    /// The writer's thread is woken when so many changes wait.
    private var wanted = 1
    private var pace = GroupPace()
    private var priority: LookupPriority
    private let lookups: @Sendable () -> Int
    private let sync: LogSync
    private var upkeep: WriterUpkeep
    private var isStopping = false
    private var isRunning = true
    private var counted = WriterStatistics()

    /// Starts the thread.
    /// - Parameter lookups: how many were made so far, of those that changes should not delay.
    public init(
        _ store: EntryStore, limits: WriterLimits = WriterLimits(), lookups: @escaping @Sendable () -> Int = { 0 }
    ) throws(EntryStoreError) {
        self.store = store
        self.limits = limits
        self.lookups = lookups
        priority = LookupPriority(rate: limits.besideLookups)
        unsafe lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        unsafe condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        unsafe pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        upkeep = WriterUpkeep(store)
        sync = try LogSync()
        // It keeps this alive until ``stop()``.
        _ = try BackgroundThread { self.work() }
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(lock)
        unsafe condition.deallocate()
        unsafe lock.deallocate()
    }

    private func locked<T>(_ body: () -> T) -> T {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        return body()
    }

    /// Hands in a change. It is refused after ``stop()``, and while too much waits.
    public func submit(_ job: Job) {
        let refusal: EntryStoreError? = locked {
            if isStopping { return EntryStoreError(.storage, "the server is stopping") }
            if waitingBytes + job.bytes > limits.waitingBytes, !queue.isEmpty { return EntryStoreError(.busy, "too many changes wait: try again later") }
            waitingBytes += job.bytes
            queue.append(job, from: job.source)
            if queue.count == wanted { unsafe pthread_cond_broadcast(condition) }
            return nil
        }
        if let refusal { job.finish(job.failed(refusal)) }
    }

    /// Number of changes waiting.
    public var waiting: Int { locked { queue.count } }

    /// What has been done since the start.
    public var statistics: WriterStatistics {
        locked {
            var values = counted
            values.waiting = queue.count
            values.waitingBytes = waitingBytes
            return values
        }
    }

    /// Ends after all changes handed in so far; returns when they are done and on disk.
    public func stop() {
        unsafe pthread_mutex_lock(lock)
        isStopping = true
        unsafe pthread_cond_broadcast(condition)
        while isRunning { unsafe pthread_cond_wait(condition, lock) }
        unsafe pthread_mutex_unlock(lock)
    }

    // MARK: The writer's thread

    private enum Event {
        case job(Job)
        case timeOver
        case stop
    }

    private func work() {
        BackgroundThread.standBack()
        loop: while true {
            switch wait(until: upkeep.due) {
            case .job(let job):
                if let error = upkeep.beforeChanges() {
                    finish([job], failedWith: error)
                    continue
                }
                run(startingWith: job)
            case .timeOver: break
            case .stop: break loop
            }
            upkeep.attend()
        }
        upkeep.settle()
        sync.stop()
        locked {
            isRunning = false
            unsafe pthread_cond_broadcast(condition)
        }
    }

    /// The next change; or that it is time, or the end.
    /// - Parameter deadline: on the monotonic clock, in nanoseconds.
    private func wait(until deadline: Int?) -> Event {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        var time = timespec()
        if let deadline {
            time.tv_sec = deadline / 1_000_000_000
            time.tv_nsec = deadline % 1_000_000_000
        }
        while true {
            if let job = dequeue() { return .job(job) }
            if isStopping { return .stop }
            if deadline == nil {
                unsafe pthread_cond_wait(condition, lock)
            } else if unsafe pthread_cond_timedwait(condition, lock, &time) == ETIMEDOUT, queue.isEmpty {
                return .timeOver
            }
        }
    }

    /// With the lock held.
    private func dequeue() -> Job? {
        guard let job = queue.popFirst() else { return nil }
        waitingBytes -= job.bytes
        return job
    }

    /// Makes a change and those that wait, or come meanwhile, as far as a group goes.
    private func run(startingWith first: Job) {
        let share = priority.share(lookups(), at: MonotonicClock.nanoseconds())
        MonotonicClock.wait(until: share.start)
        let (start, lookups) = (MonotonicClock.nanoseconds(), lookups())
        let operations = min(limits.operations, share.changes)
        let deadline = start + limits.milliseconds * 1_000_000
        var (expected, patience) = pace.patience(start)
        var bytes = first.bytes
        var count = 1
        settle([first]) {
            guard !first.isAlone, count < operations, bytes < limits.bytes, MonotonicClock.nanoseconds() < deadline else { return nil }
            var next = joining()
            if next == nil, count < min(expected, operations) {
                gather(min(expected, operations) - count, until: start + patience)
                // Once in a group.
                expected = 0
                next = joining()
            }
            guard let job = next else { return nil }
            bytes += job.bytes
            count += 1
            return job
        }
        priority.note(size: count, lookups: lookups, start: start)
    }

    /// The next change, if it may join others.
    private func joining() -> Job? { locked { queue.first?.isAlone == true ? nil : dequeue() } }

    /// Waits until so many changes wait, or the time is over.
    private func gather(_ count: Int, until deadline: Int) {
        var time = timespec(tv_sec: deadline / 1_000_000_000, tv_nsec: deadline % 1_000_000_000)
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        // What does not join need not be waited for.
        if !queue.isEmpty { return }
        wanted = count
        while queue.count < count, !isStopping, unsafe pthread_cond_timedwait(condition, lock, &time) == 0 {}
        wanted = 1
    }

    /// How it went to make changes in one transaction.
    private enum Outcome {
        /// - Parameters:
        ///   - isChanged: there was something to commit.
        ///   - commit: how long that took, in nanoseconds.
        case done([Answer], isChanged: Bool, commit: Int)
        /// The storage failed while one of them was made: nothing was changed.
        case spoiled(Int, EntryStoreError)
        /// The storage failed under the index changes of all of them: nothing was changed.
        case unwritten(EntryStoreError)
        /// One of them has withdrawn its changes: nothing was changed.
        case withdrawn(Int, Answer)
        /// The transaction could not begin or be committed.
        case failed(EntryStoreError)
    }

    /// Makes changes in one transaction if all goes well, and answers. A change whose storage fails is left out, and the others are made
    /// again; if there is no room for all, or what they have in common fails, the two halves are tried one after the other, so that what
    /// has room is done.
    /// - Parameter join: gives further changes for the first transaction.
    private func settle(_ first: [Job], joining join: () -> Job?) {
        var isFirst = true
        var hasMadeRoom = false
        var parts = [first]
        while var part = parts.popLast() {
            let outcome = attempt(&part) { isFirst ? join() : nil }
            isFirst = false
            switch outcome {
            case .done(let answers, let isChanged, let commit):
                locked { counted.noteGroup(part.count, isCommitted: isChanged) }
                for (job, answer) in zip(part, answers) { job.finish(answer) }
                pace.note(size: part.count, commit: commit, end: MonotonicClock.nanoseconds())
            case .spoiled(_, let error) where error.reason == .noSpace && makesRoom(&hasMadeRoom),
                .failed(let error) where error.reason == .noSpace && makesRoom(&hasMadeRoom),
                .unwritten(let error) where error.reason == .noSpace && makesRoom(&hasMadeRoom):
                parts.append(part)
            case .spoiled(_, let error) where error.reason == .noSpace && part.count > 1,
                .failed(let error) where error.reason == .noSpace && part.count > 1, .unwritten(let error) where part.count > 1:
                let middle = part.count / 2
                parts.append(Array(part[middle...]))
                parts.append(Array(part[..<middle]))
            case .spoiled(let index, let error):
                finish([part.remove(at: index)], failedWith: error)
                if !part.isEmpty { parts.append(part) }
            case .withdrawn(let index, let answer):
                part.remove(at: index).finish(answer)
                if !part.isEmpty { parts.append(part) }
            case .failed(let error), .unwritten(let error): finish(part, failedWith: error)
            }
        }
    }

    /// Whether there is more room than there was, which is tried once.
    private func makesRoom(_ hasTried: inout Bool) -> Bool {
        guard !hasTried else { return false }
        hasTried = true
        return upkeep.makeRoom()
    }

    private func attempt(_ group: inout [Job], joining join: () -> Job?) -> Outcome {
        do throws(EntryStoreError) {
            var answers: [Answer] = []
            var transaction = try StoreTransaction(store, log: upkeep.log)
            var job: Job? = group.first
            while let current = job {
                answers.append(current.body(&transaction))
                BackgroundThread.giveWay()
                if let failure = transaction.failure {
                    transaction.abort()
                    return .spoiled(answers.count - 1, failure)
                }
                if transaction.isWithdrawn, let answer = answers.last {
                    transaction.abort()
                    return .withdrawn(answers.count - 1, answer)
                }
                if answers.count < group.count {
                    job = group[answers.count]
                } else {
                    job = join()
                    if let job { group.append(job) }
                }
            }
            let begun = MonotonicClock.nanoseconds()
            do throws(EntryStoreError) { try transaction.complete(sync) } catch {
                transaction.abort()
                throw error
            }
            do throws(EntryStoreError) { try transaction.applyIndexes() } catch {
                transaction.abort()
                return .unwritten(error)
            }
            let commit = try transaction.commit()
            if commit != .nothing {
                do throws(EntryStoreError) { try upkeep.afterCommit(isLasting: commit == .lasting) } catch {
                    throw EntryStoreError(error.reason, "the change was made, but the disk did not confirm it: \(error.message)")
                }
            }
            return .done(answers, isChanged: commit != .nothing, commit: MonotonicClock.nanoseconds() - begun)
        } catch {
            store.noteFailure()
            return .failed(error)
        }
    }

    private func finish(_ jobs: [Job], failedWith error: EntryStoreError) {
        locked { counted.noteFailure(jobs.count, error) }
        for job in jobs { job.finish(job.failed(error)) }
    }
}
