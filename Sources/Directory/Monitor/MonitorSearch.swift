import BER
import EntryStore
import LDAP
import Schema

/// A search of `cn=Monitor`. Used by one thread at a time, as the search that it belongs to.
final class MonitorSearch {
    private let directory: Directory
    private let path: [String]
    private let scope: SearchScope
    private let filter: Filter
    private let selection: EntrySelection
    private let access: AccessControl
    /// Made when the search runs on a thread that may wait.
    private var tree: MonitorTree?
    private var next: Int
    private var base: Int?

    /// - Parameters:
    ///   - path: the place that the search is based on (``Monitor/place(_:)``).
    ///   - position: where a paged search goes on; 0: at the beginning.
    init(
        _ directory: Directory, _ path: [String], _ scope: SearchScope, _ filter: Filter, _ selection: EntrySelection, _ access: AccessControl,
        from position: Int
    ) {
        self.directory = directory
        self.path = path
        self.scope = scope
        self.filter = filter
        self.selection = selection
        self.access = access
        next = position
    }

    /// Whether ``gather()`` is to be called first.
    var isWaiting: Bool { tree == nil }

    /// Asks everybody who knows something; waits for other threads.
    func gather() {
        if tree == nil { tree = MonitorTree(directory, withConnections: true) }
    }

    enum Step {
        case more
        /// The page is full; the next one begins there.
        case page(Int)
        case done
    }

    /// Sends entries until the search ends or a bound is reached.
    /// - Parameters:
    ///   - room: entries that may still be sent; nil: no limit.
    ///   - pageRoom: entries that the page may still have; nil: no limit.
    ///   - sent: counts them.
    /// - Throws: `sizeLimitExceeded`, `noSuchObject`.
    func advance(
        messageID: Int, bytes: Int, room: Int?, pageRoom: Int?, sent: inout Int, _ snapshot: borrowing Snapshot,
        _ selected: inout SelectionScratch, _ scratch: inout FilterScratch, _ output: inout BERBuffer
    ) throws(LDAPError) -> Step {
        guard let tree else { return .more }
        if base == nil {
            guard let found = tree.index(of: path) else { throw LDAPError(.noSuchObject, "", matchedDN: Array(Monitor.name.utf8)) }
            base = found
        }
        let compiled = directory.compileForMade(filter, snapshot.catalogue)
        let limit = output.count + bytes
        var room = room
        var pageRoom = pageRoom
        while next < tree.count {
            let entry = tree[next]
            guard isInScope(entry), let record = MonitorAccess(access, directory).readable(entry, tree, compiled, snapshot, &scratch) else {
                next += 1
                continue
            }
            if room == 0 { throw LDAPError(.sizeLimitExceeded, "") }
            if pageRoom == 0 { return .page(next) }
            next += 1
            guard let parsed = EntryRecord(record.rawSpan) else { continue }
            let name = Array(entry.name.utf8)
            // Nothing is computed: no budget is used.
            var budget = Int.max
            do {
                _ = try selection.append(
                    messageID: messageID, id: .root, name: name.rawSpan, record: parsed, snapshot, viewer: directory.unlimited, budget: &budget, &selected,
                    to: &output)
            } catch { throw LDAPError(storage: error) }
            sent += 1
            room = room.map { $0 - 1 }
            pageRoom = pageRoom.map { $0 - 1 }
            if output.count >= limit { return .more }
        }
        return .done
    }

    private func isInScope(_ entry: MonitorEntry) -> Bool {
        let depth = entry.path.count - path.count
        guard depth >= 0 else { return false }
        switch scope {
        case .baseObject: if depth != 0 { return false }
        case .singleLevel: if depth != 1 { return false }
        case .wholeSubtree: break
        case .subordinateSubtree: if depth == 0 { return false }
        }
        return zip(path, entry.path).allSatisfy { $0 == $1.lowercased() }
    }
}

/// What a client sees of the monitor's entries.
struct MonitorAccess {
    private let access: AccessControl
    private let directory: Directory

    init(_ access: AccessControl, _ directory: Directory) {
        self.access = access
        self.directory = directory
    }

    /// Whether access rules are asked: those who may see the monitor by default see all of it.
    private var isJudged: Bool { directory.isMonitorRuled && !access.subject.isRoot }

    /// The record of an entry with what the client may read, if it matches by what the client may search for; nil: there is nothing to
    /// be seen.
    func readable(
        _ entry: MonitorEntry, _ tree: MonitorTree, _ filter: CompiledFilter, _ snapshot: borrowing Snapshot, _ scratch: inout FilterScratch
    ) -> [UInt8]? {
        let table = snapshot.catalogue.table
        let whole = entry.record(table, hasSubordinates: tree.hasSubordinates(entry))
        guard let record = EntryRecord(whole.rawSpan) else { return nil }
        guard isJudged else { return filter.evaluate(.root, record, snapshot, scratch: &scratch) == .yes ? whole : nil }
        guard access.allows(.read, access.entry, .unborn, record, snapshot) else { return nil }
        let searchable = entry.record(table, hasSubordinates: tree.hasSubordinates(entry)) { type in
            allows(.search, type, whole, snapshot)
        }
        guard let tested = EntryRecord(searchable.rawSpan), filter.evaluate(.root, tested, snapshot, scratch: &scratch) == .yes else { return nil }
        return entry.record(table, hasSubordinates: tree.hasSubordinates(entry)) { type in allows(.read, type, whole, snapshot) }
    }

    func allows(_ wanted: AccessPrivileges, _ type: AttributeTypeID, _ whole: [UInt8], _ snapshot: borrowing Snapshot) -> Bool {
        guard isJudged else { return true }
        guard let record = EntryRecord(whole.rawSpan) else { return false }
        return access.allows(wanted, AccessDatum(type), .unborn, record, snapshot)
    }
}
