import BER
import LMDB
public import Schema

/// The write transaction: reads see what was changed before in it. One operation first makes all its checks, then changes;
/// a change that fails half-way (``failure``) spoils the transaction, which is then given up whole.
///
/// Index changes are written for all operations together, at the latest by ``applyIndexes()`` at the end (see ``PendingIndexes``).
public struct StoreTransaction: ~Copyable {
    /// The directory with all changes so far.
    public internal(set) var snapshot: Snapshot
    /// Set when a change failed: nothing of this transaction may be committed.
    public private(set) var failure: EntryStoreError?
    /// Set by ``withdraw()``: nothing of this transaction may be committed, though nothing failed.
    public private(set) var isWithdrawn = false
    /// Number of the next entry.
    private var nextEntry: UInt64
    private let firstEntry: UInt64
    private let catalogueBefore: Catalogue
    /// Makes a new schema known once it is committed (``changeSchema(to:_:before:after:name:publication:)``).
    var publication: (@Sendable (_ publish: () -> Void) -> Void)?
    var keys: IndexKeys
    /// The keys of an attribute before a change and after it; kept for their memory.
    var keyTables: (had: KeyTable, has: KeyTable)?
    var onlyKeys = (had: OnlyKey(), has: OnlyKey())
    var record: BERBuffer
    /// What is noted in the change log.
    var journal: Journal
    private var changesNames = false
    private var removesEntries = false
    private let watches: [ClassWatch?]
    private let objectClass: AttributeID?
    /// An entry, and which watches its classes concern.
    private var lastWatched: (entry: Entry, catalogue: Catalogue, watches: [Int])?
    /// The last answer of ``superiors(_:)``; forgotten when an entry moves.
    private var lastSuperiors: [EntryID]?
    /// What was changed, while somebody follows changes (``ChangeFeed``).
    private var changes: [EntryChange] = []
    private let isFollowed: Bool
    /// Where the changes are written before they are committed.
    let log: WriteAheadLog?
    /// Set when nothing more is to be changed.
    var isComplete = false
    /// What was written ahead, until it is on disk: on its way there, or not yet.
    private var written: WriteAheadLog.Pending?
    private var syncing: LogSync.Running?
    /// Takes the index changes of new entries, in a bulk load; then nothing but additions may be made.
    var indexer: BulkIndexer?

    init(_ store: EntryStore, log: WriteAheadLog? = nil) throws(EntryStoreError) {
        self.log = log
        do {
            var transaction = try store.environment.beginWrite()
            if let log { transaction.record(for: log) }
            let next = try Metadata.number(.nextEntry, transaction, store.databases) ?? 1
            snapshot = Snapshot(store, transaction)
            snapshot.isUncommitted = true
            snapshot.transactionNumber = store.nextTransaction()
            nextEntry = next
            firstEntry = next
        } catch { throw EntryStoreError(error) }
        isFollowed = store.changeFeed.isFollowed
        watches = store.classWatches
        snapshot.changedEntries = Array(repeating: [], count: watches.count)
        record = BERBuffer(capacity: 4096)
        let catalogue = snapshot.catalogue
        keys = IndexKeys(schema: catalogue.schema)
        catalogueBefore = catalogue
        journal = Journal(catalogue.table)
        objectClass = catalogue.schema.attributeType(named: "objectClass").flatMap { catalogue.table.id(of: $0) }
    }

    public var catalogue: Catalogue { snapshot.catalogue }

    /// Gives up all changes so far: they are not committed.
    public mutating func withdraw() { isWithdrawn = true }

    // MARK: Changes

    /// The number of a description; a description with new options gets one.
    public mutating func attributeID(_ type: AttributeTypeID, options: [[UInt8]]) throws(EntryStoreError) -> AttributeID {
        if let id = catalogue.table.id(of: type, options: options) { return id }
        let description = catalogue.schema[type]
        guard let id = catalogue.table.nextID(operational: description.isOperational) else {
            throw EntryStoreError(.tooManyAttributes, "the directory has \(AttributeID.limit) attribute descriptions already")
        }
        let name = AttributeTable.name(description, options: options)
        let store = snapshot.store
        try change { transaction throws(LMDBError) in try EntryStore.number(id, name, &transaction, store.databases) }
        store.publish(catalogue.with(catalogue.table.adding([(id, name)])))
        snapshot.refreshCatalogue()
        return id
    }

    /// Adds an entry below another. The name must be free.
    /// - Parameters:
    ///   - rdn: as spelled, RFC 4514 string form.
    ///   - canonicalRDN: for comparison.
    public mutating func add(
        _ entry: Entry, parent: EntryID, rdn: [UInt8], canonicalRDN: [UInt8], flags: EntryRecord.Flags
    ) throws(EntryStoreError) -> EntryID {
        try makeRoom()
        let id = EntryID(rawValue: nextEntry)
        let databases = snapshot.store.databases
        var nameKey: [UInt8] = []
        NameKey.append(parent: parent, rdn: canonicalRDN.rawSpan, to: &nameKey)
        var nameValue: [UInt8] = []
        nameValue.appendBigEndian(id.rawValue)
        var isNew = false
        try change { transaction throws(LMDBError) in
            isNew = try transaction.insert(nameKey.rawSpan, nameValue.rawSpan, in: databases.names)
        }
        guard isNew else {
            let error = EntryStoreError(.storage, "an entry of this name exists")
            failure = failure ?? error
            throw error
        }
        nextEntry += 1
        noteClasses(entry, id)
        try put(id, entry, parent: parent, rdn: rdn, flags: flags, append: true)
        try logAddition(id, entry, parent: parent, rdn: rdn)
        try index(id, below: parent)
        note(.add, id)
        return id
    }

    /// Replaces the attributes of an entry.
    /// - Parameter isLogged: false for values that come and go too often for the change log.
    public mutating func replace(
        _ id: EntryID, _ old: Entry, with new: Entry, flags: EntryRecord.Flags, isLogged: Bool = true
    ) throws(EntryStoreError) {
        try makeRoom()
        guard let place = try placeAndRDN(id) else { throw missing(id) }
        if isLogged { try logModification(id, old, new, parent: place.parent, rdn: place.rdn) }
        noteClasses(old, new, id)
        try put(id, new, parent: place.parent, rdn: place.rdn, flags: flags, append: false)
        note(.modify, id)
        changeKeys(from: old, to: new, id)
    }

    /// Removes an entry that has none below it.
    public mutating func remove(_ id: EntryID, _ entry: Entry, canonicalRDN: [UInt8]) throws(EntryStoreError) {
        try makeRoom()
        guard let place = try placeAndRDN(id) else { throw missing(id) }
        try logDeletion(id, entry, parent: place.parent, rdn: place.rdn)
        let databases = snapshot.store.databases
        if isFollowed, let record = try snapshot.record(id)?.bytes.array {
            let deleted = DeletedEntry(name: try snapshot.name(of: id), record: record, superiors: try superiors(place.parent))
            note(.delete(deleted), id)
        }
        var nameKey: [UInt8] = []
        NameKey.append(parent: place.parent, rdn: canonicalRDN.rawSpan, to: &nameKey)
        try change { transaction throws(LMDBError) in
            try transaction.delete(nameKey.rawSpan, in: databases.names)
            let key = id.key
            try transaction.delete(unsafe key.span.bytes, in: databases.entries)
        }
        snapshot.store.places?.noteChange(of: id, by: snapshot.commit)
        noteClasses(entry, id)
        try removeFromScopes([id], below: place.parent)
        changeKeys(from: entry, to: Entry(), id)
        removesEntries = true
    }

    /// Gives an entry another name or another superior, with everything below it, and new attributes.
    public mutating func rename(
        _ id: EntryID, _ old: Entry, to new: Entry, parent: EntryID, rdn: [UInt8], canonicalRDN: [UInt8], oldCanonicalRDN: [UInt8],
        flags: EntryRecord.Flags, deletesOldRDN: Bool
    ) throws(EntryStoreError) {
        try makeRoom()
        guard let place = try placeAndRDN(id) else { throw missing(id) }
        try logRenaming(id, old, new, from: place.parent, place.rdn, to: parent, rdn, deletesOldRDN: deletesOldRDN)
        let databases = snapshot.store.databases
        if isFollowed { note(.rename(from: try snapshot.name(of: id)), id) }
        var oldKey: [UInt8] = []
        NameKey.append(parent: place.parent, rdn: oldCanonicalRDN.rawSpan, to: &oldKey)
        var newKey: [UInt8] = []
        NameKey.append(parent: parent, rdn: canonicalRDN.rawSpan, to: &newKey)
        var value: [UInt8] = []
        value.appendBigEndian(id.rawValue)
        try change { transaction throws(LMDBError) in
            try transaction.delete(oldKey.rawSpan, in: databases.names)
            try transaction.put(newKey.rawSpan, value.rawSpan, in: databases.names)
        }
        if parent != place.parent {
            lastSuperiors = nil
            let moved = [id] + (try snapshot.descendants(of: id))
            try removeFromScopes(moved, below: place.parent)
            try addToScopes(moved, below: parent)
        }
        noteClasses(old, new, id)
        try put(id, new, parent: parent, rdn: rdn, flags: flags, append: false)
        changeKeys(from: old, to: new, id)
        changesNames = true
        lastSuperiors = nil
    }

    // MARK: Parts of changes

    private mutating func note(_ kind: EntryChange.Kind, _ id: EntryID) {
        if isFollowed { changes.append(EntryChange(kind: kind, id: id)) }
    }

    /// Ends a transaction that was begun to wait for its turn only.
    static func pass(_ transaction: consuming Transaction) { _ = consume transaction }

    private mutating func noteClasses(_ entry: Entry, _ id: EntryID) {
        guard let objectClass, !watches.isEmpty else { return }
        // Most have the classes that the last one had.
        let isLikeLast = lastWatched.map { $0.catalogue === catalogue && entry.hasSameValues(of: objectClass, as: $0.entry) } ?? false
        if !isLikeLast {
            let classes = entry[objectClass].compactMap { catalogue.schema.objectClass($0.rawSpan) }
            let concerned = watches.indices.filter { index in classes.contains { watches[index]?.concerns($0) == true } }
            lastWatched = (entry, catalogue, concerned)
        }
        for index in lastWatched?.watches ?? [] { snapshot.changedEntries[index].append(id) }
    }

    /// The same for both states of an entry.
    private mutating func noteClasses(_ old: Entry, _ new: Entry, _ id: EntryID) {
        noteClasses(old, id)
        if let objectClass, !old.hasSameValues(of: objectClass, as: new) { noteClasses(new, id) }
    }

    mutating func change(_ body: (inout Transaction) throws(LMDBError) -> Void) throws(EntryStoreError) {
        do { try body(&snapshot.transaction) } catch {
            let failed = EntryStoreError(error)
            failure = failure ?? failed
            throw failed
        }
    }

    /// Nothing of this transaction may be committed because of a failure.
    mutating func spoil(_ error: EntryStoreError) -> EntryStoreError {
        failure = failure ?? error
        return error
    }

    private mutating func missing(_ id: EntryID) -> EntryStoreError {
        let error = EntryStoreError(.format, "entry \(id.rawValue) has no record")
        failure = failure ?? error
        return error
    }

    private func placeAndRDN(_ id: EntryID) throws(EntryStoreError) -> (parent: EntryID, rdn: [UInt8])? {
        guard let record = try snapshot.record(id) else { return nil }
        return (record.parent, record.rdn.array)
    }

    private mutating func put(
        _ id: EntryID, _ entry: Entry, parent: EntryID, rdn: [UInt8], flags: EntryRecord.Flags, append: Bool
    ) throws(EntryStoreError) {
        // Taken out of the property while the transaction, another one, is changed.
        var record = BERBuffer(capacity: 0)
        swap(&record, &self.record)
        defer { swap(&record, &self.record) }
        entry.encode(parent: parent, rdn: rdn, flags: flags, into: &record)
        let databases = snapshot.store.databases
        do {
            let key = id.key
            try snapshot.transaction.put(unsafe key.span.bytes, record.bytes, in: databases.entries, append: append)
            snapshot.store.places?.noteChange(of: id, by: snapshot.commit)
        } catch {
            let failed = EntryStoreError(error)
            failure = failure ?? failed
            throw failed
        }
    }

    /// All superiors of a place, from the place itself upwards, the root included.
    mutating func superiors(_ parent: EntryID) throws(EntryStoreError) -> [EntryID] {
        // Bulk loads add many entries below the same one.
        if let last = lastSuperiors, last.first == parent { return last }
        var list = [parent]
        var current = parent
        while current != .root {
            guard let record = try snapshot.record(current) else { break }
            current = record.parent
            list.append(current)
        }
        lastSuperiors = list
        return list
    }

    /// Changes the scope sets of a place and all above it. The first of the ids is the one directly below `parent`.
    private mutating func changeScopes(
        below parent: EntryID, _ ids: [EntryID], _ change: (inout IndexBatch, EntryID, RawSpan) -> Void
    ) throws(EntryStoreError) {
        var key: [UInt8] = []
        IndexKey.appendScope(.children, parent, to: &key)
        let superiors = try superiors(parent)
        snapshot.pending.note(ids)
        change(&snapshot.pending.batch, ids[0], key.rawSpan)
        for superior in superiors {
            key.removeAll(keepingCapacity: true)
            IndexKey.appendScope(.descendants, superior, to: &key)
            for id in ids { change(&snapshot.pending.batch, id, key.rawSpan) }
        }
    }

    private mutating func addToScopes(_ ids: [EntryID], below parent: EntryID) throws(EntryStoreError) {
        try changeScopes(below: parent, ids) { batch, id, key in batch.add(id, to: key) }
    }

    private mutating func removeFromScopes(_ ids: [EntryID], below parent: EntryID) throws(EntryStoreError) {
        try changeScopes(below: parent, ids) { batch, id, key in batch.remove(id, from: key) }
    }

    // MARK: End

    /// Says that nothing more will be changed: what is left to do is ``applyIndexes()`` and ``commit()``.
    ///
    /// All changes are known before those of the indexes are made, so they are written ahead here, and the disk takes them meanwhile.
    /// - Parameter sync: waits for the disk; nil: ``commit()`` does it itself.
    mutating func complete(_ sync: LogSync? = nil) throws(EntryStoreError) {
        guard !isComplete, failure == nil else { return }
        let store = snapshot.store
        if nextEntry != firstEntry {
            let next = nextEntry
            try change { transaction throws(LMDBError) in try Metadata.set(.nextEntry, next, &transaction, store.databases) }
        }
        if journal.written > 0 { try trimLog(limit: journal.written + ChangeLogLimits.step) }
        if let log {
            let pending = snapshot.pending
            var written: WriteAheadLog.Pending?
            try change { transaction throws(LMDBError) in
                if !pending.batch.isEmpty { try transaction.change(pending.batch.words.span.bytes, in: store.databases.indexes) }
                written = try transaction.writeAhead(to: log)
            }
            self.written = written
            if let written, pending.batch.keys.count >= Self.many { syncing = sync?.begin(written) }
        }
        isComplete = true
    }

    /// Sets to be changed for which it is worth to wait for the disk on another thread.
    private static let many = 64

    /// What a commit has made of the changes.
    enum Commit {
        /// There were none.
        case nothing
        /// They are made; when they are on disk depends on the environment's flags.
        case made
        /// They are made, and written ahead: they are lasting.
        case lasting
    }

    /// Makes all changes, or throws and makes none.
    @discardableResult
    consuming func commit() throws(EntryStoreError) -> Commit {
        try? complete()
        if failure == nil { try? applyIndexes() }
        if let failure {
            abort()
            throw failure
        }
        let store = snapshot.store
        let isLasting = written != nil
        do throws(LMDBError) {
            if syncing != nil { try syncing?.wait() } else { try written?.sync() }
        } catch {
            abort()
            throw EntryStoreError(error)
        }
        // Before the commit is visible: whoever sees the new names also sees this.
        if changesNames { store.noteRename(commit: snapshot.transaction.id) }
        if removesEntries { store.noteRemoval(commit: snapshot.transaction.id) }
        for (index, watch) in watches.enumerated() where !snapshot.changedEntries[index].isEmpty {
            watch?.note(commit: snapshot.transaction.id, transaction: snapshot.transactionNumber, changed: snapshot.changedEntries[index])
        }
        let before = catalogueBefore
        let changed = catalogue !== before
        let (changes, number) = (changes, snapshot.transaction.id)
        let (after, publication) = (catalogue, publication)
        do {
            let transaction = snapshot.intoTransaction()
            try transaction.commit()
        } catch {
            if changed, publication == nil { store.publish(before) }
            throw EntryStoreError(error)
        }
        // After the commit, unlike numbers: no entry uses it yet, and what nobody may see any more must never have been seen.
        publication? { store.publish(after) }
        if !changes.isEmpty { store.changeFeed.publish(changes, commit: number) }
        return isLasting ? .lasting : store.environment.information.lastTransaction == number ? .made : .nothing
    }

    /// Forgets all changes.
    consuming func abort() {
        if catalogue !== catalogueBefore, publication == nil { snapshot.store.publish(catalogueBefore) }
    }
}

extension Snapshot {
    consuming func intoTransaction() -> Transaction { transaction }
}
