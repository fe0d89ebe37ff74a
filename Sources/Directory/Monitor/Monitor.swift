import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// What `cn=Monitor` is made of: the counters of all threads, and what servers tell.
public final class Monitor: Sendable {
    static let name = "cn=Monitor"

    private struct State {
        var counters: [OperationCounters] = []
        var sources: [Source] = []
    }

    private struct Source: Sendable {
        weak let source: (any MonitorSource)?
    }

    private let state = Mutex(State())
    let started = ContinuousClock.now
    /// Microseconds since 1970.
    let startTime: Int64
    /// As access rules and names are compared.
    let canonicalName: [UInt8]

    init(_ schema: Schema) {
        startTime = ChangeClock.shared.next().microseconds
        var name: [UInt8] = []
        _ = schema.normalize(Array(Self.name.utf8).rawSpan, by: .distinguishedNameMatch, into: &name)
        canonicalName = name
    }

    /// Has a server asked from now on, for as long as it lives.
    public func register(_ source: any MonitorSource) {
        state.withLock { state in
            state.sources.removeAll { $0.source == nil }
            state.sources.append(Source(source: source))
        }
    }

    func register(_ counters: OperationCounters) { state.withLock { $0.counters.append(counters) } }

    var operations: OperationCounters.Values {
        var values = OperationCounters.Values()
        for counters in state.withLock({ $0.counters }) { counters.add(to: &values) }
        return values
    }

    /// Operations that were answered and changed nothing.
    var lookups: Int {
        state.withLock { $0.counters.reduce(0) { $0 &+ $1.lookups } }
    }

    /// What servers tell, together. With connections this waits for other threads.
    func facts(withConnections: Bool) -> MonitorFacts {
        let sources = state.withLock { $0.sources.compactMap(\.source) }
        // There is one server as a rule.
        guard var result = sources.first?.monitorFacts(withConnections: withConnections) else { return MonitorFacts() }
        for source in sources.dropFirst() {
            let more = source.monitorFacts(withConnections: withConnections)
            result.connections += more.connections
            result.connectionsTotal &+= more.connectionsTotal
            result.connectionsOpen += more.connectionsOpen
            result.bytesSent &+= more.bytesSent
            result.bytesReceived &+= more.bytesReceived
            result.listeners += more.listeners
            result.threads += more.threads
            result.operationsActive += more.operationsActive
            result.operationsPending += more.operationsPending
            result.writeWaiters += more.writeWaiters
            result.handshakes &+= more.handshakes
            result.handshakesFailed &+= more.handshakesFailed
        }
        return result
    }

    /// The place in the monitor's tree that a name names: values of RDNs in lower case, the topmost first, without `cn=Monitor`; nil for a
    /// name that is not in it. Names in it are made of `cn` alone.
    func place(_ name: DistinguishedName) -> [String]? {
        var path: [String] = []
        for rdn in name.rdns.reversed() {
            guard rdn.values.count == 1, let only = rdn.values.first, ["cn", "commonname", "2.5.4.3"].contains(only.type.lowercased()) else {
                return nil
            }
            path.append(String(decoding: only.value, as: UTF8.self).lowercased())
        }
        guard path.first == "monitor" else { return nil }
        return Array(path.dropFirst())
    }
}

extension Directory {
    /// Whether a client may look into the monitor at all.
    func admitsToMonitor(_ access: AccessControl) -> Bool {
        isMonitorRuled || access.identity.isAdministrator
    }
}
