/// Whether a group waits a little before it is committed.
///
/// Clients that were answered together ask again together, a moment later. Whoever comes first would be alone in a group, and all others would
/// wait for its way to the disk. So a group waits for as many changes as the last one had, but only right after that one, and for a fraction of
/// the time that a commit takes: a change that comes after a while, or alone each time, is not delayed.
struct GroupPace {
    /// Changes in the last group.
    private var size = 0
    /// When its answers were given, on the monotonic clock.
    private var end = 0
    /// How long its commit took, in nanoseconds.
    private var commit = 0

    /// Longest time that a group waits, in nanoseconds.
    private static let limit = 2_000_000

    /// How long a group that begins now may wait for further changes, and how many it expects with those it has.
    func patience(_ now: Int) -> (changes: Int, nanoseconds: Int) {
        let time = min(commit / 2, Self.limit)
        return size > 1 && now - end <= time ? (size, time) : (0, 0)
    }

    mutating func note(size: Int, commit: Int, end: Int) {
        self.size = size
        self.commit = commit
        self.end = end
    }
}
