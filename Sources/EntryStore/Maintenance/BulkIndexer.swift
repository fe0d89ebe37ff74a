#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import BER
import LMDB
import Schema
import Synchronization

/// Makes the index sets of many new entries on a thread of its own, while the owner reads and stores further entries.
///
/// Additions only. The thread sees copies of records, never the database: what it gathered comes back, in key order, to be written
/// by the owner. It ends with the owner.
final class BulkIndexer {
    /// Records and their superiors, packed.
    private struct Chunk: Sendable {
        struct Item: Sendable {
            let id: EntryID
            let record: Range<Int>
            let superiors: Range<Int>
        }

        let catalogue: Catalogue
        var bytes: [UInt8] = []
        var superiors: [EntryID] = []
        var items: [Item] = []
        /// A chunk of so many bytes is handed over.
        static let size = 256 << 10
    }

    private enum Task: Sendable {
        case add(Chunk)
        /// Hand out all that was gathered, and forget it.
        case write
    }

    /// Keys and stored sets, one after the other.
    private struct Pairs: Sendable {
        struct Place: Sendable {
            let start: Int
            let keyEnd: Int
            let end: Int
        }

        var bytes: [UInt8] = []
        var places: [Place] = []
        var isLast = false
        static let size = 256 << 10
    }

    /// What both threads hold.
    private final class Shared: Sendable {
        let tasks = BoundedQueue<Task>(limit: 8)
        let results = BoundedQueue<Pairs>(limit: 8)
        let memory = Atomic<Int>(0)
        let schema: Schema

        init(schema: Schema) { self.schema = schema }
    }

    private let shared: Shared
    private var chunk: Chunk?

    /// Starts the thread.
    init(schema: Schema) throws(EntryStoreError) {
        shared = Shared(schema: schema)
        _ = try BackgroundThread { [shared] in BulkIndexer.work(shared) }
    }

    deinit {
        shared.tasks.close()
        shared.results.close()
    }

    /// About how many bytes have been gathered; a few chunks late.
    var memory: Int { shared.memory.load(ordering: .relaxed) }

    /// Takes a new entry.
    /// - Parameter superiors: its own superior first, the root last.
    func add(_ id: EntryID, _ record: RawSpan, superiors: [EntryID], _ catalogue: Catalogue) {
        var chunk = self.chunk.take() ?? Chunk(catalogue: catalogue)
        if chunk.catalogue !== catalogue || chunk.bytes.count + record.byteCount > Chunk.size, !chunk.items.isEmpty {
            _ = shared.tasks.put(.add(chunk))
            chunk = Chunk(catalogue: catalogue)
        }
        if chunk.bytes.isEmpty { chunk.bytes.reserveCapacity(max(Chunk.size, record.byteCount)) }
        let start = chunk.bytes.count
        chunk.bytes.append(record)
        var place = chunk.items.last?.superiors ?? 0..<0
        if !chunk.superiors[place].elementsEqual(superiors) {
            place = chunk.superiors.count..<(chunk.superiors.count + superiors.count)
            chunk.superiors += superiors
        }
        chunk.items.append(Chunk.Item(id: id, record: start..<chunk.bytes.count, superiors: place))
        self.chunk = consume chunk
    }

    /// Calls `body` with each pair of key and set that was gathered, in key order, and forgets them.
    func drain(_ body: (_ key: RawSpan, _ container: RawSpan) throws(LMDBError) -> Void) throws(LMDBError) {
        if let chunk = chunk.take() { _ = shared.tasks.put(.add(chunk)) }
        _ = shared.tasks.put(.write)
        while let pairs = shared.results.take() {
            let bytes = pairs.bytes.rawSpan
            for place in pairs.places {
                try body(bytes.extracting(place.start..<place.keyEnd), bytes.extracting(place.keyEnd..<place.end))
            }
            if pairs.isLast { return }
        }
    }

    // MARK: The thread

    private static func work(_ shared: Shared) {
        var keys = IndexKeys(schema: shared.schema)
        var batch = IndexBatch()
        var key: [UInt8] = []
        while let task = shared.tasks.take() {
            switch task {
            case .add(let chunk):
                for item in chunk.items {
                    guard let record = EntryRecord(chunk.bytes.rawSpan.extracting(item.record)) else { continue }
                    batch.entry = item.id
                    batch.addToScopes(item.id, below: chunk.superiors[item.superiors], scratch: &key)
                    keys.forEach(of: record, chunk.catalogue.table, chunk.catalogue.maintained, into: &batch)
                }
            case .write:
                guard hand(batch, to: shared.results) else { return }
                batch.removeAll()
            }
            shared.memory.store(batch.memory, ordering: .relaxed)
        }
    }

    private struct Abandoned: Error {}

    /// False if nobody wants the results any more.
    private static func hand(_ batch: borrowing IndexBatch, to results: BoundedQueue<Pairs>) -> Bool {
        var pairs = Pairs()
        do throws(Abandoned) {
            try batch.forEachBlock { key, changes throws(Abandoned) in
                let start = pairs.bytes.count
                pairs.bytes.append(key)
                let keyEnd = pairs.bytes.count
                changes.encode(into: &pairs.bytes)
                pairs.places.append(Pairs.Place(start: start, keyEnd: keyEnd, end: pairs.bytes.count))
                guard pairs.bytes.count > Pairs.size else { return }
                guard results.put(pairs) else { throw Abandoned() }
                pairs = Pairs()
                pairs.bytes.reserveCapacity(Pairs.size + 4096)
            }
        } catch { return false }
        pairs.isLast = true
        return results.put(pairs)
    }
}
