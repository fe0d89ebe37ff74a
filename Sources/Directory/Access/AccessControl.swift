import BER
import EntryStore
import LDAP
import Schema

/// What a client may do: asked by the operations that deal with single entries. Searches ask an ``AccessCache``.
struct AccessControl: Sendable {
    let subject: AccessSubject
    let directory: Directory

    var identity: Identity { subject.identity }

    init(_ subject: AccessSubject, _ directory: Directory) {
        self.subject = subject
        self.directory = directory
    }

    /// For one operation: what is found out about the client in the midst of a transaction is for this one alone.
    init(_ requester: Requester, _ directory: Directory) {
        self.init(requester.subject.map { AccessSubject(again: $0) } ?? AccessSubject(requester.identity, requester.origin, directory), directory)
    }

    var entry: AccessDatum { .entry }
    var children: AccessDatum { .children }

    /// What is granted on an entry, which need not be in the store (yet).
    func privileges(
        _ datum: AccessDatum, value: [UInt8]? = nil, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) -> AccessPrivileges {
        if subject.isRoot { return .all }
        let standing = subject.standing(directory, snapshot)
        let ruled = ruledPrivileges(datum, value: value, id, record, standing.conditions, snapshot)
        guard let grant = standing.holder?.grant(id, record, snapshot) else { return ruled }
        return ruled.union(grant[datum])
    }

    /// What the rules alone grant.
    private func ruledPrivileges(
        _ datum: AccessDatum, value: [UInt8]?, _ id: EntryID, _ record: borrowing EntryRecord, _ conditions: UInt64,
        _ snapshot: borrowing Snapshot
    ) -> AccessPrivileges {
        let rules = directory.accessRules
        var tests = AccessTests()
        let entry = tests.holding(rules.bounds(datum, subject: conditions).tests, id, record, subject, directory, snapshot)
        return rules.privileges(datum, value: value, subject: conditions, own: subject.name, entry: entry)
    }

    func allows(
        _ wanted: AccessPrivileges, _ datum: AccessDatum, value: [UInt8]? = nil, _ id: EntryID, _ record: borrowing EntryRecord,
        _ snapshot: borrowing Snapshot
    ) -> Bool {
        privileges(datum, value: value, id, record, snapshot).isSuperset(of: wanted)
    }

    /// The same of an entry of the store; the root has no attributes.
    func allows(
        _ wanted: AccessPrivileges, _ datum: AccessDatum, value: [UInt8]? = nil, of id: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Bool {
        if subject.isRoot { return true }
        if id == .root {
            let empty = Self.emptyRecord
            guard let record = EntryRecord(empty.rawSpan) else { return false }
            return allows(wanted, datum, value: value, id, record, snapshot)
        }
        guard let record = try directory.record(id, snapshot) else { return false }
        return allows(wanted, datum, value: value, id, record, snapshot)
    }

    /// Whether something is granted on every entry there may be. No says nothing of any one.
    func allowsAlways(_ wanted: AccessPrivileges, _ datum: AccessDatum, _ snapshot: borrowing Snapshot) -> Bool {
        if subject.isRoot { return true }
        let conditions = subject.standing(directory, snapshot).conditions
        return directory.accessRules.bounds(datum, subject: conditions).least.isSuperset(of: wanted)
    }

    /// The root of the tree as rules see it.
    static let emptyRecord = Entry().record(parent: .root, rdn: [], flags: [])

    // MARK: Demands

    /// - Throws: `strongerAuthRequired` for anonymous clients, as slapd.
    func demandBound() throws(LDAPError) {
        if identity.isAnonymous { throw LDAPError(.strongerAuthRequired, "modifications require authentication") }
    }

    /// - Throws: `insufficientAccessRights`, or what is said of an entry that does not exist if it is not to be disclosed.
    func demand(
        _ wanted: AccessPrivileges, _ datum: AccessDatum, value: [UInt8]? = nil, of id: EntryID, _ what: StaticString,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        if try allows(wanted, datum, value: value, of: id, snapshot) { return }
        throw try refusal(id, "no write access to \(what)", snapshot)
    }

    /// Whether rules may be relaxed for an entry (draft-zeilenga-ldap-relax).
    /// - Throws: `insufficientAccessRights`.
    func demandManagement(of id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if try !allows(.manage, entry, of: id, snapshot) { throw try refusal(id, Self.noManagement, snapshot) }
    }

    static var noManagement: LDAPError {
        LDAPError(.insufficientAccessRights, "no manage access to entry: rules cannot be relaxed")
    }

    /// What is said to somebody who may not do what was asked with an entry.
    func refusal(_ id: EntryID, _ message: String, _ snapshot: borrowing Snapshot) throws(LDAPError) -> LDAPError {
        try refusal(id, LDAPError(.insufficientAccessRights, message), snapshot)
    }

    /// An error about an entry, as somebody is told to whom the entry may perhaps not be disclosed.
    func refusal(_ id: EntryID, _ error: LDAPError, _ snapshot: borrowing Snapshot) throws(LDAPError) -> LDAPError {
        if try allows(.disclose, entry, of: id, snapshot) { return error }
        let parent = try directory.record(id, snapshot)?.parent ?? .root
        return try missing(below: parent, snapshot)
    }

    /// What is said of an entry that does not exist: `noSuchObject` with the nearest entry above it that may be disclosed.
    func missing(below id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> LDAPError {
        var current = id
        while current != .root, !(try allows(.disclose, entry, of: current, snapshot)) {
            guard let record = try directory.record(current, snapshot) else { break }
            current = record.parent
        }
        return LDAPError(.noSuchObject, "", matchedDN: try stored { () throws(EntryStoreError) in try snapshot.name(of: current) })
    }

    /// The changes of a modify request: values need `add` and `delete`, each as it comes and goes; replacing needs both.
    /// - Throws: as ``demand(_:_:value:of:_:_:)``.
    func demand(_ changes: [Modification], of id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if subject.isRoot { return }
        for change in changes {
            let datum = AccessDatum(change.description.type)
            switch change.operation {
            case .add: try demand(.add, datum, values: change.values, of: id, snapshot)
            case .delete where change.values.isEmpty: try demand(.delete, datum, of: id, "attribute", snapshot)
            case .delete: try demand(.delete, datum, values: change.values, of: id, snapshot)
            case .replace where !change.values.isEmpty && !directory.accessRules.hasValueRules:
                try demand([.add, .delete], datum, of: id, "attribute", snapshot)
            case .replace:
                try demand(.delete, datum, of: id, "attribute", snapshot)
                try demand(.add, datum, values: change.values, of: id, snapshot)
            case .increment: try demand(.write, datum, of: id, "attribute", snapshot)
            }
            try checkGranted(change, of: id, snapshot)
        }
    }

    private func demand(
        _ wanted: AccessPrivileges, _ datum: AccessDatum, values: [[UInt8]], of id: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard directory.accessRules.hasValueRules else {
            if !values.isEmpty { try demand(wanted, datum, of: id, "attribute", snapshot) }
            return
        }
        for value in values { try demand(wanted, datum, value: value, of: id, "attribute", snapshot) }
    }

    /// Whether something may be done, as far as can be said before the entry is looked at: who cannot be refused for it may be told what
    /// else is wrong. Where a name does not lead, whoever may be told of what is above it may.
    func mayBe(
        _ wanted: AccessPrivileges, _ data: [AccessDatum], at found: Snapshot.Resolution, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Bool {
        if subject.isRoot { return true }
        for datum in found.isComplete || wanted != .write ? data : [children] {
            if try !allows(wanted, datum, of: found.id, snapshot) { return false }
        }
        return true
    }

    /// What a new entry consists of. Rules do not ask for it, as in slapd; granted rights reach as far as they do for changes.
    /// - Throws: `insufficientAccessRights` naming the first attribute that may not be given.
    func demandContent(
        _ attributes: [(type: AttributeTypeID, values: [[UInt8]])], _ id: EntryID, _ record: borrowing EntryRecord,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        let standing = subject.standing(directory, snapshot)
        guard let holder = standing.holder,
            !ruledPrivileges(entry, value: nil, id, record, standing.conditions, snapshot).contains(.add)
        else { return }
        for attribute in attributes {
            let datum = AccessDatum(attribute.type)
            if ruledPrivileges(datum, value: nil, id, record, standing.conditions, snapshot).contains(.add) { continue }
            guard holder.grant(id, record, snapshot)?[datum].contains(.add) == true else {
                throw LDAPError(.insufficientAccessRights, "no write access to attribute \(directory.schema[attribute.type].name)")
            }
            try holder.check(attribute.values, removed: [], of: attribute.type, id, record, snapshot)
        }
    }

    /// Holds a change against the limits of the right by which it is made, if it is not by rules.
    private func checkGranted(_ change: Modification, of id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let standing = subject.standing(directory, snapshot)
        let type = change.description.type
        guard let holder = standing.holder, let record = try directory.record(id, snapshot) else { return }
        let ruled = ruledPrivileges(AccessDatum(type), value: nil, id, record, standing.conditions, snapshot)
        if change.operation == .increment {
            if ruled.contains(.add) { return }
            throw LDAPError(.insufficientAccessRights, "\(directory.schema[type].name): may be replaced, not incremented")
        }
        var added = change.operation == .delete ? [] : change.values
        var removed = change.operation == .delete ? change.values : []
        if change.operation == .replace || change.operation == .delete && removed.isEmpty, let attribute = snapshot.catalogue.table.id(of: type) {
            var stored = record.values(of: attribute)
            while let value = stored.next() { removed.append(value.array) }
            // What stays is not in question.
            let (before, after) = (Set(removed), Set(added))
            added = added.filter { !before.contains($0) }
            removed = removed.filter { !after.contains($0) }
        }
        if ruled.contains(.add) { added = [] }
        if ruled.contains(.delete) { removed = [] }
        if added.isEmpty, removed.isEmpty { return }
        try holder.check(added, removed: removed, of: type, id, record, snapshot)
    }

    // MARK: Filters and selections

    /// A filter about one entry: items on what may not be searched for are Undefined.
    func compile(
        _ filter: Filter, _ view: EntrySelection.View, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) -> CompiledFilter {
        compile(filter, view, profile: profile(id, record, snapshot), id, record, snapshot)
    }

    /// The same with the profile known.
    /// - Parameter wanted: the right that an item needs.
    func compile(
        _ filter: Filter, _ view: EntrySelection.View, profile: AccessProfile, wanted: AccessPrivileges = .search, _ id: EntryID,
        _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) -> CompiledFilter {
        // Judged before: a filter's closures cannot hold the record.
        directory.compile(
            filter, snapshot.catalogue, view, viewer: self, profile: profile, wanted: wanted, judging: judging(id, record, snapshot))
    }

    /// What is allowed with an entry.
    func profile(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> AccessProfile {
        if subject.isRoot { return .unlimited }
        var cache = AccessCache()
        cache.begin(subject, directory, snapshot)
        cache.judge(id, record, subject, directory, snapshot)
        return cache.profile
    }

    /// Judges single values of an entry.
    func judging(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> AccessValues? {
        if subject.isRoot || !directory.accessRules.hasValueRules { return nil }
        var tests = AccessTests()
        let standing = subject.standing(directory, snapshot)
        return AccessValues(
            rules: directory.accessRules, subject: standing.conditions, own: subject.name,
            entry: tests.holding(directory.accessRules.entryTests, id, record, subject, directory, snapshot),
            grant: standing.holder?.grant(id, record, snapshot))
    }
}

/// Judges single values of one entry for one client.
struct AccessValues {
    let rules: AccessRules
    /// Conditions that hold of the client and of the entry.
    let subject: UInt64
    let own: [UInt8]
    let entry: UInt64
    let grant: AccessGrant?

    func allows(_ wanted: AccessPrivileges, _ datum: AccessDatum, _ value: [UInt8]?) -> Bool {
        rules.privileges(datum, value: value, subject: subject, own: own, entry: entry).union(grant?[datum] ?? []).isSuperset(of: wanted)
    }
}

extension EntryID {
    /// Stands for an entry that is not in the store yet: no entry has this number.
    static let unborn = EntryID(rawValue: .max)
}
