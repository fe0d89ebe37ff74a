import BER
import Directory
import EntryStore
import LDAP
import Schema

/// In a suspended domain, and in one that is shut down, no account, resource, list or group is made, changed, moved or deleted, whoever asks;
/// the entry of a domain that is shut down stays as it is, too (3.10, pitfall 54). What domains with no status of their own are is said by the
/// global configuration (2.11). The mail system's own server makes this check itself, and writes while it renames a domain.
struct SuspendedDomainRule: WriteRule {
    let types: [AttributeTypeID] = []
    let seesEveryChange = true
    private let tree: MailTree
    private var mail: MailTypes { tree.types }

    init(_ tree: MailTree) { self.tree = tree }

    private enum Freeze: String { case suspended, shutdown }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if change.isByMailSystem { return }
        // Mostly there is no such domain.
        if let table = tree.known(snapshot), !table.hasRestingDomains { return }
        let state = change.before ?? change.after ?? Entry()
        if mail.domain.matches(state) {
            // Leaving that status is up to the rules of statuses.
            guard change.kind != .add, !change.changes(mail.domainStatus.type),
                try status(state[mail.domainStatus.id].first, snapshot) == .shutdown
            else { return }
            throw Self.refusal(.shutdown, "it cannot be changed")
        }
        let isPart = state.contains(mail.id.id)
        try check(above: change.oldParent, isPart: isPart, snapshot)
        if change.parent != change.oldParent { try check(above: change.parent, isPart: isPart, snapshot) }
    }

    /// - Parameter isPart: whether something of the domain's own is known to stand there: containers are free.
    private func check(above place: EntryID, isPart: Bool, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let domain: (own: [UInt8]?, isPart: Bool)?
        do { domain = try self.domain(above: place, isPart, snapshot) } catch { throw LDAPError(storage: error) }
        guard let domain, domain.isPart, let status = try status(domain.own, snapshot) else { return }
        throw Self.refusal(status, "its accounts and lists cannot be changed")
    }

    /// The status that the nearest domain above has itself.
    private func domain(
        above place: EntryID, _ isPart: Bool, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> (own: [UInt8]?, isPart: Bool)? {
        var current = place
        var isPart = isPart
        while current != .root, let record = try snapshot.record(current) {
            if mail.domain.matches(record) {
                var values = record.values(of: mail.domainStatus.id)
                return (values.next()?.array, isPart)
            }
            isPart = isPart || record.contains(mail.id.id)
            current = record.parent
        }
        return nil
    }

    private func status(_ own: [UInt8]?, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Freeze? {
        if let own { return Self.freeze(own) }
        let found = try snapshot.resolve(.globalConfiguration)
        guard found.isComplete, let global = try snapshot.found(found.id), let value = global.entry[mail.domainStatus.id].first else { return nil }
        return Self.freeze(value)
    }

    private static func freeze(_ value: [UInt8]) -> Freeze? { Freeze(rawValue: String(decoding: CaselessText.lower(value), as: UTF8.self)) }

    private static func refusal(_ status: Freeze, _ what: String) -> LDAPError {
        LDAPError(.unwillingToPerform, "the domain is \(status == .shutdown ? "shut down" : "suspended"): \(what)")
    }
}
