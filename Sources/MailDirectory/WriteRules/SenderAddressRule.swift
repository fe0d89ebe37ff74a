import Directory
import EntryStore
import LDAP
import Schema

/// Whom an account may name as sender besides itself is nobody of this directory: for that there are grants (5.3.9).
struct SenderAddressRule: WriteRule {
    let types: [AttributeTypeID]
    private let sender: AttributeTypeID
    private let addresses: [AttributeTypeID]

    /// Nil for a schema without these types.
    init?(_ mail: ListTypes.Mail, _ schema: Schema) {
        guard let sender = schema.attributeType(named: "zimbraAllowFromAddress") else { return nil }
        self.sender = sender
        addresses = mail.addresses
        types = [sender]
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .add || change.kind == .modify else { return }
        for value in change.added(sender) {
            for type in addresses {
                guard let owner = try snapshot.someEntry(with: type, value), owner != change.id else { continue }
                throw LDAPError(
                    .constraintViolation,
                    "zimbraAllowFromAddress: \(String(decoding: value.prefix(320), as: UTF8.self)) is an address of this directory: who may send from it has the right sendAs")
            }
        }
    }
}
