import Directory
import NIOPosix
import Synchronization

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
    func submit(_ operation: BlockingOperation, connection: UInt64, mailbox: LoopMailbox) -> Ticket? {
        guard counters.workQueued.add(1, ordering: .relaxed).newValue <= limit else {
            counters.workQueued.subtract(1, ordering: .relaxed)
            return nil
        }
        let ticket = Ticket()
        threads.submit { item in
            self.counters.workQueued.subtract(1, ordering: .relaxed)
            guard item == .active, !ticket.isCancelled.load(ordering: .relaxed) else { return }
            mailbox.post(.worked(connection: connection, operation, operation.work()))
        }
        return ticket
    }

    func shutdown() async { try? await threads.shutdownGracefully() }
}
