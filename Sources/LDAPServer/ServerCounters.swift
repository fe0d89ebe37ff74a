import Synchronization

/// What one event loop has counted. Written by its loop alone, so without contention; read by anybody.
final class LoopCounters: Sendable {
    let requests = Atomic<UInt64>(0)
    let bytesReceived = Atomic<UInt64>(0)
    let bytesSent = Atomic<UInt64>(0)

    /// Adds; only the owning loop may call it, which is why a load and a store suffice.
    @inline(__always)
    static func add(_ amount: Int, to counter: borrowing Atomic<UInt64>) {
        counter.store(
            counter.load(ordering: .relaxed) &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
    }
}

/// What a server has counted since it started; for monitoring. Any thread may read.
public final class ServerCounters: Sendable {
    private let loops: [LoopCounters]
    let connectionsOpen = Atomic<Int>(0)
    let connectionsTotal = Atomic<UInt64>(0)
    /// Refused because of the number of connections in all, of those from one address, of new ones from one address.
    let connectionsTooMany = Atomic<UInt64>(0)
    let connectionsTooManyOfAddress = Atomic<UInt64>(0)
    let connectionsTooFrequent = Atomic<UInt64>(0)
    let protocolErrors = Atomic<UInt64>(0)
    let requestsTooLongAnonymous = Atomic<UInt64>(0)
    let requestsTooLong = Atomic<UInt64>(0)
    let buffersFull = Atomic<UInt64>(0)
    /// Times that a connection had to wait because as many operations of it ran as may.
    let operationsHeld = Atomic<UInt64>(0)
    let workRefused = Atomic<UInt64>(0)
    /// Times that a connection's work stopped until its client took answers.
    let answersHeld = Atomic<UInt64>(0)
    let idleTimeouts = Atomic<UInt64>(0)
    let slowReaders = Atomic<UInt64>(0)
    let slowSenders = Atomic<UInt64>(0)
    let handshakeTimeouts = Atomic<UInt64>(0)
    let handshakes = Atomic<UInt64>(0)
    let handshakesFailed = Atomic<UInt64>(0)
    let bufferedRequestBytes = Atomic<Int>(0)
    let searchesInFlight = Atomic<Int>(0)
    let writesInFlight = Atomic<Int>(0)
    let workQueued = Atomic<Int>(0)

    init(_ loops: [LoopCounters]) { self.loops = loops }

    /// The counters at one moment; each is exact, together they are not a snapshot.
    public struct Values: Sendable, Hashable {
        /// Connections open now, accepted in all, and closed at once because of a limit.
        public var connectionsOpen = 0
        public var connectionsTotal: UInt64 = 0
        public var connectionsRefused: UInt64 = 0
        /// Those of them that came too soon after others from their address.
        public var connectionsTooFrequent: UInt64 = 0
        /// Connections closed because their bytes were not LDAP or too many, and because of a timeout.
        public var protocolErrors: UInt64 = 0
        public var timeouts: UInt64 = 0
        /// TLS handshakes that were completed, and that failed or took too long.
        public var handshakes: UInt64 = 0
        public var handshakesFailed: UInt64 = 0
        /// Requests received, and bytes in both directions.
        public var requests: UInt64 = 0
        public var bytesReceived: UInt64 = 0
        public var bytesSent: UInt64 = 0
        /// Bytes of half-received requests that are held now.
        public var bufferedRequestBytes = 0
        /// Operations that run away from the event loops now: long searches, changes, work on the thread pool.
        public var searchesInFlight = 0
        public var writesInFlight = 0
        public var workQueued = 0
    }

    public var values: Values {
        var values = Values()
        values.connectionsOpen = connectionsOpen.load(ordering: .relaxed)
        values.connectionsTotal = connectionsTotal.load(ordering: .relaxed)
        values.connectionsTooFrequent = connectionsTooFrequent.load(ordering: .relaxed)
        values.connectionsRefused =
            values.connectionsTooFrequent &+ connectionsTooMany.load(ordering: .relaxed)
            &+ connectionsTooManyOfAddress.load(ordering: .relaxed)
        values.protocolErrors = protocolErrors.load(ordering: .relaxed)
        values.timeouts =
            idleTimeouts.load(ordering: .relaxed) &+ slowReaders.load(ordering: .relaxed) &+ slowSenders.load(ordering: .relaxed)
            &+ handshakeTimeouts.load(ordering: .relaxed)
        values.handshakes = handshakes.load(ordering: .relaxed)
        values.handshakesFailed = handshakesFailed.load(ordering: .relaxed)
        for loop in loops {
            values.requests &+= loop.requests.load(ordering: .relaxed)
            values.bytesReceived &+= loop.bytesReceived.load(ordering: .relaxed)
            values.bytesSent &+= loop.bytesSent.load(ordering: .relaxed)
        }
        values.bufferedRequestBytes = bufferedRequestBytes.load(ordering: .relaxed)
        values.searchesInFlight = searchesInFlight.load(ordering: .relaxed)
        values.writesInFlight = writesInFlight.load(ordering: .relaxed)
        values.workQueued = workQueued.load(ordering: .relaxed)
        return values
    }
}
