import BER
import LMDB

/// One index set being read block by block, or a set that was gathered beforehand.
struct Leaf {
    /// The index key without the block number; empty for a gathered set.
    let key: [UInt8]
    /// The block in ``set``; meaningless once exhausted.
    private(set) var block: UInt32 = 0
    private(set) var set = BlockSet()
    private var isExhausted = false
    /// Sets that were gathered instead of being read from one key, ascending by block.
    private var gathered: [(block: UInt32, set: BlockSet)] = []

    /// A set of the index, at its first block.
    init(key: [UInt8], block: UInt32, container: RawSpan) {
        self.key = key
        self.block = block
        Container.decode(container, into: &set)
    }

    /// An empty gathered set of one block.
    private init(block: UInt32) {
        key = []
        self.block = block
    }

    /// Nil if there is no block.
    init?(gathered: [(block: UInt32, set: BlockSet)]) {
        guard let first = gathered.first else { return nil }
        key = []
        self.gathered = gathered
        block = first.block
        set = first.set
    }

    /// A set of ids known beforehand, ascending.
    init?(ids: [EntryID]) {
        guard let first = ids.first, let last = ids.last else { return nil }
        if first.block == last.block {
            self.init(block: first.block)
            for id in ids { set.insert(id.offset) }
            return
        }
        var gathered: [(block: UInt32, set: BlockSet)] = []
        for id in ids {
            if gathered.last?.block != id.block { gathered.append((id.block, BlockSet())) }
            gathered[gathered.count - 1].set.insert(id.offset)
        }
        self.init(gathered: gathered)
    }

    /// The first block at or after one that has members; they are then in ``set``.
    mutating func seek(
        _ wanted: UInt32, _ snapshot: borrowing Snapshot, _ scratch: inout [UInt8]
    ) throws(LMDBError) -> UInt32? {
        if isExhausted { return nil }
        if block >= wanted { return block }
        if key.isEmpty {
            guard let place = gathered.firstIndex(where: { $0.block >= wanted }) else {
                isExhausted = true
                return nil
            }
            block = gathered[place].block
            set = gathered[place].set
            return block
        }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: key)
        scratch.appendBigEndian(wanted)
        guard let pair = try snapshot.transaction.seek(scratch.rawSpan, in: snapshot.store.databases.indexes),
            pair.key.byteCount == key.count + 4, pair.key.starts(with: key.rawSpan), let found = pair.key.bigEndian32(key.count)
        else {
            isExhausted = true
            return nil
        }
        block = found
        set.removeAll()
        Container.decode(pair.value, into: &set)
        return found
    }
}
