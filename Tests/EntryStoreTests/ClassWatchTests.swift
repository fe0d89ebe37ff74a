import Schema
import Testing

@testable import EntryStore

/// What caches learn about changed entries.
@Suite struct ClassWatchTests {
    @Test func changesAreRememberedByCommit() throws {
        let watch = ClassWatch([], number: 0, schema: try Schema([]))
        #expect(watch.changes(after: 0) == [])
        watch.note(commit: 5, transaction: 8, changed: [EntryID(rawValue: 1)])
        watch.note(commit: 7, transaction: 11, changed: [EntryID(rawValue: 2), EntryID(rawValue: 1)])
        #expect(watch.lastChange == 7)
        #expect(watch.changes(after: 4)?.map(\.rawValue) == [1, 2, 1])
        #expect(watch.changes(after: 5)?.map(\.rawValue) == [2, 1])
        #expect(watch.changes(after: 7) == [])
        // Without those that were seen in the transaction; of one that was given up there are none.
        #expect(watch.changes(after: 4, but: (11, 1))?.map(\.rawValue) == [1, 1])
        #expect(watch.changes(after: 4, but: (11, 9))?.map(\.rawValue) == [1])
        #expect(watch.changes(after: 4, but: (9, 2))?.map(\.rawValue) == [1, 2, 1])
    }

    @Test func tooManyChangesAreForgotten() throws {
        let watch = ClassWatch([], number: 0, schema: try Schema([]))
        for commit in 1...10_000 { watch.note(commit: commit, transaction: commit, changed: [EntryID(rawValue: UInt64(commit))]) }
        #expect(watch.changes(after: 0) == nil)
        let kept = try #require(watch.changes(after: 9_000))
        #expect(kept.map(\.rawValue) == Array(9_001...10_000))
        // One commit with more than are remembered.
        watch.note(commit: 10_001, transaction: 10_001, changed: (1...10_000).map { EntryID(rawValue: $0) })
        #expect(watch.changes(after: 10_000) == nil)
        #expect(watch.changes(after: 10_001) == [])
    }
}
