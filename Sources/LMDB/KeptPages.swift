import Synchronization

/// Keeps the pages of past states of a database, so that what was found in the map can be read again where it was found.
///
/// LMDB writes over a page that a commit has done without only when no read transaction is older than that commit. So a read transaction keeps not
/// only the pages of the state that it sees, but those of all later states too: what anybody found at that state or a later one is still there.
///
/// There are at most two such transactions. ``advance()`` begins one of the last commit, which those who come then hold (``hold()``), and the
/// one before ends when all who hold it have left.
public final class KeptPages: Sendable {
    /// While it lives, what was found at ``since`` or a later commit is where it was found.
    public struct Hold: ~Copyable, Sendable {
        private let kept: KeptPages
        private let phase: Int
        /// The number of a commit; `Int.max` if nothing is kept.
        public let since: Int

        fileprivate init(_ kept: KeptPages, phase: Int, since: Int) {
            self.kept = kept
            self.phase = phase
            self.since = since
        }

        deinit { kept.leave(phase) }

        /// Whether a later one would hold the same.
        public var isNewest: Bool { kept.phase.load(ordering: .acquiring) == phase }
    }

    /// Who holds one of the two states.
    private final class Side: Sendable {
        let holders = Atomic<Int>(0)
        /// The commit that is kept; `Int.max` if none is. Each holder has a copy.
        let since = Atomic<Int>(.max)

        var isHeld: Bool { holders.load(ordering: .sequentiallyConsistent) != 0 }
    }

    private let environment: Environment
    /// Which side those who come hold: the even one or the odd one.
    private let phase = Atomic<Int>(0)
    private let even = Side()
    private let odd = Side()
    /// Of the even side and of the odd one. Who changes these, or the phase, has it locked.
    private let pins = Mutex<[Pin?]>([nil, nil])

    public init(_ environment: Environment) { self.environment = environment }

    private func side(_ phase: Int) -> Side { phase & 1 == 0 ? even : odd }

    // All orders are total: who enters a phase, then sees that it is the current one, is seen by who has ended it and then counts.

    private func leave(_ phase: Int) { side(phase).holders.subtract(1, ordering: .sequentiallyConsistent) }

    /// Holds the newest state that is kept, on any thread, without waiting.
    public func hold() -> Hold {
        while true {
            let current = phase.load(ordering: .sequentiallyConsistent)
            let side = side(current)
            side.holders.add(1, ordering: .sequentiallyConsistent)
            if phase.load(ordering: .sequentiallyConsistent) == current {
                return Hold(self, phase: current, since: side.since.load(ordering: .sequentiallyConsistent))
            }
            leave(current)
        }
    }

    /// Keeps the last commit's state from now on, and lets go of the earlier one when nobody holds it. Does nothing while a state is held that is
    /// earlier still, or if the system refuses it.
    /// - Returns: whether the last commit's state is kept.
    @discardableResult
    public func advance() -> Bool {
        let isDone = pins.withLock { pins in
            let next = phase.load(ordering: .sequentiallyConsistent) &+ 1
            guard !side(next).isHeld, let pin = try? Pin(environment) else { return false }
            keep(pin, next, &pins)
            phase.store(next, ordering: .sequentiallyConsistent)
            return true
        }
        letGo()
        return isDone
    }

    /// To be called while nobody holds that side.
    private func keep(_ pin: Pin?, _ phase: Int, _ pins: inout [Pin?]) {
        side(phase).since.store(pin?.transaction.id ?? .max, ordering: .sequentiallyConsistent)
        pins[phase & 1] = pin
    }

    /// Lets go of the earlier state if nobody holds it; whether it is gone.
    @discardableResult
    public func letGo() -> Bool {
        pins.withLock { pins in
            let earlier = phase.load(ordering: .sequentiallyConsistent) &+ 1
            if !side(earlier).isHeld { keep(nil, earlier, &pins) }
            return pins[earlier & 1] == nil
        }
    }

    /// Keeps nothing any more, but for those who hold something.
    public func end() {
        pins.withLock { pins in
            let current = phase.load(ordering: .sequentiallyConsistent)
            side(current).since.store(.max, ordering: .sequentiallyConsistent)
            guard !side(current &+ 1).isHeld else { return }
            keep(nil, current &+ 1, &pins)
            phase.store(current &+ 1, ordering: .sequentiallyConsistent)
        }
        letGo()
    }

    /// The commits whose states are kept.
    public var commits: [Int] { pins.withLock { pins in pins.compactMap { $0?.transaction.id } } }
}
