import BER
import Directory
import EntryStore
import LDAP
import Schema

/// With the status of an account goes what depends on it (3.6): whether it takes mail, and the marks of a lock.
struct AccountStatusRule: WriteRule {
    let types: [AttributeTypeID]
    private let mail: MailTypes
    private let lockMarks: [AttributeTypeID]

    init(_ mail: MailTypes, _ schema: Schema) {
        self.mail = mail
        lockMarks = ["zimbraPasswordLockoutFailureTime", "zimbraPasswordLockoutLockedTime"].compactMap { schema.attributeType(named: $0) }
        types = [mail.accountStatus.type]
    }

    func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .add || change.kind == .modify, mail.account.matches(change.after),
            let value = change.new(mail.accountStatus.type).first
        else { return }
        switch AccountStatus(value.rawSpan) {
        case .closed, .pending: change.set(mail.mailStatus.type, [MailStatus.disabled])
        case let status:
            if !change.named.contains(mail.mailStatus.type) { change.set(mail.mailStatus.type, [MailStatus.enabled]) }
            guard status == .active, change.kind == .modify else { return }
            for type in lockMarks where !change.named.contains(type) { change.set(type, []) }
        }
    }
}
