import Directory
import EntryStore
import LDAP
import Schema

/// With the status of a domain goes whether it takes mail, and not every step is allowed (3.8, pitfall 24).
struct DomainStatusRule: WriteRule {
    let types: [AttributeTypeID]
    private let mail: MailTypes
    private let renaming: AttributeTypeID?

    init(_ mail: MailTypes, _ schema: Schema) {
        self.mail = mail
        renaming = schema.attributeType(named: "zimbraDomainRenameInfo")
        types = [mail.domainStatus.type]
    }

    func complete(_ change: inout RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .add || change.kind == .modify, let status = change.new(mail.domainStatus.type).first,
            mail.domain.matches(change.after)
        else { return }
        if CaselessText.equal(status, "closed") {
            change.set(mail.mailStatus.type, [MailStatus.disabled])
        } else if !change.named.contains(mail.mailStatus.type) {
            if CaselessText.equal(status, "suspended"), change.old(mail.mailStatus.type).contains(where: { CaselessText.equal($0, "disabled") }) { return }
            change.set(mail.mailStatus.type, [MailStatus.enabled])
        }
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .add || change.kind == .modify, !change.isByMailSystem, change.changes(mail.domainStatus.type),
            mail.domain.matches(change.after)
        else { return }
        let status = change.new(mail.domainStatus.type).first ?? []
        let renamed = renaming.map { change.new($0) } ?? []
        if CaselessText.equal(status, "shutdown"), renamed.isEmpty {
            throw LDAPError(
                .unwillingToPerform, "zimbraDomainStatus: shutdown is for domains that are being renamed; to stop one for a while it is suspended")
        }
        if let renaming, !change.old(renaming).isEmpty, !renamed.isEmpty, !CaselessText.equal(status, "closed") {
            throw LDAPError(.unwillingToPerform, "zimbraDomainStatus cannot change while the domain is being renamed, except to closed")
        }
    }
}
