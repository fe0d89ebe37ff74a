import Synchronization

/// What was found at some commit, and is good until it is changed: a table that all threads share, without locks that anybody waits for.
///
/// A place holds an entry, the commit at which something was found of it, and a word that says what. The writer puts the number of its commit into
/// the place of whatever it changes, before it commits: then nothing older is read there any more, and nothing older can be put there.
///
/// Only for stores that are changed by nobody but the process itself.
final class FoundTable: Sendable {
    /// What a place says.
    struct Finding {
        /// The entry; the root, which is none, if nothing is known that is good at the commit that was asked for.
        let entry: EntryID
        /// What was found of it. Of no entry, what stood there last.
        let word: UInt64
        /// The commit at which that was so, and since which it was not changed.
        let foundAt: Int
        fileprivate let state: UInt64
    }

    /// Two for each place: its state, an entry's number above a commit's (of no entry, a change), and the word. Only who has locked the state writes
    /// the word.
    private let words: SharedWords<UInt64>
    /// Commits are counted from this one.
    private let base: Int

    private static let lock: UInt64 = 1 << 31

    /// Nil if there is no memory for it.
    /// - Parameters:
    ///   - places: at least so many, of 16 octets, within the bounds.
    ///   - bounds: powers of two.
    ///   - commit: the last one.
    init?(places: Int, bounds: ClosedRange<Int>, commit: Int) {
        var bits = bounds.lowerBound
        while bits < bounds.upperBound, 1 << bits < places { bits += 1 }
        guard let words = SharedWords<UInt64>(count: 2 << bits) else { return nil }
        self.words = words
        base = commit
    }

    /// The number of a commit as places hold it; nil for one that is too far away.
    private func number(_ commit: Int) -> UInt64? {
        let number = UInt64(bitPattern: Int64(commit &- base))
        return number < Self.lock ? number : nil
    }

    private static func commit(_ state: UInt64) -> UInt64 { state & (lock - 1) }

    /// Of a place's state.
    private func index(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key) & (words.count / 2 - 1) &* 2 }

    /// What is known at a commit.
    /// - Parameter key: its last bits say which place.
    func look(_ key: UInt64, at commit: Int) -> Finding {
        let index = index(key)
        let state = words[index].load(ordering: .acquiring)
        let word = words[index + 1].load(ordering: .acquiring)
        // Unlocked before and after: so is what is between.
        guard state >> 32 != 0, words[index].load(ordering: .relaxed) == state, let number = number(commit), Self.commit(state) <= number
        else { return Finding(entry: .root, word: word, foundAt: base, state: state) }
        return Finding(entry: EntryID(rawValue: state >> 32), word: word, foundAt: base &+ Int(Self.commit(state)), state: state)
    }

    /// Notes what was found of an entry at a commit.
    /// - Parameter finding: what was known before it was looked for.
    func note(_ entry: EntryID, _ word: UInt64, _ key: UInt64, at commit: Int, _ finding: Finding) {
        // A place never goes back to an earlier commit: what was changed meanwhile stays known.
        guard entry.rawValue > 0, entry.rawValue <= UInt64(UInt32.max), let number = number(commit), finding.state & Self.lock == 0,
            number >= Self.commit(finding.state)
        else { return }
        let index = index(key)
        var locked = Self.lock | number
        guard words[index].compareExchange(expected: finding.state, desired: locked, ordering: .acquiringAndReleasing).exchanged else { return }
        words[index + 1].store(word, ordering: .releasing)
        var state = entry.rawValue << 32 | number
        while true {
            let (isExchanged, now) = words[index].compareExchange(expected: locked, desired: state, ordering: .acquiringAndReleasing)
            if isExchanged { return }
            // The writer came between: its number stays.
            locked = now
            state = now & ~Self.lock
        }
    }

    /// Notes that a commit changes what a place may be about, before it is made.
    func noteChange(_ key: UInt64, by commit: Int) {
        // One too far away to be told is too far to be asked for.
        guard let number = number(commit) else { return }
        let index = index(key)
        var state = words[index].load(ordering: .relaxed)
        while true {
            // Who has locked it goes on, and finds this.
            let (isExchanged, now) = words[index].compareExchange(
                expected: state, desired: state & Self.lock | number, ordering: .sequentiallyConsistent)
            if isExchanged { return }
            state = now
        }
    }
}
