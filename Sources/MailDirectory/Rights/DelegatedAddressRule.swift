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

    func check(_ after: Entry, before: Entry?, parent: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let table = snapshot.catalogue.table
        func values(_ type: AttributeTypeID, _ entry: Entry?) -> [String] {
            (table.id(of: type).flatMap { entry?[$0] } ?? []).map { String(decoding: $0, as: UTF8.self).lowercased() }
        }
        let own = addresses.flatMap { values($0, after) }
        let old = values(chosen, before)
        for value in values(chosen, after) where !old.contains(value) && !own.contains(value) {
            throw LDAPError(.constraintViolation, "zimbraPrefAllowAddressForDelegatedSender: \(value) is no address of the entry")
        }
    }
}
