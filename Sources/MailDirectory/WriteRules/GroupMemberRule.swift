import Directory
import EntryStore
import LDAP
import Schema

/// Who can be a chosen member of a dynamic list: accounts name a list that has chosen members, its unit of addresses holds only those that are
/// nobody's here (7.9). An address that comes into being leaves these units; the account whose it is becomes a member instead (7.14,
/// pitfall 12).
struct GroupMemberRule: WriteRule {
    let types: [AttributeTypeID]
    private let mail: ListTypes.Mail
    private let memberURL: AttributeTypeID
    private let memberOf: AttributeTypeID
    private let id: AttributeTypeID
    private let groupID: AttributeTypeID
    private let group: ClassTest
    private let dynamicUnit: ClassTest
    private let staticUnit: ClassTest
    private let account: ClassTest

    /// Nil for a schema without these types and classes.
    init?(_ listTypes: ListTypes, _ catalogue: Catalogue) {
        let schema = catalogue.schema
        guard let mail = listTypes.mail, let memberOf = schema.attributeType(named: "zimbraMemberOf"),
            let id = schema.attributeType(named: "zimbraId"), let groupID = schema.attributeType(named: "zimbraGroupId"),
            let group = ClassTest(["zimbraGroup"], catalogue), let dynamicUnit = ClassTest(["zimbraGroupDynamicUnit"], catalogue),
            let staticUnit = ClassTest(["zimbraGroupStaticUnit"], catalogue), let account = ClassTest(["zimbraAccount"], catalogue)
        else { return nil }
        self.mail = mail
        memberURL = listTypes.memberURL
        self.memberOf = memberOf
        self.id = id
        self.groupID = groupID
        self.group = group
        self.dynamicUnit = dynamicUnit
        self.staticUnit = staticUnit
        self.account = account
        types = [memberOf, mail.forwarding] + mail.addresses
    }

    // MARK: What is refused

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .add || change.kind == .modify else { return }
        for value in change.added(memberOf) { try checkList(value, snapshot) }
        let outside = change.added(mail.forwarding)
        guard !outside.isEmpty, staticUnit.matches(change.after) else { return }
        for address in outside {
            for type in mail.addresses where try snapshot.someEntry(with: type, address) != nil {
                throw LDAPError(
                    .constraintViolation,
                    "zimbraMailForwardingAddress: \(String(decoding: address.prefix(320), as: UTF8.self)) is an address of this directory: its account becomes a member by zimbraMemberOf")
            }
        }
    }

    private func checkList(_ value: [UInt8], _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let table = snapshot.catalogue.table
        let text = String(decoding: value.prefix(100), as: UTF8.self)
        guard let list = try snapshot.entries(with: id, anyOf: [value]).first(where: { group.matches($0.entry) }) else {
            throw LDAPError(.constraintViolation, "zimbraMemberOf: \(text) is the zimbraId of no dynamic list")
        }
        guard let attribute = table.id(of: memberURL), list.entry[attribute].contains(where: { $0.starts(with: DynamicListRule.chosenPrefix) })
        else {
            throw LDAPError(.constraintViolation, "zimbraMemberOf: the members of \(try snapshot.text(list.id)) are found by its memberURL, not chosen")
        }
    }

    // MARK: New addresses

    private func newAddresses(_ change: RuledChange) -> [[UInt8]] {
        guard change.kind == .add || change.kind == .modify else { return [] }
        var seen = Set(mail.addresses.flatMap { change.old($0) }.map(CaselessText.lower))
        return mail.addresses.flatMap { change.added($0) }.filter { seen.insert(CaselessText.lower($0)).inserted }
    }

    /// The units that hold one of some addresses.
    private func units(_ addresses: [[UInt8]], _ snapshot: borrowing Snapshot) throws(LDAPError) -> [FoundEntry] {
        try snapshot.entries(with: mail.forwarding, anyOf: addresses).filter { staticUnit.matches($0.entry) }
    }

    func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let addresses = newAddresses(change)
        guard !addresses.isEmpty, let attribute = snapshot.catalogue.table.id(of: groupID) else { return }
        let units = try units(addresses, snapshot)
        guard !units.isEmpty, account.matches(change.after), !change.new(mail.isExternal).contains(where: { CaselessText.equal($0, "true") })
        else { return }
        var lists = change.new(memberOf)
        for list in units.flatMap({ $0.entry[attribute] }) where !lists.contains(where: { CaselessText.lower($0) == CaselessText.lower(list) }) {
            lists.append(list)
        }
        change.set(memberOf, lists)
    }

    func follow(_ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let addresses = newAddresses(change)
        guard !addresses.isEmpty, !dynamicUnit.matches(change.after), let attribute = snapshot.catalogue.table.id(of: mail.forwarding) else { return }
        let own = Set(addresses.map(CaselessText.lower))
        for unit in try units(addresses, snapshot) {
            try consequences.remove(unit.entry[attribute].filter { own.contains(CaselessText.lower($0)) }, from: mail.forwarding, of: unit.id)
        }
    }
}
