import BER
public import EntryStore
public import LDAP
public import Schema
import Synchronization

/// What a search may find that is made in somebody's name on behalf of an entry, as dynamic lists do: entries that he may read, by attributes
/// that he may search for. A search that is bounded by nothing needs none.
public struct SearchRights {
    private let access: AccessControl
    private let context: VirtualContext
    private let filter: Filter
    private let excluded: AttributeTypeID?
    /// Conditions of the subject, and what it holds beside the rules.
    private let standing: AccessSubject.Standing
    /// Conditions of entries that make a difference.
    private let tests: UInt64
    /// Types in the filter that may not be searched for everywhere.
    private let judged: [AttributeTypeID]

    /// Nil if nothing is kept from the subject.
    fileprivate init?(
        _ access: AccessControl, _ filter: Filter, excluding excluded: AttributeTypeID?, _ context: VirtualContext, _ snapshot: borrowing Snapshot
    ) {
        if access.subject.isRoot { return nil }
        let rules = access.directory.accessRules
        let standing = access.subject.standing(access.directory, snapshot)
        let conditions = standing.conditions
        let entry = rules.bounds(access.entry, subject: conditions)
        var tests = entry.tests
        var judged: [AttributeTypeID] = []
        let bytes = filter.bytes
        for node in filter.nodes where !node.attribute.isEmpty {
            guard let type = context.catalogue.table.parse(bytes.rawSpan.slice(node.attribute))?.type, !judged.contains(type) else { continue }
            let bounds = rules.bounds(AccessDatum(type), subject: conditions)
            if bounds.least.contains(.search) { continue }
            judged.append(type)
            tests |= bounds.tests
        }
        if judged.isEmpty, entry.least.contains(.read) { return nil }
        self.access = access
        self.context = context
        self.filter = filter
        self.excluded = excluded
        self.standing = standing
        self.tests = tests
        self.judged = judged
    }

    private func allows(_ wanted: AccessPrivileges, _ datum: AccessDatum, _ entry: UInt64, _ grant: AccessGrant?) -> Bool {
        access.directory.accessRules.privileges(datum, value: nil, subject: standing.conditions, own: access.subject.name, entry: entry)
            .union(grant?[datum] ?? []).isSuperset(of: wanted)
    }

    /// Whether the search may begin at an entry.
    public func mayBegin(at base: EntryID, _ snapshot: borrowing Snapshot) -> Bool {
        (try? access.allows(.search, access.entry, of: base, snapshot)) ?? false
    }

    /// Whether an entry that satisfies the filter may be found.
    public func mayFind(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, scratch: inout FilterScratch) -> Bool {
        var known = AccessTests()
        let entry = known.holding(tests, id, record, access.subject, access.directory, snapshot)
        let grant = standing.holder?.grant(id, record, snapshot)
        guard allows(.read, access.entry, entry, grant) else { return false }
        let refused = judged.filter { !allows(.search, AccessDatum($0), entry, grant) }
        if refused.isEmpty { return true }
        // Items on what may not be searched for are Undefined; others may be enough.
        return context.compile(kept: filter, excluding: excluded, refusing: refused).evaluate(id, record, snapshot, scratch: &scratch) == .yes
    }
}

extension VirtualContext {
    /// What bounds a search for the sake of an entry.
    /// - Parameters:
    ///   - name: in whose name it is made, in string form; nil: whoever gets the values.
    ///   - filter: as for ``compile(kept:excluding:)``.
    /// - Returns: nil if nothing does: so it is when values are worked out for what is above all rules.
    public func rights(
        as name: [UInt8]?, _ filter: Filter, excluding excluded: AttributeTypeID? = nil, _ snapshot: borrowing Snapshot
    ) -> SearchRights? {
        if access.subject.isRoot { return nil }
        let access = name.map { AccessControl(self.access.directory.subject(named: $0, snapshot), self.access.directory) } ?? self.access
        return SearchRights(access, filter, excluding: excluded, self, snapshot)
    }
}

/// Clients that others act for, by their names as they are written.
struct NamedSubjects {
    private struct Known {
        let subject: AccessSubject
        let commit: Int
    }

    private var known: [[UInt8]: Known] = [:]
    private static let limit = 256

    subscript(_ name: [UInt8], _ commit: Int) -> AccessSubject? {
        get { known[name].flatMap { $0.commit == commit ? $0.subject : nil } }
        set {
            if known.count >= Self.limit { known.removeAll() }
            known[name] = newValue.map { Known(subject: $0, commit: commit) }
        }
    }
}

extension Directory {
    /// Somebody in whose name something is done, without a connection of his own.
    /// - Parameter name: in string form; what is no name stands for nobody.
    func subject(named name: [UInt8], _ snapshot: borrowing Snapshot) -> AccessSubject {
        let commit = snapshot.commit
        if let known = namedSubjects.withLock({ $0[name, commit] }) { return known }
        var identity = Identity.anonymous
        var canonical: [UInt8] = []
        if let parsed = try? DistinguishedName(parsing: name.rawSpan), !parsed.rdns.isEmpty, (try? schema.normalizeDN(parsed, into: &canonical)) != nil {
            if canonical == rootName {
                identity = .root
            } else {
                let found = try? snapshot.resolve(parsed)
                identity = .entry(found.flatMap { $0.isComplete ? $0.id : nil } ?? EntryID(rawValue: .max), name: name, isAdministrator: false)
            }
        }
        let made = AccessSubject(identity, AccessOrigin(), self)
        if !snapshot.isUncommitted { namedSubjects.withLock { $0[name, commit] = made } }
        return made
    }

    /// What is above all rules.
    var unlimited: AccessControl { AccessControl(.unlimited, self) }
}
