import BER
import EntryStore
import LDAP
import Schema

/// What a restoration did.
public struct RestorationReport: Sendable {
    /// Entries that came back, that got other values or names, and that were as they had been.
    public var added = 0
    public var changed = 0
    public var unchanged = 0
    /// Entries that could not be restored, and why.
    public var notes: [String] = []
    /// Why nothing was done; nil if something was.
    public var failure: LDAPError?

    public init() {}
}

extension Directory {
    /// Makes an entry what it was at a moment, or a subtree: what has gone comes back, what has changed gets its former name and values. What
    /// has come since stays. One transaction; an entry that cannot be restored is left as it is, and said so.
    /// - Parameters:
    ///   - name: by the name that it had then.
    ///   - time: microseconds since 1970.
    public func restore(_ name: String, at time: Int64, subtree: Bool) async throws(LDAPError) -> RestorationReport {
        let name = try DistinguishedName(name)
        let report = await withCheckedContinuation { (continuation: CheckedContinuation<RestorationReport, Never>) in
            let result = ReportBox()
            writer.submit(
                Writer.Job(
                    body: { transaction in
                        var work = PastRestoration(self)
                        do throws(LDAPError) { try work.run(name, time, subtree, &transaction) } catch { work.report.failure = error }
                        result.set(work.report)
                        return Writer.Answer([])
                    },
                    failed: { error in
                        var report = RestorationReport()
                        report.failure = LDAPError(storage: error)
                        result.set(report)
                        return Writer.Answer([])
                    },
                    completion: { _ in continuation.resume(returning: result.get()) }))
        }
        if let failure = report.failure { throw failure }
        return report
    }
}

/// One restoration, on the writer's thread.
private struct PastRestoration {
    let directory: Directory
    var report = RestorationReport()
    /// The numbers that entries have now which had others then.
    private var numbers: [EntryID: EntryID] = [:]

    init(_ directory: Directory) { self.directory = directory }

    mutating func run(
        _ name: DistinguishedName, _ time: Int64, _ subtree: Bool, _ transaction: inout StoreTransaction
    ) throws(LDAPError) {
        let past: PastTree
        do { past = try PastTree(at: time, transaction.snapshot) } catch {
            throw error.reason == .input ? LDAPError(.unwillingToPerform, error.message) : LDAPError(storage: error)
        }
        guard let top = try past.resolve(name, transaction.snapshot), top != .root else {
            throw LDAPError(.noSuchObject, "there was no entry \(name) then")
        }
        let ids = try stored { () throws(EntryStoreError) in
            subtree ? try past.subtree(of: top, transaction.snapshot) : [top]
        }
        let entries = try stored { () throws(EntryStoreError) in try past.entries(ids, transaction.snapshot) }
        transaction.beginOperation(by: Array(directory.settings.rootName.utf8))
        for id in ids {
            guard let image = entries[id] else { continue }
            do throws(LDAPError) { try restore(id, image, &transaction) } catch {
                // A failure of the storage ends all.
                if transaction.failure != nil { throw error }
                let old = (try? past.name(of: id, transaction.snapshot)) ?? image.rdn
                report.notes.append("\(String(decoding: old, as: UTF8.self)): \(error.message.isEmpty ? "\(error.code)" : error.message)")
                if id == top, !subtree { throw error }
            }
        }
    }

    private mutating func restore(
        _ id: EntryID, _ image: ChangeRecord.Image, _ transaction: inout StoreTransaction
    ) throws(LDAPError) {
        let schema = directory.schema
        let table = transaction.catalogue.table
        let rdn = try RelativeDistinguishedName(parsing: image.rdn.rawSpan)
        var canonical: [UInt8] = []
        try schema.normalizeRDN(rdn, into: &canonical)
        let parent = numbers[image.parent] ?? image.parent
        if parent != .root, try directory.record(parent, transaction.snapshot) == nil {
            throw LDAPError(.noSuchObject, "the entry above it is not there")
        }
        let occupant = try stored { () throws(EntryStoreError) in try transaction.snapshot.child(of: parent, rdn: canonical.rawSpan) }
        let present = try self.present(id, image.entry, transaction.snapshot)
        if let occupant, occupant != present { throw LDAPError(.entryAlreadyExists, "its name is that of another entry by now") }
        var after = image.entry
        for type in directory.uniqueTypes {
            guard let attribute = table.id(of: type), !after[attribute].isEmpty else { continue }
            let values = try directory.checker.canonicalValues(after[attribute], of: schema[type], name: schema[type].nameBytes)
            try directory.checkUnique(type, values, otherThan: present, transaction.snapshot)
        }
        let flags = try directory.checker.check(after, rdn: rdn, table: table)
        guard let present else {
            try directory.writeRules.check(RuledChange(.restore, after: after, parent: parent, table), transaction.snapshot)
            try note(&after, table)
            let uuid = table.id(of: directory.known.entryUUID).flatMap { after[$0].first } ?? []
            numbers[id] = try stored { () throws(EntryStoreError) in
                let number = try transaction.add(after, parent: parent, rdn: image.rdn, canonicalRDN: canonical, flags: flags)
                if let deleted = try transaction.snapshot.deletedEntry(uuid: uuid) { try transaction.removeDeleted(deleted.number) }
                return number
            }
            report.added += 1
            return
        }
        numbers[id] = present
        let before: Entry
        let oldRDN: [UInt8]
        let oldParent: EntryID
        do {
            guard let record = try directory.record(present, transaction.snapshot) else { throw LDAPError(.noSuchObject, "") }
            before = Entry(record)
            oldRDN = record.rdn.array
            oldParent = record.parent
        }
        let moves = oldRDN != image.rdn || oldParent != parent
        if !moves, try isSame(before, after, table) {
            report.unchanged += 1
            return
        }
        try directory.writeRules.check(
            RuledChange(.restore, id: present, before: before, after: after, oldParent: oldParent, parent: parent, table), transaction.snapshot)
        try note(&after, table)
        if moves {
            if try stored({ () throws(EntryStoreError) in try transaction.snapshot.isInSubtree(parent, of: present) }) {
                throw LDAPError(.unwillingToPerform, "the entry above it stands below it by now")
            }
            var oldCanonical: [UInt8] = []
            try schema.normalizeRDN(RelativeDistinguishedName(parsing: oldRDN.rawSpan), into: &oldCanonical)
            try stored { () throws(EntryStoreError) in
                try transaction.rename(
                    present, before, to: after, parent: parent, rdn: image.rdn, canonicalRDN: canonical, oldCanonicalRDN: oldCanonical,
                    flags: flags, deletesOldRDN: true)
            }
        } else {
            try stored { () throws(EntryStoreError) in try transaction.replace(present, before, with: after, flags: flags) }
        }
        report.changed += 1
    }

    /// The entry as it is now: under its number, or restored under another.
    private func present(_ id: EntryID, _ entry: Entry, _ snapshot: borrowing Snapshot) throws(LDAPError) -> EntryID? {
        if try directory.record(id, snapshot) != nil { return id }
        guard let attribute = snapshot.catalogue.table.id(of: directory.known.entryUUID), let uuid = entry[attribute].first else { return nil }
        return try snapshot.someEntry(with: directory.known.entryUUID, uuid)
    }

    /// Whether entries differ in nothing but who last changed them.
    private func isSame(_ a: Entry, _ b: Entry, _ table: AttributeTable) throws(LDAPError) -> Bool {
        var a = a
        var b = b
        for type in [directory.known.entryCSN, directory.known.modifiersName, directory.known.modifyTimestamp] {
            let id = try EntryChecker.id(of: type, table)
            a[id] = []
            b[id] = []
        }
        // Undoing does not keep the order of many values.
        return a.attributes.map(\.id) == b.attributes.map(\.id)
            && zip(a.attributes, b.attributes).allSatisfy { $0.values == $1.values || Set($0.values) == Set($1.values) }
    }

    private func note(_ entry: inout Entry, _ table: AttributeTable) throws(LDAPError) {
        try directory.checker.noteChange(
            of: &entry, modifier: Array(directory.settings.rootName.utf8), moment: ChangeClock.shared.next(), table: table)
    }
}
