import BER
import EntryStore
import LDAP
import Schema

/// Makes entries of changes.
struct ChangeLogEntries: BranchRecords {
    /// Those that can be wanted.
    let numbers: ClosedRange<UInt64>
    let known: KnownTypes

    func make(
        from number: UInt64, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) throws(EntryStoreError) -> (number: UInt64, isMade: Bool)? {
        guard let present = try snapshot.changeNumbers() else { return nil }
        let wanted = max(number, numbers.lowerBound, present.lowerBound)
        guard wanted <= min(numbers.upperBound, present.upperBound), let record = try snapshot.change(wanted) else { return nil }
        let table = context.catalogue.table
        guard let rights = ChangeRights(record, context, snapshot) else { return (wanted, false) }
        made.name = Array("changeNumber=\(wanted),\(ChangeLogBranch.name)".utf8)
        var attributes = MadeAttributes(table)
        attributes.set("objectClass", [Array("top".utf8), Array("changeLogEntry".utf8)])
        attributes.set("structuralObjectClass", "changeLogEntry")
        attributes.set("changeNumber", String(wanted))
        attributes.set("changeTime", [record.timestamp])
        attributes.set("changeType", record.typeName)
        attributes.set("targetDN", [record.name])
        attributes.set("changeOperation", String(record.operation))
        attributes.set("targetEntryUUID", unlessEmpty: record.uuid)
        attributes.set("changeInitiatorsName", unlessEmpty: record.author)
        attributes.set("changeCSN", unlessEmpty: record.csn)
        var text = LDIFWriter(width: 0)
        switch record.kind {
        case .add:
            for attribute in record.attributes(table, rights.allows) {
                for value in attribute.values { text.attribute(attribute.description.rawSpan, value.rawSpan) }
            }
        case .modify: text.modifications(record.modifications(table, rights.allows))
        case .modifyDN:
            if let renaming = record.renaming {
                attributes.set("newRDN", [renaming.newRDN])
                attributes.set("deleteOldRDN", renaming.deletesOldRDN ? "TRUE" : "FALSE")
                if let superior = renaming.newSuperior { attributes.set("newSuperior", [superior]) }
            }
            text.modifications(record.modifications(table, rights.allows))
        case .delete: break
        case .load: text.comment("\(record.loaded) entries were loaded by an import")
        }
        attributes.set("changes", unlessEmpty: text.bytes)
        attributes.set("entryDN", [made.name])
        attributes.set("subschemaSubentry", [PseudoEntries.subschemaName])
        attributes.set("hasSubordinates", "FALSE")
        attributes.finish(into: &made)
        return (wanted, true)
    }
}

/// What a reader may see of one change: what it may read of the entry, by the rules as they are now.
struct ChangeRights {
    /// nil: everything.
    private let readable: [AttributeID]?

    /// - Returns: nil if the reader may not see the entry at all.
    init?(_ change: ChangeRecord, _ context: BranchContext, _ snapshot: borrowing Snapshot) {
        let viewer = context.viewer
        guard !viewer.subject.isRoot, change.kind != .load else {
            readable = nil
            return
        }
        let bytes = Self.entry(change, snapshot)
        guard let record = EntryRecord(bytes.rawSpan), viewer.allows(.read, viewer.entry, .unborn, record, snapshot) else { return nil }
        let table = snapshot.catalogue.table
        var readable: [AttributeID] = []
        for id in change.attributeIDs {
            guard let type = table.type(of: id) else { continue }
            if viewer.allows(.read, AccessDatum(type), .unborn, record, snapshot) { readable.append(id) }
        }
        self.readable = readable
    }

    /// The entry as it came or went, or as it is; failing that, its name, which is all that most rules ask of it.
    private static func entry(_ change: ChangeRecord, _ snapshot: borrowing Snapshot) -> [UInt8] {
        // The whole name as the RDN below the root: so it is found where the entry is not in the store.
        if let image = change.image { return image.entry.record(parent: .root, rdn: change.name, flags: []) }
        if let record = try? snapshot.record(change.id) { return record.bytes.array }
        return Entry().record(parent: .root, rdn: change.name, flags: [])
    }

    func allows(_ id: AttributeID) -> Bool { readable?.contains(id) ?? true }
}
