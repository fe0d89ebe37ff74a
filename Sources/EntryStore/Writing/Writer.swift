#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The one thread that changes the directory: takes all waiting changes, makes them in one transaction, commits once, then answers all.
/// While a group reaches the disk the next one gathers.
@safe public final class Writer: @unchecked Sendable {
    // Sound: `jobs`, `isStopping` and `isRunning` are touched only with `lock` held; the rest never changes after init.

    /// A change as the writer sees it.
    public struct Job: Sendable {
        /// Checks and changes; the answer for the client if the commit succeeds (or if it refused to change anything).
        /// Run again from the start if a neighbour spoils the transaction.
        let body: @Sendable (inout StoreTransaction) -> [UInt8]
        /// The answer if the storage fails.
        let failed: @Sendable (EntryStoreError) -> [UInt8]
        /// Gets the answer, once, on the writer's thread, when the change is as durable as the store is set to make it.
        let completion: @Sendable ([UInt8]) -> Void

        public init(
            body: @escaping @Sendable (inout StoreTransaction) -> [UInt8], failed: @escaping @Sendable (EntryStoreError) -> [UInt8],
            completion: @escaping @Sendable ([UInt8]) -> Void
        ) {
            self.body = body
            self.failed = failed
            self.completion = completion
        }
    }

    private let store: EntryStore
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [Job] = []
    private var isStopping = false
    private var isRunning = true
    /// Changes in one transaction at most.
    private let groupLimit: Int

    /// Starts the thread.
    public init(_ store: EntryStore, groupLimit: Int = 512) throws(EntryStoreError) {
        self.store = store
        self.groupLimit = groupLimit
        unsafe lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        unsafe condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        unsafe pthread_mutex_init(lock, nil)
        unsafe pthread_cond_init(condition, nil)
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let code = unsafe pthread_create(&thread, nil, { context in
            guard let context = unsafe context else { return nil }
            // Sound: the reference was retained for this thread alone.
            let writer = unsafe Unmanaged<Writer>.fromOpaque(context).takeRetainedValue()
            writer.work()
            return nil
        }, context)
        guard code == 0 else {
            unsafe Unmanaged<Writer>.fromOpaque(context).release()
            throw EntryStoreError(.storage, "cannot start the writer's thread: error \(code)")
        }
        pthread_detach(thread)
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

    /// Hands in a change. After ``stop()`` it is refused.
    public func submit(_ job: Job) {
        let isAccepted = locked {
            guard !isStopping else { return false }
            jobs.append(job)
            unsafe pthread_cond_broadcast(condition)
            return true
        }
        if !isAccepted { job.completion(job.failed(EntryStoreError(.storage, "the server is stopping"))) }
    }

    /// Number of changes waiting.
    public var waiting: Int { locked { jobs.count } }

    /// Ends after all changes handed in so far; returns when they are done.
    public func stop() {
        unsafe pthread_mutex_lock(lock)
        isStopping = true
        unsafe pthread_cond_broadcast(condition)
        while isRunning { unsafe pthread_cond_wait(condition, lock) }
        unsafe pthread_mutex_unlock(lock)
        if store.options.durability != .full { try? store.sync() }
    }

    // MARK: The writer's thread

    private func work() {
        var interval: Int?
        if case .groupInterval(let milliseconds) = store.options.durability { interval = max(1, milliseconds) }
        var hasUnsynced = false
        while let group = take(waitingAtMost: hasUnsynced ? interval : nil) {
            if group.isEmpty {
                try? store.sync()
                hasUnsynced = false
                continue
            }
            run(group)
            hasUnsynced = interval != nil
        }
        locked {
            isRunning = false
            unsafe pthread_cond_broadcast(condition)
        }
    }

    /// The next group; empty if the time is over; nil at the end.
    private func take(waitingAtMost milliseconds: Int?) -> [Job]? {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        var deadline = timespec()
        if let milliseconds {
            unsafe clock_gettime(CLOCK_REALTIME, &deadline)
            let nanoseconds = deadline.tv_nsec + milliseconds % 1000 * 1_000_000
            deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
            deadline.tv_nsec = nanoseconds % 1_000_000_000
        }
        while jobs.isEmpty {
            if isStopping { return nil }
            if milliseconds != nil {
                if unsafe pthread_cond_timedwait(condition, lock, &deadline) == ETIMEDOUT, jobs.isEmpty { return [] }
            } else {
                unsafe pthread_cond_wait(condition, lock)
            }
        }
        let group = Array(jobs.prefix(groupLimit))
        jobs.removeFirst(group.count)
        return group
    }

    /// Does a group: in one transaction if all goes well; a change whose storage fails is left out and the others are done again.
    private func run(_ group: [Job]) {
        var remaining = group
        while !remaining.isEmpty {
            var answers: [[UInt8]] = []
            answers.reserveCapacity(remaining.count)
            var spoiler: (index: Int, error: EntryStoreError)?
            do {
                var transaction = try StoreTransaction(store)
                for (index, job) in remaining.enumerated() {
                    answers.append(job.body(&transaction))
                    if let failure = transaction.failure {
                        spoiler = (index, failure)
                        break
                    }
                }
                if spoiler == nil {
                    try transaction.commit()
                } else {
                    transaction.abort()
                }
            } catch {
                // The transaction as a whole could not begin or be committed: nothing was changed, all are told so.
                for job in remaining { job.completion(job.failed(error)) }
                return
            }
            guard let spoiler else {
                for (job, answer) in zip(remaining, answers) { job.completion(answer) }
                return
            }
            let job = remaining.remove(at: spoiler.index)
            job.completion(job.failed(spoiler.error))
        }
    }
}
