import BER
import Directory
import EntryStore
import LDAP
import Schema

/// What a dynamic list and its units must look like (7.3 to 7.6, pitfalls 43 and 44): which of the two kinds a list is stays so, and the URL of
/// a list with chosen members is exactly the one that clients tell it by.
struct DynamicListRule: WriteRule {
    let types: [AttributeTypeID]
    private let listTypes: ListTypes
    private let id: AttributeTypeID
    private let isForRights: AttributeTypeID
    private let groupID: AttributeTypeID
    private let group: ClassTest
    private let dynamicUnit: ClassTest
    private let unit: ClassTest
    private let memberOf: AttributeTypeID

    /// How clients tell a list with chosen members (7.6).
    static let chosenPrefix = Array("ldap:///??sub?(|(zimbraMemberOf=".utf8)

    /// Nil for a schema without these types and classes.
    init?(_ listTypes: ListTypes, _ catalogue: Catalogue) {
        let schema = catalogue.schema
        guard let id = schema.attributeType(named: "zimbraId"), let isForRights = schema.attributeType(named: "zimbraIsACLGroup"),
            let groupID = schema.attributeType(named: "zimbraGroupId"), let memberOf = schema.attributeType(named: "zimbraMemberOf"),
            let group = ClassTest(["zimbraGroup"], catalogue), let dynamicUnit = ClassTest(["zimbraGroupDynamicUnit"], catalogue),
            let unit = ClassTest(["zimbraGroupDynamicUnit", "zimbraGroupStaticUnit"], catalogue)
        else { return nil }
        self.listTypes = listTypes
        self.id = id
        self.isForRights = isForRights
        self.groupID = groupID
        self.memberOf = memberOf
        self.group = group
        self.dynamicUnit = dynamicUnit
        self.unit = unit
        types = [listTypes.memberURL, isForRights, groupID]
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind != .delete, change.kind != .restore else { return }
        if group.matches(change.after) {
            try checkList(change, snapshot)
        } else if unit.matches(change.after) {
            try checkUnit(change, snapshot)
        }
    }

    private func checkList(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let wasFalse = change.old(isForRights).contains { CaselessText.equal($0, "false") }
        if change.kind == .modify, group.matches(change.before) {
            if change.new(isForRights).map(CaselessText.lower) != change.old(isForRights).map(CaselessText.lower) {
                throw LDAPError(.constraintViolation, "zimbraIsACLGroup: what a list is cannot be changed")
            }
            if change.changes(listTypes.memberURL), !wasFalse {
                throw LDAPError(.constraintViolation, "memberURL: it can be changed only where zimbraIsACLGroup is FALSE")
            }
        }
        for value in change.added(listTypes.memberURL) {
            guard let chosen = Self.chosen(value, listTypes, snapshot.schema, memberOf: memberOf, id: id) else { continue }
            guard value.starts(with: Self.chosenPrefix) else {
                throw LDAPError(
                    .constraintViolation,
                    "memberURL: clients know a list with chosen members by the form \(String(decoding: Self.chosenPrefix, as: UTF8.self))…, and this is another")
            }
            guard change.new(id).contains(where: { CaselessText.lower($0) == chosen }) else {
                throw LDAPError(.constraintViolation, "memberURL: zimbraMemberOf in it is not the list's own zimbraId")
            }
            if change.new(isForRights).contains(where: { CaselessText.equal($0, "false") }) {
                throw LDAPError(.constraintViolation, "memberURL: a list with chosen members has zimbraIsACLGroup TRUE")
            }
        }
    }

    private func checkUnit(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let lists = change.new(groupID).map(CaselessText.lower)
        let above = try snapshot.found(change.parent)
        guard let above, group.matches(above.entry), let attribute = change.table.id(of: id),
            above.entry[attribute].contains(where: { lists.contains(CaselessText.lower($0)) })
        else {
            throw LDAPError(.constraintViolation, "zimbraGroupId: a unit stands below the list whose zimbraId this is")
        }
        guard dynamicUnit.matches(change.after) else { return }
        for value in change.added(listTypes.memberURL) {
            guard let url = try? ListURL(value.rawSpan, listTypes, snapshot.schema), url.base.isRoot, url.scope == .wholeSubtree,
                let found = Self.equality(url.filter, 0, memberOf, snapshot.schema), url.filter.nodes.count == 1, lists.contains(found)
            else {
                throw LDAPError(
                    .constraintViolation, "memberURL: that of a list's unit is ldap:///??sub?(zimbraMemberOf=…), with the list's zimbraId")
            }
        }
    }

    /// The id that a URL of a list with chosen members names, whatever its spelling; nil: it is another kind of URL.
    private static func chosen(
        _ value: [UInt8], _ types: ListTypes, _ schema: Schema, memberOf: AttributeTypeID, id: AttributeTypeID
    ) -> [UInt8]? {
        guard let url = try? ListURL(value.rawSpan, types, schema), url.base.isRoot, url.scope == .wholeSubtree else { return nil }
        let nodes = url.filter.nodes
        guard nodes.count == 3, nodes[0].kind == .or, let found = equality(url.filter, 1, memberOf, schema) ?? equality(url.filter, 2, memberOf, schema),
            equality(url.filter, 1, id, schema) ?? equality(url.filter, 2, id, schema) != nil
        else { return nil }
        return found
    }

    /// The value that a node of a filter asserts of a type, in lower case.
    private static func equality(_ filter: Filter, _ index: Int, _ type: AttributeTypeID, _ schema: Schema) -> [UInt8]? {
        let node = filter.nodes[index]
        let bytes = filter.bytes
        guard node.kind == .equality, schema.attributeType(bytes.rawSpan.slice(node.attribute)) == type else { return nil }
        return CaselessText.lower(bytes.rawSpan.slice(node.value).array)
    }
}
