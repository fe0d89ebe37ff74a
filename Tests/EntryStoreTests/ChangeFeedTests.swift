@testable import EntryStore
import Synchronization
import Testing

@Suite struct ChangeFeedTests {
    private func follower(_ feed: ChangeFeed, count: Int = 10, size: Int = 10_000, _ wakes: Wakes = Wakes()) throws -> ChangeFollower {
        try #require(feed.follow(countLimit: count, sizeLimit: size) { wakes.count.add(1, ordering: .relaxed) })
    }

    final class Wakes: Sendable {
        let count = Atomic<Int>(0)
    }

    private func changes(_ ids: ClosedRange<UInt64>) -> [EntryChange] { ids.map { EntryChange(kind: .add, id: EntryID(rawValue: $0)) } }

    @Test func everyFollowerGetsEveryChangeInOrder() throws {
        let feed = ChangeFeed()
        #expect(!feed.isFollowed)
        let (wakes, other) = (Wakes(), Wakes())
        let (a, b) = (try follower(feed, wakes), try follower(feed, other))
        #expect(feed.isFollowed)
        feed.publish(changes(1...2), commit: 7)
        feed.publish(changes(3...3), commit: 8)
        #expect(a.takeAll()?.map(\.id.rawValue) == [1, 2, 3])
        #expect(b.takeAll()?.map(\.commit) == [7, 7, 8])
        // Woken once for all that waited.
        #expect(wakes.count.load(ordering: .relaxed) == 1)
        feed.publish(changes(4...4), commit: 9)
        #expect(wakes.count.load(ordering: .relaxed) == 2 && a.hasNews)
        a.end()
        b.end()
        #expect(!feed.isFollowed)
        feed.publish(changes(5...5), commit: 10)
        #expect(a.takeAll()?.isEmpty == true)
    }

    /// Whoever does not take changes keeps no more than was agreed, and learns that some are lost.
    @Test func whatWaitsIsBounded() throws {
        let feed = ChangeFeed()
        let follower = try follower(feed)
        feed.publish(changes(1...10), commit: 1)
        #expect(follower.takeAll()?.count == 10)
        feed.publish(changes(1...11), commit: 2)
        #expect(follower.hasNews && follower.takeAll() == nil)
        let small = try self.follower(feed, size: 100)
        feed.publish([EntryChange(kind: .rename(from: Array(repeating: 1, count: 200)), id: .root)], commit: 3)
        #expect(small.takeAll() == nil)
    }

    @Test func followersAreBounded() throws {
        let feed = ChangeFeed()
        let all = try (0..<ChangeFeed.limit).map { _ in try follower(feed) }
        #expect(feed.follow(countLimit: 1, sizeLimit: 1, wake: {}) == nil)
        for follower in all { follower.end() }
        #expect(!feed.isFollowed)
    }
}
