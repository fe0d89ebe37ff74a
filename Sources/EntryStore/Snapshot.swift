import BER
public import LDAP
import LMDB
public import Schema

/// The directory as it was at one commit. Used by one thread at a time; whoever keeps one between uses gives it back with
/// ``release()``, or the file grows.
public struct Snapshot: ~Copyable {
    var transaction: Transaction
    let store: EntryStore
    /// As of the last ``renew()``: never older than the snapshot.
    public private(set) var catalogue: Catalogue
    private var isHeld: Bool
    /// Whether it was put aside, not given back: the pages of its commit are still kept.
    private var isAside = false
    /// Whether this is a write transaction's view: it holds changes that may be given up, and its ``commit`` is that of several states.
    public internal(set) var isUncommitted = false
    /// Of a write transaction: its own number, which no other has, as ``commit`` may be that of several of which all but the last were given up.
    public internal(set) var transactionNumber = 0
    /// By number of ``ClassWatch``: the entries of its classes that the write transaction has changed so far; some may come twice.
    var changedEntries: [[EntryID]] = []
    /// Of a write transaction: what the index sets in the database do not have yet.
    var pending = PendingIndexes()

    /// Whether the index sets in the database are not all of the truth.
    var hasPending: Bool { isUncommitted && !pending.isEmpty }

    init(_ store: EntryStore, _ transaction: consuming Transaction) {
        self.store = store
        self.transaction = transaction
        catalogue = store.catalogue
        isHeld = true
        holdPages()
    }

    /// Records that were found at this commit or a later one lie where they were found.
    private var keptSince = Int.max
    private var hold: KeptPages.Hold?

    private mutating func holdPages() {
        let isNewest =
            switch hold {
            case .some(let hold): hold.isNewest
            case .none: false
            }
        if isNewest { return }
        let newer = store.kept.hold()
        keptSince = newer.since
        hold = consume newer
    }

    /// Takes the newest commit, unless a snapshot is held already.
    public mutating func renew() throws(EntryStoreError) {
        guard !isHeld else { return }
        if isAside {
            isAside = false
            if transaction.isNewest {
                isHeld = true
                return
            }
            transaction.reset()
        }
        do { try transaction.renew() } catch { throw EntryStoreError(error) }
        // After the snapshot: a number that an entry uses is published before the commit that uses it.
        if store.catalogueVersion != seenVersion {
            seenVersion = store.catalogueVersion
            catalogue = store.catalogue
        }
        isHeld = true
        holdPages()
    }

    private var seenVersion = -1

    /// Gives the snapshot back; nothing may be read until ``renew()``.
    public mutating func release() {
        guard isHeld || isAside else { return }
        transaction.reset()
        isHeld = false
        isAside = false
        keptSince = .max
        hold = nil
    }

    /// Nothing is read until ``renew()``, which is then cheap if nothing was committed meanwhile. For a moment only: until
    /// ``release()`` the file grows with commits as if the snapshot were in use.
    public mutating func putAside() {
        guard isHeld else { return }
        isHeld = false
        isAside = true
    }

    /// The number of the commit that is seen.
    public var commit: Int { transaction.id }
    public var schema: Schema { catalogue.schema }
    /// The number of the last commit that gave an entry another name.
    public var lastRename: Int { store.lastRename }
    /// The number of the last commit that removed an entry.
    public var lastRemoval: Int { store.lastRemoval }

    /// Must be called again by the writer when a description was numbered in mid-transaction.
    mutating func refreshCatalogue() { catalogue = store.catalogue }

    /// Reads with another catalogue than the store's, until the next ``renew()``: with an earlier one, what is under way ends on the schema that
    /// it began with.
    public mutating func use(_ catalogue: Catalogue) {
        self.catalogue = catalogue
        seenVersion = -1
    }

    // MARK: Entries

    /// The record of an entry; nil if there is none.
    @_lifetime(borrow self)
    public borrowing func record(_ id: EntryID) throws(EntryStoreError) -> EntryRecord? {
        do {
            let (key, commit) = (id.key, commit)
            let finding = store.places?.look(id, at: commit)
            if let finding {
                transaction.fetchAhead(finding.place)
                // Sound: it was there at that commit and is not changed since, and the pages are kept while this snapshot is held. A write
                // transaction's own changes are noted before they can be looked for.
                if let foundAt = finding.foundAt, foundAt >= keptSince, let bytes = unsafe transaction.value(at: finding.place) {
                    return EntryRecord(bytes)
                }
            }
            guard let bytes = try transaction.get(unsafe key.span.bytes, in: store.databases.entries) else { return nil }
            if let finding, !isUncommitted { store.places?.note(transaction.place(of: bytes), of: id, at: commit, finding) }
            return EntryRecord(bytes)
        } catch { throw EntryStoreError(error) }
    }

    /// Whether an entry is known to be as it was at an earlier commit: a look at one word, not at the entry. What was not read since it was changed
    /// last is not known.
    public borrowing func isKnownUnchanged(_ id: EntryID, since earlier: Int) -> Bool {
        guard !isUncommitted, earlier <= commit, let foundAt = store.places?.look(id, at: commit).foundAt else { return false }
        return foundAt <= earlier
    }

    /// Has the processor fetch the record of an entry, if it is known where it lies, while other things are done.
    borrowing func fetchAhead(_ id: EntryID) {
        guard let places = store.places else { return }
        transaction.fetchAhead(places.look(id, at: commit).place)
    }

    /// Notes where the records of some entries lie, from one on.
    /// - Returns: the next, nil after the last.
    borrowing func notePlaces(from first: EntryID, count: Int) throws(EntryStoreError) -> EntryID? {
        guard let places = store.places else { return nil }
        do {
            let (key, commit, database) = (first.key, commit, store.databases.entries)
            var pair = try transaction.seek(unsafe key.span.bytes, in: database)
            var left = count
            while let current = pair, let id = EntryID(key: current.key) {
                guard left > 0 else { return id }
                left -= 1
                places.note(transaction.place(of: current.value), of: id, at: commit, places.look(id, at: commit))
                pair = try transaction.next(in: database)
            }
            return nil
        } catch { throw EntryStoreError(error) }
    }

    /// Number of entries.
    public borrowing func entryCount() throws(EntryStoreError) -> Int {
        do { return try transaction.count(of: store.databases.entries) } catch { throw EntryStoreError(error) }
    }

    // MARK: Names

    /// The entry with a canonical RDN directly below another.
    public borrowing func child(of parent: EntryID, rdn: RawSpan) throws(EntryStoreError) -> EntryID? {
        do {
            var key: [UInt8] = []
            key.reserveCapacity(8 + rdn.byteCount)
            NameKey.append(parent: parent, rdn: rdn, to: &key)
            guard let value = try transaction.get(key.rawSpan, in: store.databases.names), let id = value.bigEndian64() else { return nil }
            return EntryID(rawValue: id)
        } catch { throw EntryStoreError(error) }
    }

    /// Whether an entry has entries below it.
    public borrowing func hasChildren(_ id: EntryID) throws(EntryStoreError) -> Bool {
        do {
            var key: [UInt8] = []
            key.appendBigEndian(id.rawValue)
            guard let pair = try transaction.seek(key.rawSpan, in: store.databases.names) else { return false }
            return pair.key.starts(with: key.rawSpan)
        } catch { throw EntryStoreError(error) }
    }

    /// The members of a scope set: everything directly or anywhere below an entry.
    borrowing func scopeIDs(_ kind: IndexKey.Kind, of id: EntryID) throws(EntryStoreError) -> [EntryID] {
        do {
            var prefix: [UInt8] = []
            IndexKey.appendScope(kind, id, to: &prefix)
            var ids: [EntryID] = []
            var pair = try transaction.seek(prefix.rawSpan, in: store.databases.indexes)
            while let current = pair, current.key.starts(with: prefix.rawSpan), let block = current.key.bigEndian32(prefix.count) {
                var set = BlockSet()
                Container.decode(current.value, into: &set)
                var offset = 0
                while let member = set.first(from: offset) {
                    ids.append(EntryID(block: block, offset: member))
                    offset = member + 1
                }
                pair = try transaction.next(in: store.databases.indexes)
            }
            if hasPending, let changes = pending.batch.changes(of: prefix.rawSpan) {
                ids = Set(ids).subtracting(changes.others).union(changes.members).sorted()
            }
            return ids
        } catch { throw EntryStoreError(error) }
    }

    /// The ids of all entries directly below another, ascending.
    public borrowing func children(of id: EntryID) throws(EntryStoreError) -> [EntryID] { try scopeIDs(.children, of: id) }

    /// The ids of all entries anywhere below another, ascending.
    public borrowing func descendants(of id: EntryID) throws(EntryStoreError) -> [EntryID] { try scopeIDs(.descendants, of: id) }

    /// Where a name leads.
    public struct Resolution: Sendable {
        /// The entry, or the nearest one above it that exists (the root if none).
        public var id: EntryID
        /// How many RDNs of the name, from its end, exist.
        public var depth: Int
        /// Whether that is the whole name.
        public var isComplete: Bool

        public init(id: EntryID, depth: Int, isComplete: Bool) {
            self.id = id
            self.depth = depth
            self.isComplete = isComplete
        }
    }

    /// Finds the entry that a name names.
    /// - Throws: `invalidDNSyntax` for a name with unknown attribute types or values.
    public borrowing func resolve(_ name: DistinguishedName) throws(LDAPError) -> Resolution {
        var id = EntryID.root
        var depth = 0
        var canonical: [UInt8] = []
        for rdn in name.rdns.reversed() {
            canonical.removeAll(keepingCapacity: true)
            try schema.normalizeRDN(rdn, into: &canonical)
            let found: EntryID?
            do { found = try child(of: id, rdn: canonical.rawSpan) } catch { throw LDAPError(storage: error) }
            guard let found else {
                // The rest of the name must be well formed all the same.
                for rest in name.rdns.dropLast(depth + 1) {
                    canonical.removeAll(keepingCapacity: true)
                    try schema.normalizeRDN(rest, into: &canonical)
                }
                return Resolution(id: id, depth: depth, isComplete: false)
            }
            id = found
            depth += 1
        }
        return Resolution(id: id, depth: depth, isComplete: true)
    }

    /// Finds the entry that a name in canonical form names: in it a comma always parts two levels.
    /// - Throws: `other` if the store fails.
    public borrowing func resolve(canonical name: [UInt8]) throws(LDAPError) -> Resolution {
        var id = EntryID.root
        var depth = 0
        var end = name.count
        while end > 0 {
            let start = name[..<end].lastIndex(of: UInt8(ascii: ",")).map { $0 + 1 } ?? 0
            let found: EntryID?
            do { found = try child(of: id, rdn: name.rawSpan.extracting(start..<end)) } catch { throw LDAPError(storage: error) }
            guard let found else { return Resolution(id: id, depth: depth, isComplete: false) }
            id = found
            depth += 1
            end = start > 0 ? start - 1 : 0
        }
        return Resolution(id: id, depth: depth, isComplete: true)
    }

    /// Appends an entry's name in string form, as its RDNs were spelled.
    public borrowing func appendName(of id: EntryID, to out: inout [UInt8]) throws(EntryStoreError) {
        var current = id
        var isFirst = true
        while current != .root {
            guard let record = try record(current) else { throw EntryStoreError(.format, "entry \(current.rawValue) has no record") }
            if !isFirst { out.append(UInt8(ascii: ",")) }
            out.append(record.rdn)
            isFirst = false
            current = record.parent
        }
    }

    /// An entry's name in string form.
    public borrowing func name(of id: EntryID) throws(EntryStoreError) -> [UInt8] {
        var name: [UInt8] = []
        try appendName(of: id, to: &name)
        return name
    }

    /// Whether an entry is another or stands anywhere below it.
    public borrowing func isInSubtree(_ id: EntryID, of ancestor: EntryID) throws(EntryStoreError) -> Bool {
        if id == ancestor || ancestor == .root { return true }
        do {
            var key: [UInt8] = []
            key.reserveCapacity(16)
            IndexKey.appendScope(.descendants, ancestor, to: &key)
            if hasPending, let isMember = pending.batch.membership(of: id, in: key.rawSpan) { return isMember }
            key.appendBigEndian(id.block)
            guard let container = try transaction.get(key.rawSpan, in: store.databases.indexes) else { return false }
            return Container.contains(container, id.offset)
        } catch { throw EntryStoreError(error) }
    }
}

extension EntryID {
    /// The key of the entry in the database: its number in the machine's order.
    @inline(__always)
    var key: InlineArray<8, UInt8> {
        let number = rawValue
        #if _endian(little)
        return InlineArray { index in UInt8(truncatingIfNeeded: number >> UInt64(index * 8)) }
        #else
        return InlineArray { index in UInt8(truncatingIfNeeded: number >> UInt64(56 - index * 8)) }
        #endif
    }

    /// The number in a key of the database of entries.
    init?(key: RawSpan) {
        guard key.byteCount == 8 else { return nil }
        // Sound: the length was just checked; any eight bytes are a UInt64.
        rawValue = unsafe key.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self)
    }
}

extension LDAPError {
    /// A failure of the store, as a client is told of it.
    @inline(never)
    public init(storage error: EntryStoreError) {
        switch error.reason {
        case .noSpace: self.init(.unwillingToPerform, "no space left for changes: \(error.message)")
        case .busy: self.init(.busy, error.message)
        case .broken: self.init(.unavailable, "the disk refused a page of the database, which has to be opened anew: try again later")
        default: self.init(.other, "the directory's storage failed: \(error.message)")
        }
    }
}
