import EntryStore
import Synchronization

/// How many wrong passwords are taken before a client is told to wait.
public struct BindLimits: Sendable, Hashable {
    /// From one IP address within ``period``; 0: no limit. Clients behind one proxy share an address, hence no default.
    public var failuresPerAddress = 0
    /// For one name within ``period``, wherever they come from; 0: no limit. More than people and their devices make: a limit that is
    /// reached keeps the owner out too.
    public var failuresPerEntry = 300
    /// How long wrong passwords are counted together.
    public static let period = Duration.seconds(60)

    public init() {}
}

/// Counts wrong passwords by address and by name. Nothing is locked and nothing remembered while there are none.
final class BindThrottle: Sendable {
    private enum Key: Hashable {
        case address([UInt8])
        case entry(EntryID)
        /// As given, in lower case: a name that stands for nobody is treated as one that does.
        case name([UInt8])
    }

    private struct State {
        var since = ContinuousClock.now
        var counts: [Key: Int] = [:]
    }

    private let limits: BindLimits
    private let counters: DirectoryCounters
    private let state = Mutex(State())
    private let isCounting = Atomic<Bool>(false)
    /// More keys than that in one period are not counted.
    private static let capacity = 100_000

    init(_ limits: BindLimits, _ counters: DirectoryCounters) {
        self.limits = limits
        self.counters = counters
    }

    /// Whether an attempt is not to be made any more for now.
    func refuses(_ name: [UInt8], _ account: LoginAccount?, peer: String) -> Bool {
        guard isCounting.load(ordering: .relaxed) else { return false }
        let keys = keys(name, account, peer)
        return state.withLock { state in
            if ContinuousClock.now - state.since > BindLimits.period {
                state.counts = [:]
                isCounting.store(false, ordering: .relaxed)
                return false
            }
            if let address = keys.address, state.counts[address, default: 0] >= limits.failuresPerAddress {
                counters.bindsRefusedForAddress.add(1, ordering: .relaxed)
                return true
            }
            if let entry = keys.entry, state.counts[entry, default: 0] >= limits.failuresPerEntry {
                counters.bindsRefusedForEntry.add(1, ordering: .relaxed)
                return true
            }
            return false
        }
    }

    /// Counts a wrong password.
    func noteFailure(_ name: [UInt8], _ account: LoginAccount?, peer: String) {
        let keys = keys(name, account, peer)
        let counted = [keys.address, keys.entry].compactMap { $0 }
        if counted.isEmpty { return }
        state.withLock { state in
            let now = ContinuousClock.now
            if now - state.since > BindLimits.period || state.counts.isEmpty { state = State(since: now) }
            for key in counted where state.counts.count < Self.capacity || state.counts[key] != nil { state.counts[key, default: 0] += 1 }
            isCounting.store(true, ordering: .relaxed)
        }
    }

    private func keys(_ name: [UInt8], _ account: LoginAccount?, _ peer: String) -> (address: Key?, entry: Key?) {
        var keys: (address: Key?, entry: Key?) = (nil, nil)
        if limits.failuresPerAddress > 0 { keys.address = Self.address(peer).map { .address($0) } }
        if limits.failuresPerEntry > 0 {
            if case .entry(let id, _, _)? = account?.identity, id.rawValue != .max {
                keys.entry = .entry(id)
            } else {
                keys.entry = .name(name.prefix(512).map { 0x41...0x5a ~= $0 ? $0 | 0x20 : $0 })
            }
        }
        return keys
    }

    /// `127.0.0.1` of `IP=127.0.0.1:4711`; nil for a local socket.
    private static func address(_ peer: String) -> [UInt8]? {
        guard peer.hasPrefix("IP="), let colon = peer.lastIndex(of: ":") else { return nil }
        return Array(peer[..<colon].utf8.dropFirst(3))
    }
}
