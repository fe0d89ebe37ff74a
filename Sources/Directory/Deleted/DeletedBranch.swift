import BER
import EntryStore
import LDAP
import Schema

/// Deleted entries, as long as they are kept: `entryUUID=…,cn=deleted`, for clients that send the control "show deleted".
///
/// Root, administrators and the readers of the change log may look into it; they see the attributes that the access rules let them read of
/// the entry where it stood. Modify DN brings an entry back (``Restoration``), delete forgets it for good.
struct DeletedBranch: BranchProvider, VirtualBranch {
    static let name = "cn=deleted"
    private static let nameBytes = Array(name.utf8)

    private let canonicalRDN: [UInt8]
    private let isKnown: Bool
    let known: KnownTypes

    init(_ schema: Schema, _ known: KnownTypes) {
        self.known = known
        isKnown = schema.attributeType(named: "isDeleted") != nil
        var canonical: [UInt8] = []
        if let rdn = (try? DistinguishedName(Self.name))?.rdns.first { try? schema.normalizeRDN(rdn, into: &canonical) }
        canonicalRDN = canonical
    }

    var name: [UInt8] { Self.nameBytes }

    private func isName(_ rdn: RelativeDistinguishedName, _ schema: Schema) throws(LDAPError) -> Bool {
        guard isKnown else { return false }
        var canonical: [UInt8] = []
        try schema.normalizeRDN(rdn, into: &canonical)
        return canonical == canonicalRDN
    }

    /// What names a deleted entry in a name directly below this branch; nil for other names.
    func rdn(of name: DistinguishedName, _ schema: Schema) throws(LDAPError) -> RelativeDistinguishedName? {
        guard name.rdns.count == 2, try isName(name.rdns[1], schema) else { return nil }
        return name.rdns[0]
    }

    func hasBranch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> Bool {
        guard parent == .root else { return false }
        return try isName(rdn, context.catalogue.schema)
    }

    func branch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> (any VirtualBranch)? {
        guard context.showsDeleted, try hasBranch(rdn, below: parent, snapshot, context) else { return nil }
        return self
    }

    func admit(
        _ identity: Identity, _ filter: Filter?, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int
    ) throws(LDAPError) -> Bool {
        if identity.isAdministrator || context.directory.readsChanges(identity) { return true }
        throw LDAPError(.insufficientAccessRights, "deleted entries are for administrators")
    }

    func makeTop(_ context: BranchContext, into made: inout MadeEntry) {
        made.name = name
        var attributes = MadeAttributes(context.catalogue.table)
        attributes.set("objectClass", [Array("top".utf8), Array("applicationProcess".utf8)])
        attributes.set("structuralObjectClass", "applicationProcess")
        attributes.set("cn", "deleted")
        attributes.set("description", "Deleted entries")
        attributes.set("entryDN", [name])
        attributes.set("subschemaSubentry", [PseudoEntries.subschemaName])
        attributes.set("hasSubordinates", "TRUE")
        attributes.finish(into: &made)
    }

    func find(_ rdn: RelativeDistinguishedName, _ snapshot: borrowing Snapshot, _ context: BranchContext) -> EntryID? { nil }

    /// The deleted entry of an RDN: by its UUID, or by the number of its deletion.
    func record(_ rdn: RelativeDistinguishedName, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> ChangeRecord? {
        guard rdn.values.count == 1, let value = rdn.values.first else { return nil }
        let type = snapshot.schema.attributeType(named: value.type)
        if type == known.entryUUID { return try snapshot.deletedEntry(uuid: value.value) }
        guard type != nil, type == snapshot.schema.attributeType(named: "changeNumber"),
            let number = UInt64(String(decoding: value.value.prefix(24), as: UTF8.self))
        else { return nil }
        let record = try snapshot.deletedEntry(from: number)
        return record?.number == number ? record : nil
    }

    func make(
        _ rdn: RelativeDistinguishedName, _ maker: inout any BranchEntryMaker, _ snapshot: borrowing Snapshot, _ context: BranchContext,
        budget: inout Int, into made: inout MadeEntry
    ) throws(LDAPError) -> Making {
        do {
            guard let record = try record(rdn, snapshot) else { return .absent }
            return DeletedEntries().make(record, snapshot, context, into: &made) ? .made : .absent
        } catch { throw LDAPError(storage: error) }
    }

    func query(
        _ filter: Filter, sizeLimit: Int, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> BranchQuery {
        var query = BranchQuery(filter: nil, base: .root, scope: .baseObject, storedLimit: 0, sizeLimit: sizeLimit)
        query.records = DeletedEntries()
        return query
    }

    func maker(_ wanted: WantedAttributes, _ context: BranchContext) -> any BranchEntryMaker { NoStoredEntries() }
}

/// Makes the entries of the branch.
struct DeletedEntries: BranchRecords {
    func make(
        from number: UInt64, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) throws(EntryStoreError) -> (number: UInt64, isMade: Bool)? {
        guard let record = try snapshot.deletedEntry(from: number) else { return nil }
        return (record.number, make(record, snapshot, context, into: &made))
    }

    func make(
        _ record: ChangeRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) -> Bool {
        guard let image = record.image, let rights = ChangeRights(record, context, snapshot) else { return false }
        made.name = Self.name(of: record)
        var attributes = MadeAttributes(context.catalogue.table)
        for attribute in image.entry.attributes where rights.allows(attribute.id) { attributes.set(attribute.id, attribute.values) }
        attributes.set("isDeleted", "TRUE")
        attributes.set("lastKnownName", [record.name])
        if let parent = (try? DistinguishedName(parsing: record.name.rawSpan))?.parent { attributes.set("lastKnownParent", "\(parent)") }
        attributes.set("deletedTime", [record.timestamp])
        attributes.set("deletedBy", unlessEmpty: record.author)
        attributes.set("changeOperation", String(record.operation))
        attributes.set("entryDN", [made.name])
        attributes.set("subschemaSubentry", [PseudoEntries.subschemaName])
        attributes.set("hasSubordinates", "FALSE")
        attributes.finish(into: &made)
        return true
    }

    /// The name that a deleted entry has.
    static func name(of record: ChangeRecord) -> [UInt8] {
        let rdn = record.uuid.isEmpty ? Array("changeNumber=\(record.number)".utf8) : Array("entryUUID=".utf8) + record.uuid
        return rdn + Array(",\(DeletedBranch.name)".utf8)
    }
}
