import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// The order of a search's result, being found out: what is to be sent, in which order, and what the controls of the answer say of it.
/// Used by one thread at a time, as the search that it belongs to.
///
/// Where an index has the entries in order they are taken from it as they are sent. Otherwise they are gathered and sorted, as far as
/// memory is given for that (``SearchLimits/sortedEntries``, ``SearchLimits/sortMemory``).
final class SortedSearch {
    /// What comes next.
    enum Phase {
        case begin
        /// All entries that match are gathered.
        case gather
        /// Entries are taken from the index.
        case walk
        /// A list is being sent.
        case send
    }

    let order: SortOrder
    let view: VirtualListView?
    /// Entries of a page; 0: no pages.
    let pageSize: Int
    /// Where the page begins.
    let start: SortedCookie?
    var phase = Phase.begin
    /// Whether more follows when the list is sent.
    private var hasMore = false
    /// Whether it is to be sent now.
    var continues: Bool { pageSize == 0 && view == nil && hasMore }
    /// Where the next page begins, if there is one.
    private(set) var nextPage: SortedCookie?
    private(set) var viewResult: VirtualListViewResult?
    private var walk: OrderedWalk?

    private struct Gathered {
        let id: EntryID
        /// The first octets of the key.
        let high: UInt64
        let key: ByteRange
    }

    private var gathered: [Gathered] = []
    private var keys: [UInt8] = []
    private let memory: SortMemory
    private let limits: SearchLimits
    private var reserved = 0

    init(
        _ order: SortOrder, view: VirtualListView?, pageSize: Int, start: SortedCookie?, _ limits: SearchLimits, _ memory: SortMemory
    ) {
        self.order = order
        self.view = view
        self.pageSize = pageSize
        self.start = start
        self.limits = limits
        self.memory = memory
    }

    deinit { memory.release(reserved) }

    /// Entries taken from an index at once.
    private static let batch = 512
    /// Fewer candidates are sorted rather than looked for in the index.
    static let few = 4096

    // MARK: Gathering

    /// Takes an entry.
    /// - Returns: false if that would be more than may be sorted.
    func gather(
        _ id: EntryID, _ record: borrowing EntryRecord, _ profile: AccessProfile, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> Bool {
        guard gathered.count < limits.sortedEntries else { return false }
        let begin = keys.count
        try order.append(id, record, profile, snapshot, context, to: &keys)
        let key = ByteRange(start: begin, count: keys.count - begin)
        var high: UInt64 = 0
        for place in 0..<8 { high = high << 8 | (begin + place < keys.count ? UInt64(keys[begin + place]) : 0) }
        gathered.append(Gathered(id: id, high: high, key: key))
        let used = keys.count + gathered.count * 32
        if used > reserved {
            guard memory.reserve(SortMemory.step, limits.sortMemory) else { return false }
            reserved += SortMemory.step
        }
        return used <= 1 << 31
    }

    /// Sorts what was gathered.
    /// - Parameter sent: entries that were sent on earlier pages.
    /// - Returns: the entries to be sent.
    func sort(_ schema: Schema) throws(LDAPError) -> [EntryID] {
        let keys = self.keys
        gathered.sort { a, b in
            if a.high != b.high { return a.high < b.high }
            let (left, right) = (keys.rawSpan.slice(a.key), keys.rawSpan.slice(b.key))
            if left.precedes(right) { return true }
            return a.id < b.id && left.elementsEqual(right)
        }
        var range = 0..<gathered.count
        if let view {
            range = try window(view, count: gathered.count) { () throws(LDAPError) in
                guard case .value(let value) = view.target else { return 0 }
                let wanted = try order.key(of: value, schema)
                var low = 0
                var high = gathered.count
                while low < high {
                    let middle = (low + high) >> 1
                    if keys.rawSpan.slice(gathered[middle].key).precedes(wanted.rawSpan) { low = middle + 1 } else { high = middle }
                }
                return low
            }
        } else if pageSize > 0 {
            let first = min(max(0, start?.rank ?? 0), gathered.count)
            range = first..<min(first + pageSize, gathered.count)
            if range.upperBound < gathered.count { nextPage = SortedCookie(.rank(range.upperBound)) }
        }
        let list = gathered[range].map(\.id)
        gathered = []
        self.keys = []
        memory.release(reserved)
        reserved = 0
        return list
    }

    /// The places of the entries that a view shows, and its result.
    /// - Parameter find: the place of the first entry that is not before the value asked for.
    private func window(_ view: VirtualListView, count: Int, find: () throws(LDAPError) -> Int) throws(LDAPError) -> Range<Int> {
        var target: Int
        switch view.target {
        case .value: target = try find() + 1
        case .offset(let offset, let contentCount):
            guard offset > 0 else {
                viewResult = VirtualListViewResult(position: 0, contentCount: count, code: .offsetRangeError)
                throw LDAPError(.virtualListViewError, "virtual list view: places begin at 1")
            }
            // Section 6.1: what the client believes the list to be is brought into proportion.
            if contentCount == 0 || contentCount == count || offset == 1 {
                target = offset
            } else if offset >= contentCount {
                target = count
            } else {
                let (product, overflow) = offset.multipliedReportingOverflow(by: count)
                target = overflow ? count : max(1, product / contentCount)
            }
            target = min(target, count)
        }
        viewResult = VirtualListViewResult(position: target, contentCount: count)
        guard count > 0 else { return 0..<0 }
        let lower = max(0, target - 1 - view.before)
        let upper = min(count, target > count ? count : target + view.after)
        return lower..<max(lower, upper)
    }

    // MARK: Walking through an index

    /// Begins to take entries from the index, if it has them in order.
    /// - Returns: false if it has not.
    func beginWalk(_ members: CandidateBlocks, _ catalogue: Catalogue) -> Bool {
        guard let key = order.keys.first,
            let walk = OrderedWalk(
                key.type, by: key.rule, reversed: key.isReversed, members: members, from: start?.position, catalogue)
        else { return false }
        self.walk = walk
        return true
    }

    /// Takes the next entries from the index.
    /// - Parameter isWanted: whether an entry that the set has is part of the result.
    /// - Returns: the entries to be sent next.
    func step(
        _ snapshot: borrowing Snapshot, deadline: ContinuousClock.Instant?, isWanted: (EntryID) throws(EntryStoreError) -> Bool
    ) throws(LDAPError) -> [EntryID] {
        guard var walk = self.walk else { return [] }
        self.walk = nil
        defer { self.walk = walk }
        do {
            if let view { return try window(view, &walk, snapshot, deadline) }
            var steps: [OrderedWalk.Step] = []
            var list: [EntryID] = []
            let wanted = pageSize > 0 ? pageSize : Self.batch
            // One more than a page tells whether there is another.
            while true {
                try walk.next(min(Self.batch, wanted - list.count + (pageSize > 0 ? 1 : 0)), snapshot, into: &steps)
                if steps.isEmpty { break }
                for step in steps where try isWanted(step.id) {
                    if list.count == wanted {
                        hasMore = true
                        return list
                    }
                    list.append(step.id)
                    if list.count == wanted { nextPage = SortedCookie(.walk(walk.position(after: step))) }
                }
                if list.count == wanted, pageSize == 0 {
                    hasMore = true
                    return list
                }
                if let deadline, ContinuousClock.now >= deadline { throw LDAPError(.timeLimitExceeded, "") }
            }
            hasMore = false
            nextPage = nil
            return list
        } catch let error as LDAPError {
            throw error
        } catch let error as EntryStoreError {
            throw LDAPError(storage: error)
        } catch {
            throw LDAPError(.other, "\(error)")
        }
    }

    /// The entries of a view, all members being part of the result.
    private func window(
        _ view: VirtualListView, _ walk: inout OrderedWalk, _ snapshot: borrowing Snapshot, _ deadline: ContinuousClock.Instant?
    ) throws(LDAPError) -> [EntryID] {
        var steps: [OrderedWalk.Step] = []
        var passed = 0
        var list: [EntryID] = []
        func next() throws(LDAPError) {
            do { try walk.next(Self.batch, snapshot, into: &steps) } catch { throw LDAPError(storage: error) }
            if let deadline, ContinuousClock.now >= deadline { throw LDAPError(.timeLimitExceeded, "") }
        }
        guard case .value(let value) = view.target else {
            let range = try window(view, count: walk.members.count) { () throws(LDAPError) in 0 }
            while passed < range.upperBound {
                try next()
                if steps.isEmpty { break }
                for step in steps {
                    if range.contains(passed) { list.append(step.id) }
                    passed += 1
                }
            }
            return list
        }
        var canonical: [UInt8] = []
        try order.normalize(value, snapshot.schema, into: &canonical)
        var target: Int?
        search: while true {
            try next()
            if steps.isEmpty { break }
            for step in steps {
                if target == nil, walk.isAtOrAfter(step, canonical.rawSpan) { target = passed }
                if let target, passed > target + view.after { break search }
                list.append(step.id)
                // Of what comes before, no more than is wanted is kept.
                if target == nil, list.count > 2 * (view.before + Self.batch) { list.removeFirst(list.count - view.before) }
                passed += 1
            }
        }
        let found = target ?? passed
        viewResult = VirtualListViewResult(position: found + 1, contentCount: walk.members.count)
        // The list ends with the entry at `passed - 1`.
        let begin = passed - list.count
        let lower = max(begin, found - view.before)
        let upper = target == nil ? passed : min(passed, found + view.after + 1)
        return Array(list[(lower - begin)..<max(lower - begin, upper - begin)])
    }
}

/// The memory that all sorting together may take.
final class SortMemory: Sendable {
    static let step = 1 << 20
    private let used = Atomic<Int>(0)

    /// - Returns: false if that is too much.
    func reserve(_ count: Int, _ limit: Int) -> Bool {
        if used.add(count, ordering: .relaxed).newValue <= limit { return true }
        used.subtract(count, ordering: .relaxed)
        return false
    }

    func release(_ count: Int) {
        if count > 0 { used.subtract(count, ordering: .relaxed) }
    }
}

/// Cookies of sorted searches in pages: as ``PagingCookie``, with a place in the order.
struct SortedCookie: Sendable {
    enum Place: Sendable {
        /// So many entries were sent; of what was gathered.
        case rank(Int)
        /// Where a walk through the index has come to.
        case walk(OrderedWalk.Position)
    }

    let place: Place
    /// Entries sent in all pages so far.
    var sent = 0

    init(_ place: Place) { self.place = place }

    var rank: Int? {
        guard case .rank(let rank) = place else { return nil }
        return rank
    }
    var position: OrderedWalk.Position? {
        guard case .walk(let position) = place else { return nil }
        return position
    }

    /// - Throws: `unwillingToPerform` for a cookie that is not for this search.
    init(decoding cookie: [UInt8], _ request: SearchRequest, _ sort: ServerSideSort, _ identity: Identity) throws(LDAPError) {
        guard cookie.count >= 25, cookie.count <= 1024 else { throw PagingCookie.foreign }
        func number(_ index: Int) -> UInt64 { cookie[index..<index + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        guard number(cookie.count - 8) == Self.seal(cookie.dropLast(8), request, sort, identity) else { throw PagingCookie.foreign }
        let id = EntryID(rawValue: number(1))
        switch cookie[0] {
        case 1: place = .rank(Int(truncatingIfNeeded: id.rawValue))
        case 2: place = .walk(.value(key: Array(cookie[17..<cookie.count - 8]), after: id))
        default: place = .walk(.missing(after: id))
        }
        sent = Int(truncatingIfNeeded: number(9))
    }

    func encode(_ request: SearchRequest, _ sort: ServerSideSort, _ identity: Identity) -> [UInt8] {
        var kind: UInt8 = 1
        var number: UInt64 = 0
        var key: [UInt8] = []
        switch place {
        case .rank(let rank): number = UInt64(rank)
        case .walk(.value(let value, let id)):
            kind = 2
            number = id.rawValue
            key = value
        case .walk(.missing(let id)):
            kind = 3
            number = id.rawValue
        case .walk(.end):
            kind = 3
            number = .max >> 1
        }
        var bytes = [kind]
        func append(_ number: UInt64) {
            for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        append(number)
        append(UInt64(sent))
        bytes += key
        append(Self.seal(bytes[...], request, sort, identity))
        return bytes
    }

    private static func seal(_ bytes: ArraySlice<UInt8>, _ request: SearchRequest, _ sort: ServerSideSort, _ identity: Identity) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(sort)
        for byte in bytes { hasher.combine(byte) }
        PagingCookie.combine(request, identity, into: &hasher)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
