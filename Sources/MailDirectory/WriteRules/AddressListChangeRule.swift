import Directory
import EntryStore
import LDAP
import Schema

/// A change of what a domain's address list is made from is dated, so that clients fetch all of it anew; one that is found by Active
/// Directory's own filter has its groups read in Active Directory's way (6.1.4).
struct AddressListChangeRule: WriteRule {
    let types: [AttributeTypeID]
    private let domain: ClassTest
    private let stamp: AttributeTypeID
    private let filter: AttributeTypeID
    private let groupHandler: AttributeTypeID

    private static let activeDirectoryHandler = Array("com.zimbra.cs.account.grouphandler.ADGroupHandler".utf8)

    /// Nil for a schema without these types.
    init?(_ mail: MailTypes, _ schema: Schema) {
        func type(_ name: String) -> AttributeTypeID? { schema.attributeType(named: name) }
        guard let stamp = type("zimbraGalDefinitionLastModifiedTime"), let filter = type("zimbraGalLdapFilter"),
            let groupHandler = type("zimbraGalLdapGroupHandlerClass"), let mode = type("zimbraGalMode"), let url = type("zimbraGalLdapURL"),
            let base = type("zimbraGalLdapSearchBase"), let bindName = type("zimbraGalLdapBindDn")
        else { return nil }
        domain = mail.domain
        self.stamp = stamp
        self.filter = filter
        self.groupHandler = groupHandler
        types = [mode, url, filter, base, bindName]
    }

    func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .add || change.kind == .modify, domain.matches(change.after) else { return }
        if types.contains(where: { change.changes($0) }), !change.named.contains(stamp) {
            // Whole seconds: `YYYYMMDDHHMMSSZ`.
            change.set(stamp, [Moments.format(Moments.now).prefix(14) + [UInt8(ascii: "Z")]])
        }
        if change.changes(filter), change.new(filter) == [Array("ad".utf8)], !change.named.contains(groupHandler) {
            change.set(groupHandler, [Self.activeDirectoryHandler])
        }
    }
}
