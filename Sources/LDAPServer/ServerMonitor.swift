import Directory
import NIOCore
import Synchronization

extension LDAPServer: MonitorSource {
    public func monitorFacts(withConnections: Bool) -> MonitorFacts {
        var facts = MonitorFacts()
        if withConnections {
            for bound in loops {
                // Waited for: the caller is not on an event loop. A loop that has ended has no connections.
                guard let found = try? bound.eventLoop.submit({ bound.value.connectionFacts() }).wait() else { continue }
                facts.connections += found.connections
                facts.writeWaiters += found.unwritable
            }
        }
        let values = counters.values
        facts.connectionsTotal = values.connectionsTotal
        facts.connectionsOpen = values.connectionsOpen
        facts.bytesSent = values.bytesSent
        facts.bytesReceived = values.bytesReceived
        facts.listeners = addresses.map { "\($0)" }
        facts.limits = limitFacts()
        let threads = threadCounts
        facts.threadKinds = [
            (name: "Event Loops", count: threads.loops), (name: "Search Threads", count: threads.searches), (name: "Work Threads", count: threads.work),
        ]
        facts.threads = facts.threadKinds.reduce(0) { $0 + $1.count }
        facts.operationsActive = values.searchesInFlight + values.writesInFlight
        facts.operationsPending = values.workQueued
        facts.handshakes = values.handshakes
        facts.handshakesFailed = values.handshakesFailed
        facts.certificates = certificates
        return facts
    }

    private func limitFacts() -> [MonitorFacts.Limit] {
        func limit(_ name: String, _ description: String, _ value: Int, _ hits: borrowing Atomic<UInt64>) -> MonitorFacts.Limit {
            MonitorFacts.Limit(name, description, value: value, hits: hits.load(ordering: .relaxed))
        }
        func seconds(_ duration: Duration?) -> Int { duration.map { Int($0.components.seconds) } ?? 0 }
        let limits = limits
        return [
            limit("Connections", "Connections open at once", limits.maximumConnections, counters.connectionsTooMany),
            limit(
                "Connections Per Address", "Connections open at once from one IP address", limits.maximumConnectionsPerAddress,
                counters.connectionsTooManyOfAddress),
            limit(
                "Connection Rate", "New connections from one IP address within ten seconds", limits.maximumConnectionRate,
                counters.connectionsTooFrequent),
            limit("Handshake Time", "Seconds of a TLS handshake", seconds(limits.handshakeTimeout), counters.handshakeTimeouts),
            limit(
                "Anonymous Request Size", "Bytes of a request before a successful bind", limits.maximumAnonymousRequest,
                counters.requestsTooLongAnonymous),
            limit("Request Size", "Bytes of a request after a successful bind", limits.maximumRequest, counters.requestsTooLong),
            limit(
                "Buffered Requests", "Bytes of half-received requests over all connections", limits.maximumBufferedRequests,
                counters.buffersFull),
            limit(
                "Operations Per Connection", "Operations of one connection that run at once away from its event loop",
                limits.maximumOperationsPerConnection, counters.operationsHeld),
            limit("Queued Work", "Operations that wait for a thread", limits.maximumQueuedWork, counters.workRefused),
            limit("Write Buffer", "Bytes of answers that wait for a client; with more its work stops", limits.writeBuffer, counters.answersHeld),
            limit("Idle Time", "Seconds without anything happening", seconds(limits.idleTimeout), counters.idleTimeouts),
            limit(
                "Slow Readers", "Seconds in which a client takes nothing of its answers", seconds(limits.slowReaderTimeout),
                counters.slowReaders),
            limit("Slow Senders", "Seconds in which a request is not complete", seconds(limits.slowSenderTimeout), counters.slowSenders),
        ]
    }
}
