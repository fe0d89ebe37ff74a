#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Holds changes back a little while look-ups keep the processors busy.
///
/// A group of changes is answered at once: all its clients then want a processor, and send their next changes one right after the other. Who looks
/// something up meanwhile waits for all of that. So as long as there are many look-ups, and several times as many as changes, groups are small and
/// do not follow each other at once.
struct LookupPriority {
    /// How the next group is to be made.
    struct Share: Hashable {
        /// Changes in it at most.
        var changes: Int
        /// When it begins at the earliest, on the monotonic clock.
        var start: Int
    }

    /// Nanoseconds for a change beside many look-ups; nil: no more than it takes.
    private let time: Int?
    /// Look-ups in a second that are many.
    private let many: Double
    private var lookups = 0
    private var start = 0
    private var size = 0

    /// Changes of a group beside many look-ups.
    static let changes = 8
    /// What a processor answers easily, in a second.
    static let lookupsOfProcessor = 5000
    /// There are many look-ups for each change.
    static let lookupsOfChange = 4

    /// - Parameter rate: changes in a second, for each processor, that are made beside many look-ups; 0: as many as can be.
    init(rate: Int, processors: Int = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) {
        time = rate > 0 ? 1_000_000_000 / processors / rate : nil
        many = Double(processors * Self.lookupsOfProcessor)
    }

    /// To be asked before each group.
    /// - Parameters:
    ///   - lookups: made so far.
    ///   - now: on the monotonic clock, in nanoseconds.
    func share(_ lookups: Int, at now: Int) -> Share {
        let between = lookups &- self.lookups
        guard let time, size > 0, between >= Self.lookupsOfChange * size, Double(between) >= many * Double(now - start) / 1e9 else {
            return Share(changes: .max, start: now)
        }
        return Share(changes: Self.changes, start: start + min(size, Self.changes) * time)
    }

    /// A group of so many changes was made, which began when so many look-ups had been made.
    mutating func note(size: Int, lookups: Int, start: Int) {
        (self.size, self.lookups, self.start) = (size, lookups, start)
    }
}
