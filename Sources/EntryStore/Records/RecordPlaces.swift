import BER
import LMDB
import Synchronization

/// Where records lie: read there again, one needs no descent in the database, and most of what a look-up waits for is memory that a descent touches.
///
/// A table by the entries' numbers that all threads share. A place holds an entry, the commit at which its record was found, and where. What was
/// found at a commit is good at all later ones until the entry is changed, as far as the pages are kept (``KeptPages``): the writer puts the number
/// of its commit into the place of each entry that it changes, before it commits; then nothing older is read there any more, and nothing older can
/// be put there. What is not good to read is at least good to be fetched ahead.
///
/// Only for stores that are changed by nobody but the process itself.
final class RecordPlaces: Sendable {
    /// What the table says of an entry.
    struct Finding {
        /// Where its record was, perhaps.
        let place: MapPlace
        /// The commit at which it was just there, and since which it was not changed; nil if that is not known.
        let foundAt: Int?
        fileprivate let word: UInt64
    }

    /// Two for each place: an entry's number above a commit's (of no entry, a change), and the place in the map. Only who has locked the first
    /// writes the second.
    private let words: SharedWords<UInt64>
    /// Commits are counted from this one.
    private let base: Int

    private static let leastBits = 14
    private static let mostBits = 22
    private static let lock: UInt64 = 1 << 31

    /// Nil if there is no memory for it.
    /// - Parameters:
    ///   - entries: about so many: there are twice as many places, of 16 octets, from 16,384 to four million. Entries with the same last bits
    ///     share one.
    ///   - commit: the last one.
    init?(entries: Int, commit: Int) {
        var bits = Self.leastBits
        while bits < Self.mostBits, 1 << bits < entries * 2 { bits += 1 }
        guard let words = SharedWords<UInt64>(count: 2 << bits) else { return nil }
        self.words = words
        base = commit
    }

    /// The number of a commit as places hold it; nil for one that is too far away.
    private func number(_ commit: Int) -> UInt64? {
        let number = UInt64(bitPattern: Int64(commit &- base))
        return number < Self.lock ? number : nil
    }

    private static func commit(_ word: UInt64) -> UInt64 { word & (lock - 1) }

    /// Of an entry's first word.
    private func index(_ id: EntryID) -> Int { Int(truncatingIfNeeded: id.rawValue) & (words.count / 2 - 1) &* 2 }

    /// What is known of an entry at a commit.
    func look(_ id: EntryID, at commit: Int) -> Finding {
        let index = index(id)
        let word = words[index].load(ordering: .acquiring)
        let place = MapPlace(rawValue: words[index + 1].load(ordering: .acquiring))
        // Unlocked before and after: so is what is between.
        guard id.rawValue != 0, word >> 32 == id.rawValue, words[index].load(ordering: .relaxed) == word, let number = number(commit),
            Self.commit(word) <= number
        else { return Finding(place: place, foundAt: nil, word: word) }
        return Finding(place: place, foundAt: base &+ Int(Self.commit(word)), word: word)
    }

    /// Notes where a record was found at a commit.
    /// - Parameter finding: what was known before it was looked for.
    func note(_ place: MapPlace, of id: EntryID, at commit: Int, _ finding: Finding) {
        // A place never goes back to an earlier commit: what was changed meanwhile stays known.
        guard place != .none, id.rawValue > 0, id.rawValue <= UInt64(UInt32.max), let number = number(commit), finding.word & Self.lock == 0,
            number >= Self.commit(finding.word)
        else { return }
        let index = index(id)
        var locked = Self.lock | number
        guard words[index].compareExchange(expected: finding.word, desired: locked, ordering: .acquiringAndReleasing).exchanged else { return }
        words[index + 1].store(place.rawValue, ordering: .releasing)
        var word = id.rawValue << 32 | number
        while true {
            let (isExchanged, now) = words[index].compareExchange(expected: locked, desired: word, ordering: .acquiringAndReleasing)
            if isExchanged { return }
            // The writer came between: its word stays.
            locked = now
            word = now & ~Self.lock
        }
    }

    /// Notes that a commit changes an entry, before it is made.
    func noteChange(of id: EntryID, by commit: Int) {
        // One too far away to be told is too far to be asked for.
        guard let number = number(commit) else { return }
        let index = index(id)
        var word = words[index].load(ordering: .relaxed)
        while true {
            // Who has locked it goes on, and finds this.
            let (isExchanged, now) = words[index].compareExchange(
                expected: word, desired: word & Self.lock | number, ordering: .sequentiallyConsistent)
            if isExchanged { return }
            word = now
        }
    }
}
