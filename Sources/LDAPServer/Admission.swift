import NIOCore
import Synchronization

/// Which connections may be opened: counts them in all and per address, open ones and new ones.
final class Admission: Sendable {
    private let limits: ServerLimits
    private let counters: ServerCounters
    private let perAddress = Mutex<[String: Int]>([:])
    private let recent = Mutex(Recent())

    /// New connections of the current period. One period's addresses are kept, so memory is bounded by what can come in it.
    private struct Recent {
        var since = NIODeadline.now()
        var counts: [String: Int] = [:]
    }

    /// How long new connections of an address are counted together.
    static let period = TimeAmount.seconds(10)

    init(_ limits: ServerLimits, _ counters: ServerCounters) {
        self.limits = limits
        self.counters = counters
    }

    /// What a client is counted by: its IP address without the port, so that it counts once on IPv4 and IPv6 listeners.
    /// Nil if there is no such limit, and for local sockets.
    func key(of address: SocketAddress?) -> String? {
        guard limits.maximumConnectionsPerAddress > 0 || limits.maximumConnectionRate > 0, let text = address?.ipAddress else { return nil }
        let mapped = "::ffff:"  // RFC 4291 section 2.5.5.2
        return text.hasPrefix(mapped) ? String(text.dropFirst(mapped.utf8.count)) : text
    }

    /// Counts a new connection, or says why it may not be.
    func admit(_ address: String?) -> String? {
        let open = counters.connectionsOpen.add(1, ordering: .relaxed).newValue
        if limits.maximumConnections > 0, open > limits.maximumConnections {
            return refuse("too many connections", counters.connectionsTooMany)
        }
        if let address, limits.maximumConnectionRate > 0, !countNew(address, .now()) {
            return refuse("too many new connections from this address", counters.connectionsTooFrequent)
        }
        if let address, limits.maximumConnectionsPerAddress > 0 {
            let fits = perAddress.withLock { counts in
                let count = counts[address, default: 0]
                guard count < limits.maximumConnectionsPerAddress else { return false }
                counts[address] = count + 1
                return true
            }
            if !fits { return refuse("too many connections from this address", counters.connectionsTooManyOfAddress) }
        }
        counters.connectionsTotal.add(1, ordering: .relaxed)
        return nil
    }

    private func countNew(_ address: String, _ now: NIODeadline) -> Bool {
        recent.withLock { recent in
            if now - recent.since > Self.period {
                recent.since = now
                recent.counts.removeAll(keepingCapacity: recent.counts.count < 4096)
            }
            let count = recent.counts[address, default: 0]
            guard count < limits.maximumConnectionRate else { return false }
            recent.counts[address] = count + 1
            return true
        }
    }

    private func refuse(_ reason: String, _ counter: borrowing Atomic<UInt64>) -> String {
        counters.connectionsOpen.subtract(1, ordering: .relaxed)
        counter.add(1, ordering: .relaxed)
        return reason
    }

    /// An admitted connection has ended.
    func release(_ address: String?) {
        counters.connectionsOpen.subtract(1, ordering: .relaxed)
        guard let address else { return }
        perAddress.withLock { counts in
            guard let count = counts[address] else { return }
            counts[address] = count > 1 ? count - 1 : nil
        }
    }
}
