import BER
import Schema
import Synchronization

/// Knows the last commit that changed an entry of certain object classes: what was worked out from such entries (classes of service,
/// domains, lists) is right for every snapshot from that commit on.
///
/// ``Snapshot/serves(_:madeAt:)`` tells whether a cache is right for a snapshot.
public final class ClassWatch: Sendable {
    /// By class: whether it is watched.
    private let isWatched: [Bool]
    /// Its place among the watches of the store.
    let number: Int
    private let commit = Atomic<Int>(0)
    private let recent = Mutex(Recent())
    /// Changes remembered at most.
    private static let limit = 4096

    /// The last changed entries.
    private struct Recent {
        var changes: [(commit: Int, transaction: Int, id: EntryID)] = []
        /// All changes of later commits are remembered.
        var completeAfter = 0
    }

    init(_ classes: [ObjectClassID], number: Int, schema: Schema) {
        self.number = number
        var isWatched = Array(repeating: false, count: schema.objectClasses.count)
        for description in schema.objectClasses {
            isWatched[Int(description.id.rawValue)] = schema.superiors(of: description.id).contains { classes.contains($0) }
        }
        self.isWatched = isWatched
    }

    /// The number of the last commit that added, changed, renamed or removed an entry of the classes or of classes derived from them; 0:
    /// none since the store was opened. It is set before the commit can be seen.
    public var lastChange: Int { commit.load(ordering: .acquiring) }

    /// Classes that were defined later are not watched.
    func concerns(_ objectClass: ObjectClassID) -> Bool {
        Int(objectClass.rawValue) < isWatched.count && isWatched[Int(objectClass.rawValue)]
    }

    /// The entries that commits after one have changed (some may come twice, or have been left as they were by a commit that failed);
    /// nil if they are too many to be remembered. As with ``lastChange``, to be asked after the snapshot was taken.
    /// - Parameter known: the number of a write transaction, and how many of its changes are left out because they were seen in it.
    public func changes(after commit: Int, but known: (transaction: Int, count: Int) = (0, 0)) -> [EntryID]? {
        recent.withLock { recent in
            guard commit >= recent.completeAfter else { return nil }
            // From the end: most know all but the last few.
            var first = recent.changes.count
            while first > 0, recent.changes[first - 1].commit > commit { first -= 1 }
            var left = known.count
            return recent.changes[first...].compactMap { change in
                if left > 0, change.transaction == known.transaction {
                    left -= 1
                    return nil
                }
                return change.id
            }
        }
    }

    func note(commit: Int, transaction: Int, changed: [EntryID]) {
        recent.withLock { recent in
            for id in changed { recent.changes.append((commit, transaction, id)) }
            // Half at once, so that this is not done for every change.
            if recent.changes.count > Self.limit {
                let kept = recent.changes.count - Self.limit / 2
                recent.completeAfter = recent.changes[kept - 1].commit
                recent.changes.removeFirst(kept)
            }
        }
        self.commit.store(commit, ordering: .releasing)
    }
}

extension Snapshot {
    /// Whether what was worked out from the watched entries in a snapshot of some commit is right for this snapshot.
    ///
    /// In a write transaction it is not once the transaction itself has changed such entries: then it must be worked out anew, and not
    /// be kept (``isUncommitted``).
    public borrowing func serves(_ watch: ClassWatch, madeAt commit: Int) -> Bool {
        if isUncommitted, !changes(of: watch).isEmpty { return false }
        // Read after this snapshot was taken: no change that it sees can be missing.
        return watch.lastChange <= min(commit, self.commit)
    }

    /// The commit from which on what is worked out from the watched entries of this snapshot is right; nil if it must not be kept, because
    /// this is a write transaction, which may be given up, and has changed such entries.
    public borrowing func commitToKeep(of watch: ClassWatch) -> Int? {
        if !isUncommitted { return commit }
        return changes(of: watch).isEmpty ? commit - 1 : nil
    }

    /// The watched entries that this write transaction has changed so far; some may come twice.
    public borrowing func changes(of watch: ClassWatch) -> [EntryID] {
        watch.number < changedEntries.count ? changedEntries[watch.number] : []
    }
}
