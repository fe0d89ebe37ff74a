import Directory
import EntryStore
import LDAP
import Schema

/// What named an entry by its id or address goes with it: grants to it, whatever it is (10.9, pitfall 6), its alias entries and, of a dynamic
/// list, the choice of its members (7.13), and its place as the account that a domain's address list is kept in (6.8.2).
struct DeletedReferencesRule: WriteRule {
    let types: [AttributeTypeID]
    private let mail: MailTypes
    private let grants: Grants?
    private let memberOf: AttributeTypeID?
    private let listAccount: AttributeTypeID?
    private let group: ClassTest?
    private let aliasTarget: AttributeTypeID?

    init(_ mail: MailTypes, _ grants: Grants?, _ catalogue: Catalogue) {
        let schema = catalogue.schema
        self.mail = mail
        self.grants = grants
        memberOf = schema.attributeType(named: "zimbraMemberOf")
        listAccount = schema.attributeType(named: "zimbraGalAccountId")
        group = ClassTest(["zimbraGroup"], catalogue)
        aliasTarget = schema.attributeType(named: "zimbraAliasTargetId")
        types = [mail.id.type]
    }

    func follow(_ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .delete else { return }
        for id in change.old(mail.id.type) {
            if let grants {
                for (holder, values) in try grants.values(to: id, snapshot) { try consequences.remove(values, from: grants.type, of: holder) }
            }
            if let memberOf, let attribute = change.table.id(of: memberOf), group?.matches(change.before) == true {
                let own = CaselessText.lower(id)
                for member in try snapshot.entries(with: memberOf, anyOf: [id]) {
                    try consequences.remove(member.entry[attribute].filter { CaselessText.lower($0) == own }, from: memberOf, of: member.id)
                }
            }
            try removeListAccount(id, change, &consequences, snapshot)
            if let aliasTarget {
                for alias in try snapshot.entries(with: aliasTarget, anyOf: [id]) { try consequences.delete(alias.id) }
            }
        }
    }

    /// An account of this kind belongs to the domain that it stands in.
    private func removeListAccount(
        _ id: [UInt8], _ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard let listAccount, let attribute = change.table.id(of: listAccount), mail.account.matches(change.before) else { return }
        var current = change.parent
        while current != .root, let above = try snapshot.found(current) {
            if mail.domain.matches(above.entry) {
                let values = above.entry[attribute].filter { CaselessText.lower($0) == CaselessText.lower(id) }
                return try consequences.remove(values, from: listAccount, of: current)
            }
            current = above.parent
        }
    }
}
