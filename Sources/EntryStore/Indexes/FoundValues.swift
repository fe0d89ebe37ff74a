import Synchronization

/// Which entry a value of an equality index led to, where it was one alone. Who is looked up comes again, and a descent into the index costs
/// several misses of the processor's caches; this costs one.
///
/// A table by the keys' hashes that all threads share, without locks: a place holds the key that was looked for last, and the commit at which it
/// led to the entry. The writer puts the number of its commit into the place of each key that it changes, before it commits: then nothing older
/// is read there any more, and nothing older can be put there. Two keys may have one hash, so what is found must be verified.
///
/// Only for stores that are changed by nobody but the process itself.
final class FoundValues: Sendable {
    /// What the table says of a key.
    struct Finding {
        /// The entry that has the value, alone, if that is known.
        var entry: EntryID?
        fileprivate let hash: UInt64
        /// What stood in the key's place.
        fileprivate let word: UInt64
    }

    /// Two for each place: what it knows (an entry's number above a commit's; of no entry, a change), and the key's hash, mixed with the first so
    /// that words of two writes do not go together.
    private let words: SharedWords<UInt64>
    /// Commits are counted from this one.
    private let base: Int
    /// What was found before this commit is not right.
    private let floor = Atomic<UInt64>(0)

    private static let leastBits = 16
    private static let mostBits = 22

    /// Nil if there is no memory for it.
    /// - Parameters:
    ///   - entries: so many are in the store; the table has four places for each, of 16 octets, from 65,536 to four million.
    ///   - commit: the last one.
    init?(entries: Int, commit: Int) {
        var bits = Self.leastBits
        while bits < Self.mostBits, 1 << bits < entries * 4 { bits += 1 }
        guard let words = SharedWords<UInt64>(count: 2 << bits) else { return nil }
        self.words = words
        base = commit
    }

    /// The number of a commit as places hold it; nil for one that is too far away.
    private func number(_ commit: Int) -> UInt64? {
        let number = UInt64(bitPattern: Int64(commit &- base))
        return number <= UInt64(UInt32.max) ? number : nil
    }

    private static func commit(_ word: UInt64) -> UInt64 { word & 0xffff_ffff }
    private static func entry(_ word: UInt64) -> UInt64 { word >> 32 }
    private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 { hash ^ word &* 0x9e37_79b9_7f4a_7c15 }

    /// Of a key's first word.
    private func place(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (words.count / 2 - 1) &* 2 }

    /// What is known of a key at a commit.
    /// - Parameter hash: of the whole key, without the block; see `KeyTable`.
    func look(_ hash: UInt64, at commit: Int) -> Finding {
        let place = place(hash)
        let word = words[place].load(ordering: .acquiring)
        guard Self.entry(word) != 0, words[place + 1].load(ordering: .acquiring) == Self.mix(hash, word),
            let commit = number(commit), Self.commit(word) <= commit, Self.commit(word) >= floor.load(ordering: .acquiring)
        else { return Finding(entry: nil, hash: hash, word: word) }
        return Finding(entry: EntryID(rawValue: Self.entry(word)), hash: hash, word: word)
    }

    /// Notes that at a commit a key leads to one entry and to no other.
    /// - Parameter finding: what was known before the index was asked.
    func note(_ entry: EntryID, at commit: Int, _ finding: Finding) {
        // A place never goes back to an earlier commit: what was changed meanwhile stays known, and what is there twice is the same.
        guard entry.rawValue > 0, entry.rawValue <= UInt64(UInt32.max), let commit = number(commit), commit >= Self.commit(finding.word)
        else { return }
        let word = entry.rawValue << 32 | commit
        let place = place(finding.hash)
        guard words[place].compareExchange(expected: finding.word, desired: word, ordering: .acquiringAndReleasing).exchanged else { return }
        words[place + 1].store(Self.mix(finding.hash, word), ordering: .releasing)
    }

    /// Notes that a commit changes a key, before it is made.
    func noteChange(_ hash: UInt64, by commit: Int) {
        // One too far away to be told is too far to be asked for.
        guard let commit = number(commit) else { return }
        words[place(hash)].store(commit, ordering: .sequentiallyConsistent)
    }

    /// Notes that a commit may change every key, before it is made.
    func noteChanges(by commit: Int) {
        floor.store(number(commit) ?? .max, ordering: .sequentiallyConsistent)
    }
}
