import Directory
import EntryStore
import LDAP
import Schema

/// With a domain go the domains that are only other names of it, if nobody has an address there; and it is no longer the default domain (3.14).
struct DomainDeletionRule: WriteRule {
    let types: [AttributeTypeID]
    private let mail: MailTypes
    private let name: AttributeTypeID
    private let target: AttributeTypeID
    private let defaultName: AttributeTypeID

    /// Names of entries in a refusal, at most.
    private static let samples = 5

    /// Nil for a schema without these types.
    init?(_ mail: MailTypes, _ schema: Schema) {
        guard let name = schema.attributeType(named: "zimbraDomainName"), let target = schema.attributeType(named: "zimbraDomainAliasTargetId"),
            let defaultName = schema.attributeType(named: "zimbraDefaultDomainName")
        else { return nil }
        self.mail = mail
        self.name = name
        self.target = target
        self.defaultName = defaultName
        types = [name]
    }

    func follow(_ change: RuledChange, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .delete, mail.domain.matches(change.before) else { return }
        for alias in try snapshot.entries(with: target, anyOf: change.old(mail.id.type)) where !consequences.isGoing(alias.id) {
            guard mail.domain.matches(alias.entry) else { continue }
            let below = try stored { () throws(EntryStoreError) in
                try snapshot.hasChildren(alias.id) ? try snapshot.descendants(of: alias.id) : []
            }
            var held: [String] = []
            for id in below where !consequences.isGoing(id) {
                guard let found = try snapshot.found(id), !found.entry[mail.id.id].isEmpty else { continue }
                held.append(try snapshot.text(id))
                if held.count > Self.samples { break }
            }
            guard held.isEmpty else {
                let shown = held.prefix(Self.samples).joined(separator: "; ") + (held.count > Self.samples ? "; …" : "")
                throw LDAPError(
                    .notAllowedOnNonLeaf, "\(try snapshot.text(alias.id)) is another name of the domain, and has entries: \(shown)")
            }
            for id in below + [alias.id] { try consequences.delete(id) }
        }
        let found = try snapshot.resolve(.globalConfiguration)
        guard found.isComplete, !consequences.isGoing(found.id), let global = try snapshot.found(found.id),
            let attribute = change.table.id(of: defaultName)
        else { return }
        let names = change.old(name).map(CaselessText.lower)
        let values = global.entry[attribute].filter { names.contains(CaselessText.lower($0)) }
        try consequences.remove(values, from: defaultName, of: found.id)
    }

    private func stored<T>(_ body: () throws(EntryStoreError) -> T) throws(LDAPError) -> T {
        do { return try body() } catch { throw LDAPError(storage: error) }
    }
}
