import BER
import LMDB

/// One index set being read block by block.
struct Leaf {
    /// The index key without the block number.
    let key: [UInt8]
    /// The block in ``set``; meaningless once exhausted.
    private(set) var block: UInt32 = 0
    private(set) var set = BlockSet()
    private var state = State.unread
    /// How many ids the first block read held, and whether more blocks follow.
    private(set) var firstCount = 0
    /// Sets that were gathered instead of being read from one key, ascending by block.
    private var gathered: [(block: UInt32, set: BlockSet)] = []
    private var isGathered = false

    private enum State { case unread, at, exhausted }

    init(key: [UInt8]) { self.key = key }

    /// A set of ids known beforehand, ascending.
    init(ids: [EntryID]) {
        key = []
        isGathered = true
        for id in ids {
            if gathered.last?.block != id.block { gathered.append((id.block, BlockSet())) }
            gathered[gathered.count - 1].set.insert(id.offset)
        }
    }

    init(gathered: [(block: UInt32, set: BlockSet)]) {
        key = []
        isGathered = true
        self.gathered = gathered
    }

    /// The first block at or after one that has members; they are then in ``set``.
    mutating func seek(
        _ wanted: UInt32, _ snapshot: borrowing Snapshot, _ scratch: inout [UInt8]
    ) throws(LMDBError) -> UInt32? {
        switch state {
        case .exhausted: return nil
        case .at where block >= wanted: return block
        default: break
        }
        if isGathered {
            guard let place = gathered.firstIndex(where: { $0.block >= wanted }) else {
                state = .exhausted
                return nil
            }
            block = gathered[place].block
            set = gathered[place].set
            firstCount = set.count
            state = .at
            return block
        }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: key)
        scratch.appendBigEndian(wanted)
        guard let pair = try snapshot.transaction.seek(scratch.rawSpan, in: snapshot.store.databases.indexes),
            pair.key.byteCount == key.count + 4, pair.key.starts(with: key.rawSpan), let found = pair.key.bigEndian32(key.count)
        else {
            state = .exhausted
            return nil
        }
        block = found
        if state == .at { set.removeAll() }
        Container.decode(pair.value, into: &set)
        if state == .unread { firstCount = Container.count(pair.value) }
        state = .at
        return found
    }

    /// Whether no block follows the one that was just read. To be called directly after the first ``seek(_:_:_:)``.
    func isLast(_ snapshot: borrowing Snapshot) throws(LMDBError) -> Bool {
        if isGathered { return gathered.last?.block == block }
        guard let pair = try snapshot.transaction.next(in: snapshot.store.databases.indexes) else { return true }
        return !pair.key.starts(with: key.rawSpan)
    }
}
