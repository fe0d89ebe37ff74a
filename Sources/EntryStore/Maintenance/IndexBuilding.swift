import BER
import LMDB
import Schema

extension EntryStore {
    /// Indexes that are kept up to date but not complete: the planner does not use them yet.
    public var missingIndexes: [IndexDefinition] {
        let catalogue = self.catalogue
        return catalogue.maintained.definitions.compactMap { definition in
            let missing = definition.kinds.subtracting(catalogue.usable.kinds(of: definition.type))
            return missing.isEmpty ? nil : IndexDefinition(type: definition.type, kinds: missing)
        }
    }

    /// Completes the missing indexes while the server runs: a few hundred entries at a time, through the writer, so that changes
    /// go on in between. Returns at once; `done` is called when all are usable (or the writer stopped).
    ///
    /// An interruption is harmless: keys are set again from the beginning at the next start, and setting one twice changes nothing.
    public func buildMissingIndexes(_ writer: Writer, entriesAtOnce: Int = 200, done: @escaping @Sendable (EntryStoreError?) -> Void) {
        let missing = missingIndexes
        guard !missing.isEmpty else { return done(nil) }
        step(writer, missing, EntryID(rawValue: 1), entriesAtOnce, done)
    }

    private func step(
        _ writer: Writer, _ missing: [IndexDefinition], _ from: EntryID, _ count: Int, _ done: @escaping @Sendable (EntryStoreError?) -> Void
    ) {
        // The job's answer tells where the next one goes on: eight octets, or none at the end; a failure's text begins with 0xFF.
        writer.submit(
            Writer.Job(
                body: { transaction in
                    guard let next = try? transaction.addIndexKeys(missing, from: from, count: count) else { return Writer.Answer([]) }
                    var answer: [UInt8] = []
                    answer.appendBigEndian(next.rawValue)
                    return Writer.Answer(answer)
                },
                failed: { Writer.Answer([0xff] + Array($0.message.utf8)) },
                completion: { [self] answer in
                    if answer.first == 0xff {
                        return done(EntryStoreError(.storage, String(decoding: answer.dropFirst(), as: UTF8.self)))
                    }
                    if let next = answer.rawSpan.bigEndian64() { return step(writer, missing, EntryID(rawValue: next), count, done) }
                    let before = catalogue
                    publish(Catalogue(table: before.table, maintained: before.maintained, usable: before.maintained, revision: before.revision))
                    done(nil)
                }))
    }
}

extension StoreTransaction {
    /// Adds some index kinds of entries from an id on. Where to go on; nil at the end, where the indexes are marked as complete.
    mutating func addIndexKeys(_ missing: [IndexDefinition], from: EntryID, count: Int) throws(EntryStoreError) -> EntryID? {
        let ids = try snapshot.entryIDs(from: from, count: count)
        let indexes = IndexSet(missing, schema: catalogue.schema)
        for id in ids { try addKeys(of: id, indexes) }
        try applyIndexes()
        if let last = ids.last, ids.count == count { return EntryID(rawValue: last.rawValue + 1) }
        for definition in missing {
            try setBuilt(IndexDefinition(type: definition.type, kinds: catalogue.maintained.kinds(of: definition.type)))
        }
        return nil
    }
}

extension Snapshot {
    /// The ids of entries in ascending order, from one on, at most so many.
    public borrowing func entryIDs(from: EntryID, count: Int) throws(EntryStoreError) -> [EntryID] {
        do {
            var ids: [EntryID] = []
            let key = from.key
            var pair = try transaction.seek(unsafe key.span.bytes, in: store.databases.entries)
            while let current = pair, ids.count < count, let id = EntryID(key: current.key) {
                ids.append(id)
                pair = try transaction.next(in: store.databases.entries)
            }
            return ids
        } catch { throw EntryStoreError(error) }
    }
}
