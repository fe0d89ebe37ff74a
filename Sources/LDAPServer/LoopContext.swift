import BER
import Directory
import NIOCore
import Synchronization

/// What one event loop keeps for its connections: the reader of the directory, the buffer that answers are made in, the clock.
/// Confined to its loop.
final class LoopContext {
    let server: ServerContext
    let loop: any EventLoop
    let mailbox: LoopMailbox
    let worker: DirectoryWorker
    /// The directory that requests are for; see ``currentDirectory()``.
    private var directory: Directory
    let counters: LoopCounters
    let allocator = ByteBufferAllocator()
    /// Where the answers of a read burst are gathered. Empty between bursts.
    // Unchecked: the directory, which writes into it, never calls back.
    @exclusivity(unchecked) var output = BERBuffer(capacity: 1 << 16)
    /// See ``copyForTLS()``.
    @exclusivity(unchecked) private var cleartext = ByteBuffer()
    // Unchecked: no access lasts while something else is called.
    @exclusivity(unchecked) var gathered = GatheredAnswers()
    @exclusivity(unchecked) var requests = GatheredRequests()
    /// A clock of the sweep's resolution, so that a burst need not ask the system for the time.
    @exclusivity(unchecked) private(set) var now = NIODeadline.now()
    private(set) var isStopping = false

    private var connections: [UInt64: LDAPConnection] = [:]
    /// Whether there is one connection at most.
    var isAlone: Bool { connections.count <= 1 }
    private var sweep: RepeatedTask?
    private var stopped: EventLoopPromise<Void>?

    init(_ server: ServerContext, loop: any EventLoop, mailbox: LoopMailbox, counters: LoopCounters) {
        self.server = server
        self.loop = loop
        self.mailbox = mailbox
        directory = server.directory.current
        self.worker = DirectoryWorker(directory)
        self.counters = counters
    }

    /// The directory that the next request is for: another than before when the schema has changed.
    @inline(__always)
    func currentDirectory() -> Directory {
        if directory.isSuperseded { directory = directory.current }
        return directory
    }

    /// The gathered answers in memory that is used again: TLS lets go of it when it has encrypted them, which is at the end of the burst.
    func copyForTLS() -> ByteBuffer {
        if cleartext.capacity > 1 << 18 { cleartext = ByteBuffer() }
        cleartext.clear(minimumCapacity: output.count)
        cleartext.writeBytes(output.bytes)
        return cleartext
    }

    func register(_ connection: LDAPConnection) {
        connections[connection.id] = connection
        guard sweep == nil else { return }
        now = .now()
        let interval = TimeAmount(server.limits.sweepInterval)
        let bound = NIOLoopBound(self, eventLoop: loop)
        sweep = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in bound.value.sweepConnections() }
    }

    func unregister(_ connection: LDAPConnection) {
        connections[connection.id] = nil
        if connections.isEmpty {
            connections = [:]
            stopped?.succeed()
            stopped = nil
        }
    }

    /// Of all connections of the loop.
    func connectionFacts() -> (connections: [MonitorFacts.Connection], unwritable: Int) {
        let now = NIODeadline.now()
        return (connections.values.map { $0.facts(now) }, connections.values.count { $0.isUnwritable })
    }

    private func sweepConnections() {
        // How long the loop was busy beyond its turn: in that time it has read nothing, and no client is to blame.
        let interval = TimeAmount(server.limits.sweepInterval)
        let before = now
        now = .now()
        let delay = max(.zero, now - before - interval)
        let excused = delay > interval ? delay : .zero
        worker.releaseSnapshot()
        if connections.isEmpty {
            sweep?.cancel()
            sweep = nil
            return
        }
        // A sweep may close connections, which changes the dictionary.
        for connection in Array(connections.values) { connection.sweep(now, excused: excused) }
    }

    /// Hands events of other threads to their connections; what belongs to a connection that has gone is dropped.
    func deliver(_ events: [LoopEvent]) {
        for event in events {
            switch event {
            case .answer(let id, let messageID, let kind, let answer):
                worker.complete(kind)
                server.counters.writesInFlight.subtract(1, ordering: .relaxed)
                connections[id]?.finishWrite(messageID, answer)
            case .chunk(let id, let search, let bytes, let progress):
                if let connection = connections[id] {
                    connection.continueSearch(search, bytes, progress)
                } else {
                    server.counters.searchesInFlight.subtract(1, ordering: .relaxed)
                    worker.complete(.search)
                }
            case .woken(let id, let search): connections[id]?.wake(search)
            case .worked(let id, let operation, let kind, let result):
                if let connection = connections[id] { connection.finishWork(operation, kind, result) } else { worker.complete(kind) }
            }
        }
        sendGathered()
        worker.endBurst()
    }

    /// Lets the connections end their operations and closes them; the future completes when none is left.
    func stop() -> EventLoopFuture<Void> {
        handleGathered()
        isStopping = true
        let promise = loop.makePromise(of: Void.self)
        if connections.isEmpty {
            promise.succeed()
        } else {
            stopped = promise
            let bound = NIOLoopBound(self, eventLoop: loop)
            loop.scheduleTask(in: TimeAmount(server.limits.stopTimeout)) {
                for connection in Array(bound.value.connections.values) { connection.abort("server stops") }
            }
            for connection in Array(connections.values) { connection.stop() }
        }
        return promise.futureResult
    }

    /// After ``stop()`` and the end of all pools: nothing will call any more.
    func tearDown() {
        sweep?.cancel()
        sweep = nil
        mailbox.disconnect()
    }
}
