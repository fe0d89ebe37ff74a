@testable import EntryStore
import Testing

/// Groups of changes are small and apart beside many look-ups, and only then.
struct LookupPriorityTests {
    private let second = 1_000_000_000

    /// What follows a group of `size` changes, `milliseconds` later, when there were so many look-ups in between.
    private func share(rate: Int = 500, processors: Int = 2, size: Int = 64, lookups: Int, milliseconds: Int = 10) -> LookupPriority.Share {
        var priority = LookupPriority(rate: rate, processors: processors)
        priority.note(size: size, lookups: 1_000_000, start: second)
        return priority.share(1_000_000 + lookups, at: second + milliseconds * 1_000_000)
    }

    private func free(_ share: LookupPriority.Share, milliseconds: Int = 10) -> Bool {
        share == LookupPriority.Share(changes: .max, start: second + milliseconds * 1_000_000)
    }

    @Test func besideManyLookupsGroupsAreSmallAndApart() {
        // 300 in 10 ms: 30,000 in a second, where 10,000 are many.
        #expect(share(lookups: 300) == LookupPriority.Share(changes: 8, start: second + 8_000_000))
        // A small group is followed sooner.
        #expect(share(size: 3, lookups: 300) == LookupPriority.Share(changes: 8, start: second + 3_000_000))
        #expect(share(rate: 50, lookups: 300).start == second + 80_000_000)
        #expect(share(processors: 1, lookups: 300).start == second + 16_000_000)
    }

    @Test func withoutThemTheyAreMadeAsTheyCome() {
        #expect(free(share(lookups: 0)))
        // Too few in that time, too few for these changes, or more processors to make them.
        #expect(free(share(size: 8, lookups: 99)))
        #expect(free(share(size: 64, lookups: 255)))
        #expect(free(share(processors: 8, lookups: 300)))
        #expect(free(share(rate: 0, lookups: 300)))
        // The first group, and one long after another.
        #expect(LookupPriority(rate: 500, processors: 2).share(1 << 40, at: second) == LookupPriority.Share(changes: .max, start: second))
        let year = 365 * 86_400_000
        #expect(free(share(lookups: 300_000_000, milliseconds: year), milliseconds: year))
    }

    @Test func whoComesRarelyWaitsForNobody() {
        let share = share(size: 1, lookups: 20_000, milliseconds: 1000)
        #expect(share.start < second + 1_000_000_000)
    }
}
