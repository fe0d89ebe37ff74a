import BER
import Directory
import EntryStore
import LDAP
import Schema

/// The switches of an account for the address list (rule 6.1.3): effective values, its own or inherited (section 2).
struct FeatureSwitches {
    private let account: EntryID
    private let context: BranchContext

    /// Nil for an entry that is no account.
    init?(_ id: EntryID, _ types: AddressListTypes, _ snapshot: borrowing Snapshot, _ context: BranchContext) throws(LDAPError) {
        do {
            guard let record = try snapshot.record(id), types.isOf(types.account, record, context.catalogue) else { return nil }
        } catch { throw LDAPError(storage: error) }
        account = id
        self.context = context
    }

    /// Whether a switch is on; it is unless somebody turned it off.
    /// - Returns: nil if the budget is not enough to tell.
    func isOn(_ name: String, _ snapshot: borrowing Snapshot, budget: inout Int) throws(LDAPError) -> Bool? {
        guard let type = context.catalogue.schema.attributeType(named: name) else { return true }
        let off = Array("FALSE".utf8)
        var isOff = false
        do {
            guard let record = try snapshot.record(account) else { return true }
            guard
                try context.forEachValue(
                    of: type, account, record, snapshot, budget: &budget, { if $0.elementsEqual(off.rawSpan) { isOff = true } })
            else { return nil }
        } catch { throw LDAPError(storage: error) }
        return !isOff
    }
}
