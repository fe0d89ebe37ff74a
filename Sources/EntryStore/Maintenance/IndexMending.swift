import BER
import LMDB
public import Schema
import Synchronization

/// What was put right in an index.
public struct IndexMending: Sendable, Hashable {
    /// Entries that were under a key that they do not have.
    public var removed = 0
    /// Entries that were not under a key that they have.
    public var added = 0
}

extension EntryStore {
    /// Holds an index against the entries and puts right what differs, while the server runs: a part at a time, through the writer, so that
    /// changes go on in between. The index stays in use and is kept up to date meanwhile. Returns at once.
    /// - Parameter done: called on the writer's thread at the end.
    public func mendIndex(
        of type: AttributeTypeID, _ writer: Writer, done: @escaping @Sendable (Result<IndexMending, EntryStoreError>) -> Void
    ) {
        let kinds = catalogue.maintained.kinds(of: type)
        guard !kinds.isEmpty, let attribute = catalogue.table.id(of: type) else {
            return done(.failure(EntryStoreError(.input, "\(schema[type].name) is not indexed")))
        }
        let definition = IndexDefinition(type: type, kinds: kinds)
        var first: [UInt8] = []
        IndexKey.begin(attribute, .presence, &first)
        step(MendingState(definition: definition, attribute: attribute, place: .keys(from: first)), writer, done)
    }

    private func step(
        _ state: MendingState, _ writer: Writer, _ done: @escaping @Sendable (Result<IndexMending, EntryStoreError>) -> Void
    ) {
        let outcome = StepOutcome()
        writer.submit(
            Writer.Job(
                body: { transaction in
                    var next = state
                    do throws(EntryStoreError) {
                        try transaction.mend(&next)
                        outcome.value.withLock { $0 = .success(next) }
                    } catch { outcome.value.withLock { $0 = .failure(error) } }
                    return Writer.Answer([])
                },
                failed: { error in
                    outcome.value.withLock { $0 = .failure(error) }
                    return Writer.Answer([])
                },
                completion: { [self] _ in
                    switch outcome.value.withLock({ $0 }) {
                    case .success(let next):
                        if case .end = next.place { done(.success(next.mended)) } else { step(next, writer, done) }
                    case .failure(let error): done(.failure(error))
                    case nil: done(.failure(EntryStoreError(.storage, "the index could not be read")))
                    }
                }))
    }
}

/// Brings what a step came to from its change to its end.
private final class StepOutcome: Sendable {
    let value = Mutex<Result<MendingState, EntryStoreError>?>(nil)
}

/// How far the mending of an index has come.
struct MendingState: Sendable {
    enum Place: Sendable {
        /// Going through the keys: from one on, or behind the last one.
        case keys(from: [UInt8])
        /// Going through the entries.
        case entries(from: EntryID)
        case end
    }

    let definition: IndexDefinition
    let attribute: AttributeID
    var place: Place
    var mended = IndexMending()
    /// Keys, and members of keys, that are looked at in one transaction.
    static let step = 2000
}

extension StoreTransaction {
    fileprivate mutating func mend(_ state: inout MendingState) throws(EntryStoreError) {
        // The sets in the database are looked at as they are: with all that neighbours in the group have changed.
        try applyIndexes()
        switch state.place {
        case .keys(let from): try mendKeys(from, &state)
        case .entries(let from): try mendEntries(from, &state)
        case .end: break
        }
    }

    /// Takes entries out of sets that they do not belong to.
    private mutating func mendKeys(_ from: [UInt8], _ state: inout MendingState) throws(EntryStoreError) {
        let found = try snapshot.keys(of: state.attribute, from: from, members: MendingState.step)
        let databases = snapshot.store.databases
        let indexes = IndexSet([state.definition], schema: catalogue.schema)
        var wanted: [EntryID: KeyTable] = [:]
        for pair in found.keys {
            guard pair.isContainer else {
                // Not a set: the entries that it stood for are added again afterwards.
                try change { transaction throws(LMDBError) in try transaction.delete(pair.bytes.rawSpan, in: databases.indexes) }
                state.mended.removed += 1
                continue
            }
            let key = Array(pair.bytes.dropLast(4))
            for id in pair.members {
                if wanted[id] == nil {
                    if wanted.count >= 512 { wanted.removeAll(keepingCapacity: true) }
                    wanted[id] = try indexKeys(of: id, indexes)
                }
                if wanted[id]?.find(key.rawSpan) == nil {
                    removeKey(key, of: id)
                    state.mended.removed += 1
                }
            }
        }
        try applyIndexes()
        if let next = found.next { state.place = .keys(from: next) } else { state.place = .entries(from: EntryID(rawValue: 1)) }
    }

    /// Adds entries to sets that they belong to.
    private mutating func mendEntries(_ from: EntryID, _ state: inout MendingState) throws(EntryStoreError) {
        let count = MendingState.step / 10
        let ids = try snapshot.entryIDs(from: from, count: count)
        let indexes = IndexSet([state.definition], schema: catalogue.schema)
        var pair: [UInt8] = []
        for id in ids {
            let keys = try indexKeys(of: id, indexes)
            for number in 0..<keys.count {
                pair.removeAll(keepingCapacity: true)
                pair.append(keys.key(number))
                pair.appendBigEndian(id.block)
                if try snapshot.isMember(id, ofSet: pair) { continue }
                addKey(keys.key(number), of: id)
                state.mended.added += 1
            }
        }
        try applyIndexes()
        if let last = ids.last, ids.count == count { state.place = .entries(from: EntryID(rawValue: last.rawValue + 1)) } else { state.place = .end }
    }
}

extension Snapshot {
    /// A pair of the index database.
    fileprivate struct IndexPair {
        var bytes: [UInt8]
        var isContainer: Bool
        var members: [EntryID]
    }

    /// Sets of an attribute from a key on, until they have so many members; and the key to go on from.
    fileprivate borrowing func keys(of attribute: AttributeID, from: [UInt8], members limit: Int) throws(EntryStoreError) -> (keys: [IndexPair], next: [UInt8]?) {
        var prefix: [UInt8] = []
        IndexKey.begin(attribute, .presence, &prefix)
        // Of all kinds.
        prefix.removeLast()
        var pairs: [IndexPair] = []
        var count = 0
        do {
            var pair = try transaction.seek(from.rawSpan, in: store.databases.indexes)
            while let current = pair, current.key.starts(with: prefix.rawSpan) {
                if count >= limit { return (pairs, current.key.array) }
                var set = BlockSet()
                var members: [EntryID] = []
                let block = current.key.bigEndian32(current.key.byteCount - 4)
                let isContainer = Container.decode(current.value, into: &set) && block != nil
                var from = 0
                while let block, isContainer, let offset = set.first(from: from) {
                    members.append(EntryID(block: block, offset: offset))
                    from = offset + 1
                }
                count += max(1, members.count)
                pairs.append(IndexPair(bytes: current.key.array, isContainer: isContainer, members: members))
                pair = try transaction.next(in: store.databases.indexes)
            }
            return (pairs, nil)
        } catch { throw EntryStoreError(error) }
    }

    fileprivate borrowing func isMember(_ id: EntryID, ofSet pair: [UInt8]) throws(EntryStoreError) -> Bool {
        do {
            guard let container = try transaction.get(pair.rawSpan, in: store.databases.indexes) else { return false }
            return Container.contains(container, id.offset)
        } catch { throw EntryStoreError(error) }
    }
}
