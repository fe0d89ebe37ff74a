import Directory
import Synchronization

/// What all event loops and connections of a server share.
final class ServerContext: Sendable {
    let directory: Directory
    let limits: ServerLimits
    let counters: ServerCounters
    let admission: Admission
    let log: OperationLog
    let searches: SearchPool
    /// For steps of searches that wait for another server.
    let waits: SearchPool
    let work: WorkPool
    /// For work that waits for another server.
    let waitingWork: WorkPool
    /// Nil: no certificate is configured.
    let tls: TLSContexts?
    /// Numbers of connections begin at 1000, as slapd's do.
    private let lastConnectionID = Atomic<UInt64>(999)

    init(
        directory: Directory, limits: ServerLimits, counters: ServerCounters, log: OperationLog, searches: SearchPool,
        waits: SearchPool, work: WorkPool, waitingWork: WorkPool, tls: TLSContexts?
    ) {
        self.directory = directory
        self.limits = limits
        self.counters = counters
        self.admission = Admission(limits, counters)
        self.log = log
        self.searches = searches
        self.waits = waits
        self.work = work
        self.waitingWork = waitingWork
        self.tls = tls
    }

    /// Has the next chunk of a search made, where it may be made; the mailbox gets it.
    func advance(_ search: LongSearch, connection: UInt64, mailbox: LoopMailbox) {
        (search.waitsForOthers ? waits : searches).advance(search, connection: connection, mailbox: mailbox)
    }

    func nextConnectionID() -> UInt64 { lastConnectionID.add(1, ordering: .relaxed).newValue }
}
