import Synchronization

/// Which entry a value of an equality index led to, where it was one alone. Who is looked up comes again, and a descent into the index costs
/// several misses of the processor's caches; this costs one.
///
/// A ``FoundTable`` by the keys' hashes, whose places hold the key that was looked for last. Two keys may have one hash, so what is found must be
/// verified.
final class FoundValues: Sendable {
    /// What is known of a key.
    struct Finding {
        /// The entry that has the value, alone, if that is known.
        let entry: EntryID?
        fileprivate let hash: UInt64
        fileprivate let found: FoundTable.Finding
    }

    private let table: FoundTable
    /// What was found before this commit is not right.
    private let floor = Atomic<Int>(.min)

    /// Nil if there is no memory for it.
    /// - Parameters:
    ///   - entries: so many are in the store; there are four places for each, from 65,536 to four million.
    ///   - commit: the last one.
    init?(entries: Int, commit: Int) {
        guard let table = FoundTable(places: entries * 4, bounds: 16...22, commit: commit) else { return nil }
        self.table = table
    }

    /// What is known of a key at a commit.
    /// - Parameter hash: of the whole key, without the block; see `OctetHash`.
    func look(_ hash: UInt64, at commit: Int) -> Finding {
        let found = table.look(hash, at: commit)
        let isGood = found.entry != .root && found.word == hash && found.foundAt >= floor.load(ordering: .acquiring)
        return Finding(entry: isGood ? found.entry : nil, hash: hash, found: found)
    }

    /// Notes that at a commit a key leads to one entry and to no other.
    /// - Parameter finding: what was known before the index was asked.
    func note(_ entry: EntryID, at commit: Int, _ finding: Finding) { table.note(entry, finding.hash, finding.hash, at: commit, finding.found) }

    /// Notes that a commit changes a key, before it is made.
    func noteChange(_ hash: UInt64, by commit: Int) { table.noteChange(hash, by: commit) }

    /// Notes that a commit may change every key, before it is made.
    func noteChanges(by commit: Int) { floor.store(commit, ordering: .sequentiallyConsistent) }
}
