import Synchronization

/// The index changes of a write transaction that are not in the database yet. Those of all operations of a group are written together, in
/// key order: most sets that one of them changes its neighbours change, too.
///
/// Until then the index sets in the database are right of all entries but ``entries``. Whoever reads sets in the transaction asks here as
/// well (``IndexBatch/membership(of:in:)``); the planner tests these few entries one by one.
struct PendingIndexes {
    var batch = IndexBatch()
    /// The entries whose index keys have changed; some may come twice.
    private(set) var entries: [EntryID] = []

    /// Whether a planner has tested ``entries`` since the changes were last written. Apart, because planners only borrow what they read.
    private let tested = Tested()

    private final class Tested: Sendable {
        let value = Atomic<Bool>(false)
    }

    /// So many entries wait at most, and so many bytes of changes: then they are written, in the midst of a group.
    private static let entryLimit = 1024
    private static let memoryLimit = 64 << 20
    /// So few that planners may test them again and again: a group of the usual size, whose operations look for a value or two each.
    private static let few = 64

    var isEmpty: Bool { entries.isEmpty && batch.isEmpty }

    /// Whether what waits is to be written before more comes: it is much, or planners test it.
    var isDue: Bool {
        entries.count > (tested.value.load(ordering: .relaxed) ? Self.few : Self.entryLimit) || batch.memory > Self.memoryLimit
    }

    /// Says that a planner tests the entries, and that the next one may, too.
    func noteTest() { tested.value.store(true, ordering: .relaxed) }

    mutating func note(_ id: EntryID) {
        if entries.last != id { entries.append(id) }
    }

    mutating func note(_ ids: [EntryID]) { entries += ids }

    /// The entries in ascending order, each once.
    var ordered: [EntryID] {
        var ids = entries.sorted()
        var count = min(1, ids.count)
        for index in ids.indices.dropFirst() where ids[index] != ids[count - 1] {
            ids[count] = ids[index]
            count += 1
        }
        ids.removeLast(ids.count - count)
        return ids
    }

    mutating func removeAll() {
        batch.removeAll()
        entries.removeAll(keepingCapacity: true)
        tested.value.store(false, ordering: .relaxed)
    }
}
