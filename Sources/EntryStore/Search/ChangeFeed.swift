import BER
import LMDB
import Synchronization

/// A change of one entry, as those learn of it who follow changes.
public struct EntryChange: Sendable {
    public enum Kind: Sendable {
        case add, modify
        /// The name that the entry had, in string form.
        case rename(from: [UInt8])
        case delete(DeletedEntry)
    }

    public let kind: Kind
    public let id: EntryID
    /// The number of the commit.
    public internal(set) var commit = 0

    /// Octets that it keeps in memory.
    var size: Int {
        switch kind {
        case .add, .modify: 64
        case .rename(let name): 64 + name.count
        case .delete(let entry): 64 + entry.name.count + entry.record.count + entry.superiors.count * 8
        }
    }
}

/// What an entry was before it was removed.
public struct DeletedEntry: Sendable {
    /// In string form.
    public let name: [UInt8]
    /// The bytes of an ``EntryRecord``.
    public let record: [UInt8]
    /// The entries it stood below, the nearest first, and the root.
    public let superiors: [EntryID]
}

/// Tells followers of each commit what it changed. Nothing is gathered while there are none.
public final class ChangeFeed: Sendable {
    private let followers = Mutex<[ChangeFollower]>([])
    private let count = Atomic<Int>(0)
    /// Followers at once.
    public static let limit = 1024

    init() {}

    var isFollowed: Bool { count.load(ordering: .acquiring) > 0 }

    /// - Returns: nil if there are too many.
    func follow(countLimit: Int, sizeLimit: Int, wake: @escaping @Sendable () -> Void) -> ChangeFollower? {
        let follower = ChangeFollower(self, countLimit: countLimit, sizeLimit: sizeLimit, wake: wake)
        return followers.withLock {
            guard $0.count < Self.limit else { return nil }
            $0.append(follower)
            count.store($0.count, ordering: .releasing)
            return follower
        }
    }

    func remove(_ follower: ChangeFollower) {
        followers.withLock {
            $0.removeAll { $0 === follower }
            count.store($0.count, ordering: .releasing)
        }
    }

    /// To be called by the writer after a commit.
    func publish(_ changes: [EntryChange], commit: Int) {
        let list = followers.withLock { $0 }
        guard !list.isEmpty else { return }
        let stamped = changes.map { change in
            var change = change
            change.commit = commit
            return change
        }
        for follower in list { follower.take(stamped) }
    }
}

/// The changes that somebody has not dealt with yet, in the order of the commits; bounded.
public final class ChangeFollower: Sendable {
    private struct Queue {
        var changes: [EntryChange] = []
        var size = 0
        var isOverfull = false
        var hasEnded = false

        init(isOverfull: Bool = false, hasEnded: Bool = false) {
            self.isOverfull = isOverfull
            self.hasEnded = hasEnded
        }
    }

    private let queue = Mutex(Queue())
    private let feed: ChangeFeed
    private let wake: @Sendable () -> Void
    /// Changes and octets that may wait.
    private let countLimit: Int
    private let sizeLimit: Int

    fileprivate init(_ feed: ChangeFeed, countLimit: Int, sizeLimit: Int, wake: @escaping @Sendable () -> Void) {
        self.feed = feed
        self.countLimit = countLimit
        self.sizeLimit = sizeLimit
        self.wake = wake
    }

    fileprivate func take(_ changes: [EntryChange]) {
        let isFirst = queue.withLock { queue in
            if queue.isOverfull || queue.hasEnded { return false }
            let isFirst = queue.changes.isEmpty
            queue.size += changes.reduce(0) { $0 + $1.size }
            guard queue.changes.count + changes.count <= countLimit, queue.size <= sizeLimit else {
                queue = Queue(isOverfull: true)
                return true
            }
            queue.changes += changes
            return isFirst
        }
        if isFirst { wake() }
    }

    /// Whether there is something to be dealt with.
    public var hasNews: Bool { queue.withLock { !$0.changes.isEmpty || $0.isOverfull } }

    /// Takes the changes that wait; nil if there were more than may wait, and some are lost.
    public func takeAll() -> [EntryChange]? {
        queue.withLock { queue in
            if queue.isOverfull { return nil }
            defer {
                queue.changes = []
                queue.size = 0
            }
            return queue.changes
        }
    }

    /// Nothing more is wanted. Whoever follows must say so in the end.
    public func end() {
        feed.remove(self)
        queue.withLock { $0 = Queue(hasEnded: true) }
    }
}

extension EntryStore {
    /// Follows what is changed from now on: all that a snapshot taken after this does not show. Waits for a write transaction under way.
    /// - Parameter wake: called by any thread when something comes after nothing was waiting.
    /// - Returns: nil if too many follow already.
    public func follow(
        countLimit: Int, sizeLimit: Int, wake: @escaping @Sendable () -> Void
    ) throws(EntryStoreError) -> ChangeFollower? {
        guard let follower = changeFeed.follow(countLimit: countLimit, sizeLimit: sizeLimit, wake: wake) else { return nil }
        // A transaction that began before may not have gathered its changes; it has ended when another can begin.
        do { StoreTransaction.pass(try environment.beginWrite()) } catch {
            follower.end()
            throw EntryStoreError(error)
        }
        return follower
    }
}
