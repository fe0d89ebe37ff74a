public import EntryStore
public import LDAP
public import Schema

/// What changes in other entries because one is changed: in the same transaction, by the same client's name, in the change log as a part of
/// the same operation. The client needs no right to it, and no rule refuses it; the schema is kept.
///
/// Bounded in entries, and in how often something may follow from what followed: cascades end.
public struct Consequences: Sendable {
    /// Some values that an entry gets, or loses if it has them.
    struct Edit: Sendable, Hashable {
        let isAddition: Bool
        let type: AttributeTypeID
        let values: [[UInt8]]
    }

    /// Entries that one operation changes besides, at most.
    static let limit = 100_000
    /// Steps from one consequence to the next, at most.
    static let depthLimit = 8

    /// In the order in which they were asked for.
    private(set) var order: [EntryID] = []
    private(set) var edits: [EntryID: [Edit]] = [:]
    private(set) var doomed: Set<EntryID> = []
    /// Entries that go by the operation itself: nothing more happens to them.
    private let going: Set<EntryID>
    /// What is new since somebody looked last.
    private var fresh: [EntryID] = []

    var isEmpty: Bool { order.isEmpty }

    init(besides going: Set<EntryID> = []) { self.going = going }

    /// Whether an entry goes with this operation.
    public func isGoing(_ id: EntryID) -> Bool { going.contains(id) || doomed.contains(id) }

    /// Gives an entry values; those it has already stay.
    /// - Throws: `adminLimitExceeded`.
    public mutating func add(_ values: [[UInt8]], to type: AttributeTypeID, of id: EntryID) throws(LDAPError) {
        try note(Edit(isAddition: true, type: type, values: values), id)
    }

    /// Takes values from an entry; those it has not are passed over.
    /// - Throws: `adminLimitExceeded`.
    public mutating func remove(_ values: [[UInt8]], from type: AttributeTypeID, of id: EntryID) throws(LDAPError) {
        try note(Edit(isAddition: false, type: type, values: values), id)
    }

    /// Has an entry go, which must have none below it that stays.
    /// - Throws: `adminLimitExceeded`.
    public mutating func delete(_ id: EntryID) throws(LDAPError) {
        if isGoing(id) { return }
        try enlist(id)
        doomed.insert(id)
        fresh.append(id)
    }

    private mutating func note(_ edit: Edit, _ id: EntryID) throws(LDAPError) {
        if edit.values.isEmpty || going.contains(id) || edits[id]?.contains(edit) == true { return }
        try enlist(id)
        edits[id, default: []].append(edit)
        if fresh.last != id { fresh.append(id) }
    }

    private mutating func enlist(_ id: EntryID) throws(LDAPError) {
        if edits[id] != nil || doomed.contains(id) { return }
        guard order.count < Self.limit else {
            throw LDAPError(.adminLimitExceeded, "more than \(Self.limit) other entries would have to be changed with it")
        }
        order.append(id)
    }

    /// What was asked for since the last call.
    mutating func takeFresh() -> [EntryID] {
        defer { fresh = [] }
        return fresh
    }
}

extension Directory {
    /// Follows what follows, and checks all of it: once it begins, nothing but the storage can make it fail.
    /// - Throws: what a rule or the schema refuses; nothing is changed then.
    func completePlan(_ consequences: inout Consequences, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if consequences.isEmpty { return }
        var depth = 0
        while true {
            let fresh = consequences.takeFresh()
            if fresh.isEmpty { break }
            depth += 1
            guard depth <= Consequences.depthLimit else {
                throw LDAPError(.adminLimitExceeded, "what follows from the change does not come to an end")
            }
            for id in fresh {
                guard let record = try record(id, snapshot) else { throw LDAPError(.other, "entry \(id.rawValue) has no record") }
                let before = Entry(record)
                let parent = record.parent
                let isDoomed = consequences.doomed.contains(id)
                let after = isDoomed ? nil : try revision(of: id, before, consequences, snapshot).entry
                try writeRules.follow(
                    RuledChange(
                        isDoomed ? .delete : .modify, id: id, before: before, after: after, parent: parent, snapshot.catalogue.table),
                    &consequences, snapshot)
            }
        }
        for id in consequences.order {
            if consequences.doomed.contains(id) {
                for child in try children(of: id, snapshot) where !consequences.isGoing(child) {
                    let name = try stored { () throws(EntryStoreError) in try snapshot.name(of: id) }
                    throw LDAPError(.notAllowedOnNonLeaf, "\(String(decoding: name, as: UTF8.self)) would go with it, but has entries below it")
                }
            } else {
                guard let record = try record(id, snapshot) else { continue }
                do throws(LDAPError) {
                    let rdn = try RelativeDistinguishedName(parsing: record.rdn)
                    _ = try revision(of: id, Entry(record), consequences, snapshot).check(rdn: rdn)
                } catch {
                    let name = try stored { () throws(EntryStoreError) in try snapshot.name(of: id) }
                    throw LDAPError(error.code, "\(String(decoding: name, as: UTF8.self)), which changes with it: \(error.message)")
                }
            }
        }
    }

    private func children(of id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> [EntryID] {
        try stored { () throws(EntryStoreError) in
            try snapshot.hasChildren(id) ? try snapshot.descendants(of: id) : []
        }
    }

    /// An entry with the consequences that concern it.
    private func revision(
        of id: EntryID, _ before: Entry, _ consequences: Consequences, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> EntryRevision {
        var revision = EntryRevision(before, self, snapshot.catalogue.table, WriteLeniency(isPermissive: true))
        for edit in consequences.edits[id] ?? [] {
            let modification = try Modification(
                ModifyRequest.Change(
                    edit.isAddition ? .add : .delete, PartialAttribute(description: schema[edit.type].nameBytes, values: edit.values)),
                checker)
            if edit.isAddition { try checkUnique([modification], otherThan: id, snapshot) }
            try revision.apply(modification)
        }
        return revision
    }

    /// Makes the changes that were planned.
    func carryOut(_ consequences: Consequences, modifier: [UInt8], _ transaction: inout StoreTransaction) throws(LDAPError) {
        for id in consequences.order where !consequences.doomed.contains(id) {
            let before: Entry
            let rdn: RelativeDistinguishedName
            do {
                guard let record = try record(id, transaction.snapshot) else { continue }
                before = Entry(record)
                rdn = try RelativeDistinguishedName(parsing: record.rdn)
            }
            let revision = try revision(of: id, before, consequences, transaction.snapshot)
            if revision.entry == before { continue }
            let flags = try revision.check(rdn: rdn).flags
            let after = try revision.finish(modifier: modifier, &transaction)
            try stored { () throws(EntryStoreError) in try transaction.replace(id, before, with: after, flags: flags) }
        }
        for id in try leavesFirst(Array(consequences.doomed), transaction.snapshot) { try remove(id, &transaction) }
    }
}
