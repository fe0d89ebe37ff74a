import BER
import EntryStore
import LDAP
import Schema

/// Brings a deleted entry back by modify DN (rule 12.6): with all that stood below it and went in the same operation, with what is
/// its own elsewhere, and with the references to it that the same client took away then.
///
/// It gets its UUID back unless that is in use. What cannot come back is said in the diagnostic message of the success. All checks are
/// made before anything is changed.
struct Restoration: Sendable {
    private let target: WriteTarget
    /// What names it below `cn=deleted`.
    private let deletedRDN: RelativeDistinguishedName
    private let rdn: RelativeDistinguishedName
    /// nil: where it was.
    private let newSuperior: DistinguishedName?
    private let deletesOldRDN: Bool
    private let controls: WriteControls
    private let access: AccessControl
    private let modifier: [UInt8]

    /// How long before a deletion the same client's changes count as a part of it: clients take aliases, memberships and grants away first.
    private static let preparation: Int64 = 60_000_000
    /// Changes looked at to find them.
    private static let preparationLimit: UInt64 = 10_000
    /// Entries below the deleted one that can come back with it.
    private static let treeLimit = 100_000

    /// - Returns: nil if the request is not about a deleted entry.
    init?(
        _ request: ModifyDNRequest, _ controls: WriteControls, _ access: AccessControl, _ directory: Directory
    ) throws(LDAPError) {
        guard controls.showDeleted else { return nil }
        let schema = directory.schema
        target = try WriteTarget(request.entry, schema)
        guard let deletedRDN = try directory.deleted.rdn(of: target.name, schema) else { return nil }
        self.deletedRDN = deletedRDN
        rdn = try RelativeDistinguishedName(parsing: request.newRDN.rawSpan)
        _ = try directory.checker.namingValues(rdn)
        newSuperior = try request.newSuperior.map { name throws(LDAPError) in try DistinguishedName(parsing: name.rawSpan) }
        deletesOldRDN = request.deleteOldRDN
        self.controls = controls
        self.access = access
        modifier = directory.nameForRecords(access.identity)
    }

    /// An entry that is ready to be added.
    private struct Addition {
        let record: ChangeRecord
        let entry: Entry
        let rdn: RelativeDistinguishedName
        let flags: EntryRecord.Flags
        /// nil: below the one that had this number before, which comes back too.
        let parent: EntryID?
    }

    func run(_ directory: Directory, _ transaction: inout StoreTransaction) throws(LDAPError) -> WriteAnswer {
        transaction.beginOperation(by: modifier)
        let (top, parent) = try find(directory, transaction.snapshot)
        try access.demand(.add, access.children, of: parent, "new superior", transaction.snapshot)
        let group = try group(of: top, transaction.snapshot)
        let window = try window(of: top, transaction.snapshot)
        let table = transaction.catalogue.table

        // What comes back, checked.
        var returning: [ReturningEntry] = []
        for record in [top] + group {
            guard let entry = try makeReturning(record, top, parent, window, directory, transaction.snapshot) else { continue }
            returning.append(entry)
        }
        let notes = returning.flatMap(\.notes)
        var additions: [Addition] = []
        for entry in returning { additions.append(try check(entry, directory, transaction.snapshot)) }
        let companions = try checkCompanions(returning, directory, transaction.snapshot)
        var left = notes + companions.notes
        let changes = try references(to: returning, top, table, directory, transaction.snapshot, &left)

        // No more reasons to refuse.
        var numbers: [EntryID: EntryID] = [:]
        for addition in additions + companions.additions {
            guard let below = addition.parent ?? addition.record.image.flatMap({ numbers[$0.parent] }) else { continue }
            var canonical: [UInt8] = []
            try directory.schema.normalizeRDN(addition.rdn, into: &canonical)
            let text = try directory.rdnText(addition.rdn)
            var entry = addition.entry
            try directory.checker.noteChange(of: &entry, modifier: modifier, moment: ChangeClock.shared.next(), table: table)
            let id = try stored { () throws(EntryStoreError) in
                let id = try transaction.add(entry, parent: below, rdn: text, canonicalRDN: canonical, flags: addition.flags)
                try transaction.removeDeleted(addition.record.number)
                return id
            }
            numbers[addition.record.id] = id
        }
        for change in changes {
            var after = change.after
            try directory.checker.noteChange(of: &after, modifier: modifier, moment: ChangeClock.shared.next(), table: table)
            try stored { () throws(EntryStoreError) in
                try transaction.replace(change.id, change.before, with: after, flags: change.flags)
            }
        }
        var answer = WriteAnswer()
        if !left.isEmpty { answer.message = "restored, except: " + left.prefix(20).joined(separator: "; ") + (left.count > 20 ? "; …" : "") }
        if let id = numbers[top.id], let control = try directory.readEntry(controls.postRead, oid: PostRead.oid, id, access, transaction.snapshot) {
            answer.controls.append(control)
        }
        return answer
    }

    // MARK: What comes back

    /// The deleted entry, and the one that it will stand below.
    private func find(_ directory: Directory, _ snapshot: borrowing Snapshot) throws(LDAPError) -> (ChangeRecord, EntryID) {
        guard access.identity.isAdministrator || directory.readsChanges(access.identity) else {
            throw LDAPError(.insufficientAccessRights, "deleted entries are for administrators")
        }
        guard let top = try stored({ () throws(EntryStoreError) in try directory.deleted.record(deletedRDN, snapshot) }), let image = top.image
        else { throw LDAPError(.noSuchObject, "no such deleted entry", matchedDN: Array(DeletedBranch.name.utf8)) }
        let parent: EntryID
        if let newSuperior {
            let found = try snapshot.resolve(newSuperior)
            try directory.demandNoBranch(found, newSuperior, snapshot)
            guard found.isComplete else { throw LDAPError(.noSuchObject, "new superior not found") }
            parent = found.id
        } else {
            parent = image.parent
        }
        if parent != .root {
            guard let record = try directory.record(parent, snapshot) else {
                throw LDAPError(.noSuchObject, "the entry above it is gone too: restore that first, or give a new superior")
            }
            if record.flags.contains(.alias) { throw LDAPError(.aliasProblem, "new superior is an alias") }
            if record.flags.contains(.subentry) { throw LDAPError(.objectClassViolation, "new superior is a subentry") }
        }
        return (top, parent)
    }

    /// What stood below and went in the same operation, superiors first.
    private func group(of top: ChangeRecord, _ snapshot: borrowing Snapshot) throws(LDAPError) -> [ChangeRecord] {
        var below: [ChangeRecord] = []
        var number = top.operation
        while number < top.number {
            guard let record = try stored({ () throws(EntryStoreError) in try snapshot.deletedEntry(from: number) }), record.number < top.number
            else { break }
            if record.operation == top.operation { below.append(record) }
            guard below.count <= Self.treeLimit else {
                throw LDAPError(.adminLimitExceeded, "more than \(Self.treeLimit) entries below it")
            }
            number = record.number + 1
        }
        // The leaves went first.
        var known: Set<EntryID> = [top.id]
        return below.reversed().filter { record in
            guard let image = record.image, known.contains(image.parent) else { return false }
            known.insert(record.id)
            return true
        }
    }

    /// The numbers of what the client did in order to delete the entry.
    private func window(of top: ChangeRecord, _ snapshot: borrowing Snapshot) throws(LDAPError) -> ClosedRange<UInt64>? {
        try stored { () throws(EntryStoreError) in
            guard let present = try snapshot.changeNumbers(), let first = try snapshot.firstChange(notBefore: top.time - Self.preparation)
            else { return nil }
            var low = max(first, present.lowerBound, top.number > Self.preparationLimit ? top.number - Self.preparationLimit : 1)
            // What the operation itself took with the entry is before it, however much that was (rule 7.13: a list of many members).
            low = min(low, max(top.operation, present.lowerBound))
            // What belongs to the same operation may come after the entry.
            let high = min(present.upperBound, top.number + Self.preparationLimit)
            return low <= high ? low...high : nil
        }
    }

    private func isPart(_ record: ChangeRecord, of top: ChangeRecord) -> Bool {
        record.operation == top.operation || record.number < top.number && record.author == top.author && !top.author.isEmpty
    }

    private func makeReturning(
        _ record: ChangeRecord, _ top: ChangeRecord, _ parent: EntryID, _ window: ClosedRange<UInt64>?, _ directory: Directory,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> ReturningEntry? {
        guard let image = record.image else { return nil }
        let isTop = record.number == top.number
        let checker = directory.checker
        let table = snapshot.catalogue.table
        let oldRDN = try RelativeDistinguishedName(parsing: image.rdn.rawSpan)
        let newRDN = isTop ? rdn : oldRDN
        var entry = image.entry
        if isTop {
            if deletesOldRDN { try removeNamingValues(oldRDN, from: &entry, directory, table) }
            try checker.addNamingValues(to: &entry, rdn: newRDN, table: table)
        }
        var topName: [UInt8] = []
        rdn.write(into: &topName)
        if parent != .root {
            topName.append(UInt8(ascii: ","))
            topName += try stored { () throws(EntryStoreError) in try snapshot.name(of: parent) }
        }
        // Names below the top end as its own did.
        var name = topName
        if !isTop {
            guard record.name.count > top.name.count, record.name.suffix(top.name.count) == top.name[...] else { return nil }
            name = Array(record.name.dropLast(top.name.count)) + topName
        }
        let isRenamed = try canonical(name, directory) != canonical(record.name, directory)
        var returning = ReturningEntry(
            record: record, before: image.entry, entry: entry, name: name, oldRDN: oldRDN, rdn: newRDN, parent: parent, isRenamed: isRenamed,
            isTop: isTop, candidates: isTop ? try candidates(for: top, window, snapshot) : [])
        if let id = table.id(of: directory.known.entryUUID), let uuid = entry[id].first,
            try snapshot.someEntry(with: directory.known.entryUUID, uuid) != nil
        {
            returning.entry[id] = [EntryChecker.randomUUID()]
            returning.notes.append("its entryUUID, which is in use: it has a new one")
        }
        for rule in directory.returnRules { try rule.adjust(&returning, snapshot) }
        return returning
    }

    private func canonical(_ name: [UInt8], _ directory: Directory) throws(LDAPError) -> [UInt8] {
        var canonical: [UInt8] = []
        try directory.schema.normalizeDN(DistinguishedName(parsing: name.rawSpan), into: &canonical)
        return canonical
    }

    private func removeNamingValues(
        _ rdn: RelativeDistinguishedName, from entry: inout Entry, _ directory: Directory, _ table: AttributeTable
    ) throws(LDAPError) {
        var scratch: [UInt8] = []
        for naming in try directory.checker.namingValues(rdn) {
            guard let id = table.id(of: naming.type), let rule = directory.schema[naming.type].equality else { continue }
            entry[id] = entry[id].filter {
                !directory.schema.equals($0.rawSpan, normalized: naming.canonical.rawSpan, by: rule, scratch: &scratch)
            }
        }
    }

    /// Deleted entries elsewhere that may belong to it.
    private func candidates(
        for top: ChangeRecord, _ window: ClosedRange<UInt64>?, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> [ChangeRecord] {
        guard let window else { return [] }
        return try stored { () throws(EntryStoreError) in
            var found: [ChangeRecord] = []
            var number = window.lowerBound
            while number <= window.upperBound, let record = try snapshot.deletedEntry(from: number), record.number <= window.upperBound {
                if record.number != top.number, isPart(record, of: top) { found.append(record) }
                number = record.number + 1
            }
            return found
        }
    }

    // MARK: Checks

    private func check(
        _ returning: ReturningEntry, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Addition {
        let flags = try checkEntry(returning.entry, returning.rdn, returning.parent, directory, snapshot)
        if returning.isTop {
            var canonical: [UInt8] = []
            try directory.schema.normalizeRDN(returning.rdn, into: &canonical)
            if try stored({ () throws(EntryStoreError) in try snapshot.child(of: returning.parent, rdn: canonical.rawSpan) }) != nil {
                throw LDAPError(.entryAlreadyExists, "there is another entry of this name by now")
            }
            try directory.demandNoBranch(returning.rdn, below: returning.parent, snapshot)
        }
        return Addition(
            record: returning.record, entry: returning.entry, rdn: returning.rdn, flags: flags,
            parent: returning.isTop ? returning.parent : nil)
    }

    private func checkEntry(
        _ entry: Entry, _ rdn: RelativeDistinguishedName, _ parent: EntryID, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> EntryRecord.Flags {
        let table = snapshot.catalogue.table
        for type in directory.uniqueTypes {
            guard let id = table.id(of: type), !entry[id].isEmpty else { continue }
            let values = try directory.checker.canonicalValues(entry[id], of: directory.schema[type], name: directory.schema[type].nameBytes)
            try directory.checkUnique(type, values, otherThan: nil, snapshot)
        }
        let flags = try directory.checker.check(entry, rdn: rdn, table: table)
        if !access.subject.isRoot {
            let bytes = entry.record(parent: parent, rdn: try directory.rdnText(rdn), flags: flags)
            guard let record = EntryRecord(bytes.rawSpan), access.allows(.add, access.entry, .unborn, record, snapshot) else {
                throw LDAPError(.insufficientAccessRights, "no write access to entry")
            }
        }
        try directory.writeRules.check(RuledChange(.restore, after: entry, parent: parent, table), snapshot)
        return flags
    }

    /// Companions come back if they can.
    private func checkCompanions(
        _ returning: [ReturningEntry], _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> (additions: [Addition], notes: [String]) {
        var additions: [Addition] = []
        var notes: [String] = []
        let others = Set(returning.map(\.record.number))
        for companion in returning.flatMap(\.companions) where !others.contains(companion.record.number) {
            let name = String(decoding: companion.record.name, as: UTF8.self)
            guard let image = companion.record.image else { continue }
            do throws(LDAPError) {
                let rdn = try RelativeDistinguishedName(parsing: image.rdn.rawSpan)
                var canonical: [UInt8] = []
                try directory.schema.normalizeRDN(rdn, into: &canonical)
                if image.parent != .root, try directory.record(image.parent, snapshot) == nil {
                    throw LDAPError(.noSuchObject, "the entry above it is gone")
                }
                if try stored({ () throws(EntryStoreError) in try snapshot.child(of: image.parent, rdn: canonical.rawSpan) }) != nil {
                    throw LDAPError(.entryAlreadyExists, "its name is taken")
                }
                try access.demand(.add, access.children, of: image.parent, "its superior", snapshot)
                let flags = try checkEntry(companion.entry, rdn, image.parent, directory, snapshot)
                additions.append(Addition(record: companion.record, entry: companion.entry, rdn: rdn, flags: flags, parent: image.parent))
            } catch { notes.append("\(name) (\(error.message.isEmpty ? "\(error.code)" : error.message))") }
        }
        return (additions, notes)
    }

    // MARK: References

    /// An entry that names a returning one again.
    private struct Reference {
        let id: EntryID
        let before: Entry
        let after: Entry
        let flags: EntryRecord.Flags
    }

    /// References that went with the entry and still make sense.
    private func references(
        to returning: [ReturningEntry], _ top: ChangeRecord, _ table: AttributeTable, _ directory: Directory, _ snapshot: borrowing Snapshot,
        _ notes: inout [String]
    ) throws(LDAPError) -> [Reference] {
        guard let window = try window(of: top, snapshot) else { return [] }
        var identifiers: [[UInt8]: [UInt8]] = [:]
        for entry in returning {
            if let name = try? canonical(entry.record.name, directory) { identifiers[name] = entry.name }
            for rule in directory.returnRules { identifiers.merge(rule.identifiers(of: entry, table)) { old, _ in old } }
        }
        /// Values to be added, by entry and attribute; the entry's name for notes.
        var wanted: [(id: EntryID, attribute: AttributeID, value: [UInt8], name: [UInt8])] = []
        let back = Set(returning.map(\.record.id))
        for number in window {
            guard let record = try stored({ () throws(EntryStoreError) in try snapshot.change(number) }), record.kind == .modify,
                isPart(record, of: top), !back.contains(record.id)
            else { continue }
            for change in record.changes {
                guard let type = table.type(of: change.id) else { continue }
                let added = Set(change.added)
                for value in change.removed where !added.contains(value) {
                    guard let restored = reference(value, type, identifiers, directory) else { continue }
                    wanted.append((record.id, change.id, restored, record.name))
                }
            }
        }
        var result: [Reference] = []
        let byEntry = Dictionary(grouping: wanted, by: \.id)
        for id in byEntry.keys.sorted() {
            guard let values = byEntry[id] else { continue }
            do throws(LDAPError) {
                result.append(try change(id, values.map { ($0.attribute, $0.value) }, table, directory, snapshot))
            } catch {
                let name = String(decoding: values[0].name, as: UTF8.self)
                notes.append("what \(name) said of it (\(error.code == .noSuchObject ? "that entry is gone" : error.message))")
            }
        }
        return result
    }

    /// A value that named a returning entry, as it must be to name it now; nil: it named none.
    private func reference(
        _ value: [UInt8], _ type: AttributeTypeID, _ identifiers: [[UInt8]: [UInt8]], _ directory: Directory
    ) -> [UInt8]? {
        let description = directory.schema[type]
        if description.equality == .distinguishedNameMatch {
            guard description.isUserModifiable else { return nil }
            return (try? canonical(value, directory)).flatMap { identifiers[$0] }
        }
        for rule in directory.returnRules {
            if let (key, rest) = rule.reference(value, of: type), let replacement = identifiers[key] { return replacement + rest }
        }
        return nil
    }

    private func change(
        _ id: EntryID, _ values: [(AttributeID, [UInt8])], _ table: AttributeTable, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Reference {
        guard let record = try directory.record(id, snapshot) else { throw LDAPError(.noSuchObject, "") }
        let before = Entry(record)
        let rdn = try RelativeDistinguishedName(parsing: record.rdn)
        let parent = record.parent
        var revision = EntryRevision(before, directory, table)
        for (attribute, value) in values {
            guard let name = table[attribute]?.name else { continue }
            let addition = try Modification(
                ModifyRequest.Change(.add, PartialAttribute(description: name, values: [value])), directory.checker)
            try access.demand([addition], of: id, snapshot)
            do throws(LDAPError) { try revision.apply(addition) } catch {
                if error.code != .attributeOrValueExists { throw error }
            }
        }
        let rules = try revision.check(rdn: rdn)
        let after = revision.entry
        try directory.writeRules.check(RuledChange(.restore, id: id, before: before, after: after, parent: parent, table), snapshot)
        return Reference(id: id, before: before, after: after, flags: rules.flags)
    }
}
