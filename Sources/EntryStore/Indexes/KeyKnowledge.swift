import BER

/// What is known of the set of an equality key without a look into the index.
struct KeyKnowledge {
    /// Whether the set is certainly empty, as ``ValueFilters`` say.
    let isEmpty: Bool
    fileprivate let finding: FoundValues.Finding?

    /// The entry that is alone in the set, as ``FoundValues`` remember it. To be verified: two keys may have one hash.
    var entry: EntryID? { finding?.entry }
}

extension Snapshot {
    /// - Parameters:
    ///   - key: the whole key, without the block.
    ///   - recalls: whether to ask for an entry too.
    @inline(__always)
    borrowing func knowledge(of key: RawSpan, recalls: Bool) -> KeyKnowledge {
        let hash = OctetHash.hash(key)
        if store.filters.excludes(key, hash, at: commit) { return KeyKnowledge(isEmpty: true, finding: nil) }
        return KeyKnowledge(isEmpty: false, finding: recalls ? store.found?.look(hash, at: commit) : nil)
    }

    /// Notes that the index was asked for a key and has no entry of it.
    @inline(__always)
    borrowing func noteEmpty(_ key: RawSpan) { store.filters.noteVain(key) }

    /// Notes that the index has one entry of a key and no other.
    /// - Parameter knowledge: what was known before the index was asked.
    @inline(__always)
    borrowing func note(_ entry: EntryID, aloneBeyond knowledge: KeyKnowledge) {
        if let finding = knowledge.finding { store.found?.note(entry, at: commit, finding) }
    }
}
