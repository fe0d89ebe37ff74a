#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// A thread of the system for work that waits or takes long.
public final class BackgroundThread: Sendable {
    /// Its handle, until somebody has waited for its end.
    private let thread: Mutex<pthread_t?>
    private let isOver: Flag

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        let isOver: Flag

        init(_ body: @escaping @Sendable () -> Void, _ isOver: Flag) {
            self.body = body
            self.isOver = isOver
        }
    }

    /// Starts it.
    /// - Throws: `storage` if the system gives no thread.
    public init(_ body: @escaping @Sendable () -> Void) throws(EntryStoreError) {
        let flag = Flag()
        let work = unsafe Unmanaged.passRetained(Work(body, flag))
        var thread = pthread_t()
        let code = unsafe pthread_create(&thread, nil, { context in
            guard let context = unsafe context else { return nil }
            // Sound: the reference was retained for this thread alone.
            let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
            work.body()
            work.isOver.value.store(true, ordering: .releasing)
            return nil
        }, unsafe work.toOpaque())
        guard code == 0 else {
            unsafe work.release()
            throw EntryStoreError(.storage, "the system gives no thread: error \(code)")
        }
        self.thread = Mutex(thread)
        isOver = flag
    }

    deinit {
        if let thread = thread.withLock({ $0.take() }) { pthread_detach(thread) }
    }

    /// Whether its work is done.
    public var hasEnded: Bool { isOver.value.load(ordering: .acquiring) }

    /// Waits until it has ended.
    public func join() {
        if let thread = thread.withLock({ $0.take() }) { unsafe pthread_join(thread, nil) }
    }

    // A busy thread keeps its processor for some milliseconds while others wait for it, whatever they have to do. Who waits for an answer
    // would notice.

    /// Has the calling thread, and those that it starts, have a tenth of the processor where others want it too (Linux, sched(7)).
    static func standBack() {
        #if canImport(Glibc)
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        #elseif canImport(Musl)
        setpriority(PRIO_PROCESS, 0, 10)
        #endif
    }

    /// Lets another thread have the calling thread's processor now, if one waits for it. To be called between pieces of work of some tens of
    /// microseconds.
    static func giveWay() { sched_yield() }
}
