import EntryStore
import Synchronization

/// Which groups of other directories accounts are in (10.1, grantees of type `egp`), as those directories said at a login. Nobody else is asked: what is
/// decided from it is decided on event loops and within changes, which wait for no one.
final class OutsideGroups: Sendable {
    private struct Known {
        /// Grantees, as in grants.
        let groups: Set<String>
        /// Those that were asked for.
        let asked: [String]
        let time: ContinuousClock.Instant
    }

    private let known = Mutex<[EntryID: Known]>([:])
    /// Counts what has changed.
    private let changes = Atomic<Int>(0)
    /// Milliseconds after ``origin`` from which on something no longer counts.
    private let expiry = Atomic<Int>(.max)
    private let origin = ContinuousClock.now

    /// How long what was said counts, unless somebody logs in to the account and it is asked for again.
    static let validity = Duration.seconds(3600)
    /// More accounts are not known at a time.
    static let limit = 20_000

    /// A number that is another one whenever some account may be in other groups than before.
    func revision(_ now: @autoclosure () -> ContinuousClock.Instant = .now) -> Int {
        // The clock is not looked at while there is nothing that could be too old.
        let first = expiry.load(ordering: .relaxed)
        if first != .max {
            let now = now()
            if milliseconds(now) >= first { forgetOld(now) }
        }
        return changes.load(ordering: .acquiring)
    }

    /// The groups of an account that count.
    func groups(of id: EntryID, _ now: @autoclosure () -> ContinuousClock.Instant = .now) -> Set<String> {
        if expiry.load(ordering: .acquiring) == .max { return [] }
        let now = now()
        return known.withLock { known in known[id].flatMap { now - $0.time < Self.validity ? $0.groups : nil } ?? [] }
    }

    /// Whether it is to be asked again: what is known is older than an age, or about other groups.
    func isDue(_ id: EntryID, _ asked: [String], age: Duration, _ now: ContinuousClock.Instant = .now) -> Bool {
        known.withLock { known in
            guard let item = known[id] else { return true }
            return item.asked != asked || now - item.time >= age
        }
    }

    /// Keeps what was said.
    /// - Parameters:
    ///   - asked: the groups that were asked for, empty to have the next login ask again.
    ///   - time: when the question was begun.
    func keep(_ groups: Set<String>, of id: EntryID, asked: [String], at time: ContinuousClock.Instant) {
        known.withLock { known in
            if let newer = known[id], newer.time > time { return }
            if known.count >= Self.limit, known[id] == nil {
                // Who is in none loses nothing.
                known = known.filter { !$0.value.groups.isEmpty && time - $0.value.time < Self.validity }
                if known.count >= Self.limit { known.removeAll() }
                changes.add(1, ordering: .releasing)
            }
            let before = known[id]?.groups ?? []
            known[id] = Known(groups: groups, asked: asked, time: time)
            let end = milliseconds(time + Self.validity)
            if end < expiry.load(ordering: .relaxed) { expiry.store(end, ordering: .releasing) }
            if before != groups { changes.add(1, ordering: .releasing) }
        }
    }

    private func forgetOld(_ now: ContinuousClock.Instant) {
        known.withLock { known in
            known = known.filter { now - $0.value.time < Self.validity }
            expiry.store(known.values.map { milliseconds($0.time + Self.validity) }.min() ?? .max, ordering: .releasing)
            changes.add(1, ordering: .releasing)
        }
    }

    private func milliseconds(_ time: ContinuousClock.Instant) -> Int {
        let passed = (time - origin).components
        return Int(passed.seconds) * 1000 + Int(passed.attoseconds / 1_000_000_000_000_000)
    }
}
