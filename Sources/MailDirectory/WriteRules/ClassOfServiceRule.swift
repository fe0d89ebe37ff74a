import Directory
import EntryStore
import LDAP
import Schema

/// Classes of service that others fall back to stay what they are (2.7), and ids name classes that exist (2.8).
struct ClassOfServiceRule: WriteRule {
    let types: [AttributeTypeID]
    private let mail: MailTypes
    private let references: [AttributeTypeID]

    init(_ mail: MailTypes) {
        self.mail = mail
        references = [mail.classOfServiceID.type, mail.defaultClassOfServiceID.type, mail.defaultExternalClassOfServiceID.type]
        types = references + [mail.id.type]
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        switch change.kind {
        case .move, .delete:
            guard let name = change.old(mail.commonName.type).first(where: Self.isFallback), mail.classOfService.matches(change.before)
            else { return }
            throw LDAPError(
                .unwillingToPerform,
                "class of service \"\(String(decoding: name, as: UTF8.self))\" cannot be renamed, moved or deleted: accounts fall back to it")
        case .add, .modify:
            for type in references {
                for value in change.added(type) where try !exists(value, snapshot) {
                    throw LDAPError(
                        .constraintViolation,
                        "\(snapshot.schema[type].name): \(String(decoding: value.prefix(100), as: UTF8.self)) is the zimbraId of no class of service")
                }
            }
        case .restore: break
        }
    }

    private static func isFallback(_ name: [UInt8]) -> Bool {
        CaselessText.equal(name, "default") || CaselessText.equal(name, "defaultexternal")
    }

    private func exists(_ id: [UInt8], _ snapshot: borrowing Snapshot) throws(LDAPError) -> Bool {
        try snapshot.entries(with: mail.id.type, anyOf: [id]).contains { mail.classOfService.matches($0.entry) }
    }
}
