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

    /// Keeps a state while it lives.
    private final class Pin: @unchecked Sendable {
        // Sound: nothing is done with the transaction but to begin and to end it, one thread after the other, as LMDB allows with MDB_NOTLS.
        let transaction: Transaction
        init(_ environment: Environment) throws(LMDBError) { transaction = try environment.beginRead() }
    }

    private struct Pins {
        var even: Pin?
        var odd: Pin?

        subscript(phase: Int) -> Pin? {
            get { phase & 1 == 0 ? even : odd }
            set { if phase & 1 == 0 { even = newValue } else { odd = newValue } }
        }
    }

    private let environment: Environment
    /// Which of the two is held by those who come: the even one or the odd one.
    private let phase = Atomic<Int>(0)
    private let pins = Mutex(Pins())
    // Of each how many hold it, and the commit that it keeps. The latter changes only while nobody holds it.
    private let evenHolders = Atomic<Int>(0)
    private let oddHolders = Atomic<Int>(0)
    private let evenSince = Atomic<Int>(.max)
    private let oddSince = Atomic<Int>(.max)

    public init(_ environment: Environment) { self.environment = environment }

    // All orders are total: who enters a phase, then sees that it is the current one, is seen by who has ended it and then counts.

    private func enter(_ phase: Int) {
        _ = phase & 1 == 0 ? evenHolders.add(1, ordering: .sequentiallyConsistent) : oddHolders.add(1, ordering: .sequentiallyConsistent)
    }

    private func leave(_ phase: Int) {
        _ = phase & 1 == 0 ? evenHolders.subtract(1, ordering: .sequentiallyConsistent) : oddHolders.subtract(1, ordering: .sequentiallyConsistent)
    }

    private func isHeld(_ phase: Int) -> Bool {
        (phase & 1 == 0 ? evenHolders.load(ordering: .sequentiallyConsistent) : oddHolders.load(ordering: .sequentiallyConsistent)) != 0
    }

    private func since(_ phase: Int) -> Int {
        phase & 1 == 0 ? evenSince.load(ordering: .sequentiallyConsistent) : oddSince.load(ordering: .sequentiallyConsistent)
    }

    private func setSince(_ commit: Int, _ phase: Int) {
        if phase & 1 == 0 {
            evenSince.store(commit, ordering: .sequentiallyConsistent)
        } else {
            oddSince.store(commit, ordering: .sequentiallyConsistent)
        }
    }

    /// Holds the newest state that is kept, on any thread, without waiting.
    public func hold() -> Hold {
        while true {
            let current = phase.load(ordering: .sequentiallyConsistent)
            enter(current)
            if phase.load(ordering: .sequentiallyConsistent) == current { return Hold(self, phase: current, since: since(current)) }
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
            guard !isHeld(next) else { return false }
            pins[next] = nil
            guard let pin = try? Pin(environment) else { return false }
            pins[next] = pin
            setSince(pin.transaction.id, next)
            phase.store(next, ordering: .sequentiallyConsistent)
            return true
        }
        letGo()
        return isDone
    }

    /// The commits whose states are kept.
    public var commits: [Int] { pins.withLock { pins in [pins.even, pins.odd].compactMap { $0?.transaction.id } } }

    /// Lets go of the earlier state if nobody holds it; whether it is gone.
    @discardableResult
    public func letGo() -> Bool {
        pins.withLock { pins in
            let earlier = phase.load(ordering: .sequentiallyConsistent) &+ 1
            guard pins[earlier] != nil else { return true }
            guard !isHeld(earlier) else { return false }
            setSince(.max, earlier)
            pins[earlier] = nil
            return true
        }
    }

    /// Keeps nothing any more, but for those who hold something.
    public func end() {
        pins.withLock { pins in
            let next = phase.load(ordering: .sequentiallyConsistent) &+ 1
            setSince(.max, next &+ 1)
            guard !isHeld(next) else { return }
            pins[next] = nil
            setSince(.max, next)
            phase.store(next, ordering: .sequentiallyConsistent)
        }
        letGo()
    }
}
