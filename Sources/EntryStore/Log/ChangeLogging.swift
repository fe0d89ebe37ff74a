import BER
import LDAP
import LMDB
import Schema

extension StoreTransaction {
    /// Says who makes the changes that follow: they are one operation in the log, until the next call.
    /// - Parameter csn: stands in the records of deletions, whose entries keep none.
    public mutating func beginOperation(by author: [UInt8], csn: [UInt8] = []) {
        journal.author = author
        journal.csn = csn
        journal.operation = nil
    }

    /// Notes an entry whose record was just made.
    mutating func logAddition(_ id: EntryID, _ entry: Entry, parent: EntryID, rdn: [UInt8]) throws(EntryStoreError) {
        guard indexer == nil else { return }
        var record = BERBuffer(capacity: 0)
        swap(&record, &self.record)
        defer { swap(&record, &self.record) }
        let name = try name(rdn, below: parent)
        try begin(.add, id, name, csn: stamp(journal.csnID, entry), uuid: stamp(journal.uuidID, entry))
        journal.buffer.append(BERTag.octetString, contents: record.bytes)
        try write()
    }

    /// Notes changed attributes.
    mutating func logModification(
        _ id: EntryID, _ old: Entry, _ new: Entry, parent: EntryID, rdn: [UInt8]
    ) throws(EntryStoreError) {
        let name = try name(rdn, below: parent)
        try begin(.modify, id, name, csn: stamp(journal.csnID, new), uuid: stamp(journal.uuidID, new))
        journal.buffer.appendChanges(from: old, to: new, catalogue)
        try write()
    }

    /// Notes an entry that is going to be removed, and keeps it, if deleted entries are kept.
    mutating func logDeletion(_ id: EntryID, _ entry: Entry, parent: EntryID, rdn: [UInt8]) throws(EntryStoreError) {
        let uuid = stamp(journal.uuidID, entry)
        let name = try name(rdn, below: parent)
        guard let image = try snapshot.record(id)?.bytes.array else { return }
        try begin(.delete, id, name, csn: journal.csn.isEmpty ? stamp(journal.csnID, entry) : journal.csn, uuid: uuid)
        journal.buffer.append(BERTag.octetString, contents: image)
        let number = try write()
        guard snapshot.store.options.log.keepDeleted > 0 else { return }
        let databases = snapshot.store.databases
        var buffer = BERBuffer(capacity: 0)
        swap(&buffer, &journal.buffer)
        defer { swap(&buffer, &journal.buffer) }
        do {
            let key = EntryID(rawValue: number).key
            try snapshot.transaction.put(unsafe key.span.bytes, buffer.bytes, in: databases.deleted, append: true)
            if !uuid.isEmpty {
                try snapshot.transaction.put(DeletedKey.name(uuid).rawSpan, DeletedKey.value(number).rawSpan, in: databases.deletedNames)
            }
        } catch { throw failed(error) }
    }

    /// Notes a new name. To be called before the record is changed.
    mutating func logRenaming(
        _ id: EntryID, _ old: Entry, _ new: Entry, from oldParent: EntryID, _ oldRDN: [UInt8], to parent: EntryID, _ rdn: [UInt8],
        deletesOldRDN: Bool
    ) throws(EntryStoreError) {
        let name = try name(oldRDN, below: oldParent)
        var superior: [UInt8]?
        if parent != oldParent { superior = try snapshot.name(of: parent) }
        try begin(.modifyDN, id, name, csn: stamp(journal.csnID, new), uuid: stamp(journal.uuidID, new))
        journal.buffer.append(BERTag.octetString, contents: rdn)
        journal.buffer.append(BERTag.octetString, contents: oldRDN)
        journal.buffer.append(integer: Int(Int64(bitPattern: oldParent.rawValue)))
        journal.buffer.append(integer: Int(Int64(bitPattern: parent.rawValue)))
        journal.buffer.append(boolean: deletesOldRDN)
        if let superior { journal.buffer.append(ChangeRecord.superiorTag, contents: superior) }
        journal.buffer.appendChanges(from: old, to: new, catalogue)
        try write()
        journal.superior = nil
    }

    /// Notes a change of the subschema subentry, which has no record of its own.
    mutating func logSchemaChange(_ name: [UInt8], csn: [UInt8], _ old: Entry, _ new: Entry) throws(EntryStoreError) {
        try begin(.modify, .root, name, csn: csn, uuid: [])
        journal.buffer.appendChanges(from: old, to: new, catalogue)
        try write()
    }

    /// Notes that entries were loaded.
    mutating func logLoad(_ count: Int) throws(EntryStoreError) {
        try begin(.load, .root, [], csn: [], uuid: [])
        journal.buffer.append(integer: count)
        try write()
    }

    // MARK: Parts

    private func stamp(_ id: AttributeID?, _ entry: Entry) -> [UInt8] { id.flatMap { entry[$0].first } ?? [] }

    /// The name of an entry by its RDN and its superior.
    private mutating func name(_ rdn: [UInt8], below parent: EntryID) throws(EntryStoreError) -> [UInt8] {
        if parent == .root { return rdn }
        if journal.superior?.id != parent { journal.superior = (parent, try snapshot.name(of: parent)) }
        var name = rdn
        name.append(UInt8(ascii: ","))
        name += journal.superior?.name ?? []
        return name
    }

    private mutating func begin(
        _ kind: ChangeRecord.Kind, _ id: EntryID, _ name: [UInt8], csn: [UInt8], uuid: [UInt8]
    ) throws(EntryStoreError) {
        let number = try nextChange()
        let operation = journal.operation ?? number
        journal.operation = operation
        let time = journal.now()
        journal.buffer.beginChange(kind, time: time)
        journal.buffer.append(integer: Int(Int64(bitPattern: operation)))
        journal.buffer.append(integer: Int(Int64(bitPattern: id.rawValue)))
        journal.buffer.append(BERTag.octetString, contents: journal.author)
        journal.buffer.append(BERTag.octetString, contents: name)
        journal.buffer.append(BERTag.octetString, contents: csn)
        journal.buffer.append(BERTag.octetString, contents: uuid)
    }

    /// The number of the next record.
    private mutating func nextChange() throws(EntryStoreError) -> UInt64 {
        if let next = journal.next { return next }
        do {
            let (next, time) = try snapshot.endOfLog()
            journal.next = next
            journal.lastTime = time
            return next
        } catch { throw failed(error) }
    }

    @discardableResult
    private mutating func write() throws(EntryStoreError) -> UInt64 {
        let number = try nextChange()
        var buffer = BERBuffer(capacity: 0)
        swap(&buffer, &journal.buffer)
        defer { swap(&buffer, &journal.buffer) }
        do {
            let key = EntryID(rawValue: number).key
            try snapshot.transaction.put(unsafe key.span.bytes, buffer.bytes, in: snapshot.store.databases.log, append: true)
        } catch { throw failed(error) }
        journal.next = number + 1
        journal.written += 1
        return number
    }

    /// Notes that a change failed half-way.
    private mutating func failed(_ error: LMDBError) -> EntryStoreError { spoil(EntryStoreError(error)) }
}

/// Keys of the names of deleted entries.
enum DeletedKey {
    /// By UUID, in lower case.
    static func name(_ uuid: [UInt8]) -> [UInt8] { uuid.prefix(256).map(\.asciiLowercased) }

    static func value(_ number: UInt64) -> [UInt8] {
        var value: [UInt8] = []
        value.appendBigEndian(number)
        return value
    }
}
