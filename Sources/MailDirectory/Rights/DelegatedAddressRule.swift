import Directory
import EntryStore
import LDAP
import Schema

/// What others may write in From when they send as an account or list is an address of that entry (10.5): otherwise who may set preferences
/// of an entry could let others send from any address.
struct DelegatedAddressRule: WriteRule {
    let types: [AttributeTypeID]
    private let chosen: AttributeTypeID
    private let addresses: [AttributeTypeID]

    /// Nil for a schema without these types.
    init?(_ schema: Schema, _ mail: ListTypes.Mail?) {
        guard let chosen = schema.attributeType(named: "zimbraPrefAllowAddressForDelegatedSender"), let mail else { return nil }
        self.chosen = chosen
        addresses = mail.addresses
        types = [chosen]
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        func texts(_ values: [[UInt8]]) -> [String] { values.map { String(decoding: $0, as: UTF8.self).lowercased() } }
        let own = addresses.flatMap { texts(change.new($0)) }
        let old = texts(change.old(chosen))
        for value in texts(change.new(chosen)) where !old.contains(value) && !own.contains(value) {
            throw LDAPError(.constraintViolation, "zimbraPrefAllowAddressForDelegatedSender: \(value) is no address of the entry")
        }
    }
}
