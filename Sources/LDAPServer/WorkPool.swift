import Directory
import NIOPosix
import Synchronization
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The threads for work that uses much processor time or waits. The queue is bounded, and work whose connection has gone is not done.
final class WorkPool: Sendable {
    /// Set by a connection that no longer wants its work.
    final class Ticket: Sendable {
        fileprivate let isCancelled = Atomic<Bool>(false)
        func cancel() { isCancelled.store(true, ordering: .relaxed) }
    }

    private let threads: NIOThreadPool
    private let limit: Int
    private let counters: ServerCounters

    init(threads: Int, limit: Int, counters: ServerCounters) {
        self.threads = NIOThreadPool(numberOfThreads: threads)
        self.limit = limit
        self.counters = counters
        self.threads.start()
    }

    /// Queues the first half of an operation; the mailbox gets its result. Nil if the queue is full.
    func submit(_ operation: BlockingOperation, _ kind: OperationKind, connection: UInt64, mailbox: LoopMailbox) -> Ticket? {
        guard counters.workQueued.add(1, ordering: .relaxed).newValue <= limit else {
            counters.workQueued.subtract(1, ordering: .relaxed)
            return nil
        }
        let ticket = Ticket()
        threads.submit { item in
            self.counters.workQueued.subtract(1, ordering: .relaxed)
            guard item == .active else { return }
            // Whose connection has gone is told so that it is counted.
            let isWanted = !ticket.isCancelled.load(ordering: .relaxed)
            if isWanted, !operation.waitsForOthers { Self.standBack() }
            mailbox.post(.worked(connection: connection, operation, kind, isWanted ? operation.work() : Never?.none as any Sendable))
        }
        return ticket
    }

    /// Lets the event loops go first: a processor that hashes passwords all the time would keep look-ups waiting.
    private static func standBack() {
        // Of the calling thread, on Linux (sched(7)); each time, for it costs nothing beside a hash.
        #if canImport(Glibc)
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15)
        #elseif canImport(Musl)
        setpriority(PRIO_PROCESS, 0, 15)
        #endif
    }

    func shutdown() async { try? await threads.shutdownGracefully() }
}
