import BER
public import Schema
import LMDB

extension Snapshot {
    /// The first entry, other than one, that has a value of a type. The type must have a complete equality index, of whole values or by hour (else nil).
    /// - Parameter canonical: the value in the canonical form of the type's equality rule.
    public borrowing func firstEntry(
        with type: AttributeTypeID, equalTo canonical: RawSpan, otherThan exempt: EntryID? = nil
    ) throws(EntryStoreError) -> EntryID? {
        guard let attribute = catalogue.table.id(of: type) else { return nil }
        do {
            var key: [UInt8] = []
            let isExact = IndexKey.append(attribute, canonical, catalogue.usable.kinds(of: type), to: &key)
            let changes = hasPending ? pending.batch.changes(of: key.rawSpan) : nil
            let knowledge = knowledge(of: key.rawSpan, recalls: !isUncommitted)
            if let entry = knowledge.entry, entry != exempt, try has(entry, type, equalTo: canonical) { return entry }
            var pair = knowledge.isEmpty ? nil : try transaction.seek(key.rawSpan, in: store.databases.indexes)
            if !knowledge.isEmpty, pair?.key.starts(with: key.rawSpan) != true { noteEmpty(key.rawSpan) }
            var isFirstBlock = true
            while let current = pair, current.key.byteCount == key.count + 4, current.key.starts(with: key.rawSpan),
                let block = current.key.bigEndian32(key.count)
            {
                var set = BlockSet()
                Container.decode(current.value, into: &set)
                var offset = 0
                while let member = set.first(from: offset) {
                    offset = member + 1
                    let id = EntryID(block: block, offset: member)
                    if id == exempt || changes?.others.contains(id) == true { continue }
                    guard try isExact || has(id, type, equalTo: canonical) else { continue }
                    // Alone in the whole set, not in its last block.
                    if isFirstBlock, set.count == 1, try transaction.next(in: store.databases.indexes)?.key.starts(with: key.rawSpan) != true {
                        note(id, aloneBeyond: knowledge)
                    }
                    return id
                }
                isFirstBlock = false
                pair = try transaction.next(in: store.databases.indexes)
            }
            for id in changes?.members.sorted() ?? [] where id != exempt {
                if isExact { return id }
                if try has(id, type, equalTo: canonical) { return id }
            }
            return nil
        } catch let error as LMDBError {
            throw EntryStoreError(error)
        } catch let error as EntryStoreError {
            throw error
        } catch {
            throw EntryStoreError(.storage, "\(error)")
        }
    }

    /// Whether an index says that no entry has a value of a type; false if none can. Cheaper than a search, most of all in a write transaction, where a
    /// search has to test what the transaction has changed.
    public borrowing func lacks(_ value: [UInt8], of type: AttributeTypeID) throws(EntryStoreError) -> Bool {
        guard catalogue.usable.kinds(of: type).contains(.equality), schema.subtypes(of: type).count == 1, let rule = schema[type].equality
        else { return false }
        var canonical: [UInt8] = []
        guard schema.normalize(value.rawSpan, by: rule, into: &canonical) else { return false }
        return try firstEntry(with: type, equalTo: canonical.rawSpan) == nil
    }

    /// Whether an entry has a value of a type, looking at the value itself.
    private borrowing func has(_ id: EntryID, _ type: AttributeTypeID, equalTo canonical: RawSpan) throws(EntryStoreError) -> Bool {
        guard let record = try record(id), let rule = schema[type].equality else { return false }
        var scratch: [UInt8] = []
        var ids: [AttributeID] = []
        catalogue.table.appendIDs(matching: type, options: [], to: &ids)
        for attribute in ids {
            var values = record.values(of: attribute)
            while let value = values.next() {
                if schema.equals(value, normalized: canonical, by: rule, scratch: &scratch) { return true }
            }
        }
        return false
    }
}
