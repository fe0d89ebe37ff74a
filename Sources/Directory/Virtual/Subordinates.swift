import BER
import EntryStore
import LDAP
import Schema

/// `hasSubordinates` (X.501): TRUE or FALSE.
struct HasSubordinates: VirtualAttribute {
    let type: AttributeTypeID
    var types: [AttributeTypeID] { [type] }
    var isInAllOperational: Bool { true }
    static let yes = Array("TRUE".utf8)
    static let no = Array("FALSE".utf8)

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        let value = try snapshot.hasChildren(id) ? Self.yes : Self.no
        body(value.rawSpan)
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        switch item.kind {
        case .present: return .constant(.yes)
        case .equality, .approximate, .extensible:
            let value = item.value.array
            if value == Self.yes { return .predicate(Test(wanted: true)) }
            if value == Self.no { return .predicate(Test(wanted: false)) }
            return .constant(.undefined)
        default: return .constant(.undefined)
        }
    }

    struct Test: EntryPredicate {
        let wanted: Bool

        func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
            guard let has = try? snapshot.hasChildren(id) else { return .undefined }
            return Ternary(has == wanted)
        }

        func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? { nil }
    }
}

/// `numSubordinates`: how many entries stand directly below.
struct NumSubordinates: VirtualAttribute {
    let type: AttributeTypeID
    var types: [AttributeTypeID] { [type] }
    /// Counting costs more than slapd's clients expect of `+`: only on request.

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        let count = Array(String(try snapshot.children(of: id).count).utf8)
        body(count.rawSpan)
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        item.kind == .present ? .constant(.yes) : .constant(.undefined)
    }
}

/// `subschemaSubentry` (RFC 4512 section 4.2): one subschema for the whole tree.
struct SubschemaSubentry: VirtualAttribute {
    let type: AttributeTypeID
    var types: [AttributeTypeID] { [type] }
    var isInAllOperational: Bool { true }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        let subschema = PseudoEntries.subschemaName
        body(subschema.rawSpan)
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        switch item.kind {
        case .present: return .constant(.yes)
        case .equality, .approximate:
            var asserted: [UInt8] = []
            var own: [UInt8] = []
            let schema = context.catalogue.schema
            let subschema = PseudoEntries.subschemaName
            guard schema.normalize(item.value, by: .distinguishedNameMatch, into: &asserted),
                schema.normalize(subschema.rawSpan, by: .distinguishedNameMatch, into: &own)
            else { return .constant(.undefined) }
            return .constant(Ternary(asserted == own))
        default: return .constant(.undefined)
        }
    }
}
