/// A set of entries in memory: 1 KiB for each 8,192 neighbouring numbers of which there is one.
public struct CandidateBlocks: Sendable {
    /// Ascending by block.
    private var blocks: [(block: UInt32, set: BlockSet)] = []
    /// Whether all members satisfy the search they are of.
    public let isExact: Bool

    init(isExact: Bool) { self.isExact = isExact }

    /// Number of members.
    public private(set) var count = 0

    /// Adds a block after all others.
    mutating func append(_ set: BlockSet, _ block: UInt32) {
        blocks.append((block, set))
        count += set.count
    }

    /// Adds a member that is not below the block of any other.
    mutating func insert(_ id: EntryID) {
        if blocks.last?.block != id.block { blocks.append((id.block, BlockSet())) }
        let last = blocks.count - 1
        if !blocks[last].set.contains(id.offset) {
            blocks[last].set.insert(id.offset)
            count += 1
        }
    }

    /// The place of the first block at or after one.
    private func place(_ block: UInt32) -> Int {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) >> 1
            if blocks[middle].block < block { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Leaves those members of a block in a set that are members here, too.
    func intersect(_ set: inout BlockSet, _ block: UInt32) -> Bool {
        let place = place(block)
        guard place < blocks.count, blocks[place].block == block else { return false }
        set.formIntersection(blocks[place].set)
        return !set.isEmpty
    }

    /// Whether an entry is a member.
    public func contains(_ id: EntryID) -> Bool {
        let place = place(id.block)
        return place < blocks.count && blocks[place].block == id.block && blocks[place].set.contains(id.offset)
    }

    /// The first member at or after an entry.
    public func first(from id: EntryID) -> EntryID? {
        var place = place(id.block)
        var offset = id.offset
        while place < blocks.count {
            if blocks[place].block > id.block { offset = 0 }
            if let found = blocks[place].set.first(from: offset) { return EntryID(block: blocks[place].block, offset: found) }
            place += 1
        }
        return nil
    }
}
