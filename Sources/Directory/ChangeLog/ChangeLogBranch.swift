import BER
import EntryStore
import LDAP
import Schema

/// The change log as entries `changeNumber=N,cn=changelog` (draft-good-ldap-changelog-04).
///
/// Root, administrators and the configured readers may look into it. Of each change they see what the access rules let them read of
/// the entry that was changed: a line about an attribute that they may not read is not there.
struct ChangeLogBranch: BranchProvider, VirtualBranch {
    static let name = "cn=changelog"
    private static let nameBytes = Array(name.utf8)

    let known: KnownTypes
    private let changeNumber: AttributeTypeID?
    private let canonicalRDN: [UInt8]

    init(_ schema: Schema, _ known: KnownTypes) {
        self.known = known
        changeNumber = schema.attributeType(named: "changeNumber")
        var canonical: [UInt8] = []
        if let rdn = (try? DistinguishedName(Self.name))?.rdns.first { try? schema.normalizeRDN(rdn, into: &canonical) }
        canonicalRDN = canonical
    }

    var name: [UInt8] { Self.nameBytes }

    func hasBranch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> Bool {
        // A schema without its attributes has no such branch.
        guard parent == .root, changeNumber != nil else { return false }
        var canonical: [UInt8] = []
        try context.catalogue.schema.normalizeRDN(rdn, into: &canonical)
        return canonical == canonicalRDN
    }

    func branch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> (any VirtualBranch)? {
        try hasBranch(rdn, below: parent, snapshot, context) ? self : nil
    }

    func admit(
        _ identity: Identity, _ filter: Filter?, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int
    ) throws(LDAPError) -> Bool {
        if identity.isAdministrator || context.directory.readsChanges(identity) { return true }
        throw LDAPError(.insufficientAccessRights, "the change log is for administrators")
    }

    func makeTop(_ context: BranchContext, into made: inout MadeEntry) {
        made.name = name
        var attributes = MadeAttributes(context.catalogue.table)
        attributes.set("objectClass", [Array("top".utf8), Array("applicationProcess".utf8)])
        attributes.set("structuralObjectClass", "applicationProcess")
        attributes.set("cn", "changelog")
        attributes.set("description", "Change log")
        attributes.set("entryDN", [name])
        attributes.set("subschemaSubentry", [PseudoEntries.subschemaName])
        attributes.set("hasSubordinates", "TRUE")
        attributes.finish(into: &made)
    }

    func find(_ rdn: RelativeDistinguishedName, _ snapshot: borrowing Snapshot, _ context: BranchContext) -> EntryID? { nil }

    func make(
        _ rdn: RelativeDistinguishedName, _ maker: inout any BranchEntryMaker, _ snapshot: borrowing Snapshot, _ context: BranchContext,
        budget: inout Int, into made: inout MadeEntry
    ) throws(LDAPError) -> Making {
        guard rdn.values.count == 1, let value = rdn.values.first,
            context.catalogue.schema.attributeType(named: value.type) == changeNumber, let number = Self.number(value.value.rawSpan)
        else { return .absent }
        do {
            guard let found = try records(number...number).make(from: number, snapshot, context, into: &made) else { return .absent }
            return found.isMade ? .made : .absent
        } catch { throw LDAPError(storage: error) }
    }

    func query(
        _ filter: Filter, sizeLimit: Int, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> BranchQuery {
        var query = BranchQuery(filter: nil, base: .root, scope: .baseObject, storedLimit: 0, sizeLimit: sizeLimit)
        query.records = records(bounds(filter, 0, context.catalogue.schema))
        return query
    }

    func maker(_ wanted: WantedAttributes, _ context: BranchContext) -> any BranchEntryMaker { NoStoredEntries() }

    private func records(_ numbers: ClosedRange<UInt64>) -> ChangeLogEntries { ChangeLogEntries(numbers: numbers, known: known) }

    // MARK: Numbers

    /// The numbers between which a filter can hold: `(changeNumber>=N)` need not look at what was before.
    func bounds(_ filter: Filter, _ index: Int, _ schema: Schema) -> ClosedRange<UInt64> {
        let all = 1...UInt64(Int64.max)
        guard index < filter.nodes.count else { return all }
        let node = filter.nodes[index]
        let bytes = filter.bytes
        switch node.kind {
        case .and:
            var low = all.lowerBound
            var high = all.upperBound
            var child = index + 1
            while child < Int(node.end) {
                // Deeper conjunctions are not worth following.
                if filter.nodes[child].kind != .and {
                    let range = bounds(filter, child, schema)
                    low = max(low, range.lowerBound)
                    high = min(high, range.upperBound)
                }
                child = max(child + 1, Int(filter.nodes[child].end))
            }
            // Nothing can be both; one record is looked at in vain.
            return low <= high ? low...high : low...low
        case .equality, .greaterOrEqual, .lessOrEqual:
            guard schema.attributeType(bytes.rawSpan.slice(node.attribute)) == changeNumber,
                let number = Self.number(bytes.rawSpan.slice(node.value))
            else { return all }
            switch node.kind {
            case .equality: return number...number
            case .greaterOrEqual: return number...all.upperBound
            default: return 1...max(1, number)
            }
        default: return all
        }
    }

    /// A number as it stands in a filter or name; what is below 1 counts as 1.
    private static func number(_ text: RawSpan) -> UInt64? {
        guard text.byteCount < 24, let number = Int64(String(decoding: text.array.filter { $0 != 0x20 }, as: UTF8.self)) else { return nil }
        return UInt64(max(1, number))
    }
}

/// For branches that are made of something else.
struct NoStoredEntries: BranchEntryMaker {
    func make(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int,
        into made: inout MadeEntry
    ) -> Making { .absent }

    func makeLong(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) -> [LongValues]? { nil }
}

extension Directory {
    /// Whether an identity is one of those that may look into the change log, beside administrators.
    func readsChanges(_ identity: Identity) -> Bool {
        guard !changeReaders.isEmpty, case .entry(_, let name, _) = identity else { return false }
        var canonical: [UInt8] = []
        guard let parsed = try? DistinguishedName(parsing: name.rawSpan), (try? schema.normalizeDN(parsed, into: &canonical)) != nil
        else { return false }
        return changeReaders.contains(canonical)
    }
}
