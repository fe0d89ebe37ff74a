import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Works out statuses as they are in effect: those of entries together with those of their domains.
struct StatusRules: Sendable {
    let tree: MailTree
    /// The administration guide's reading of locked domains (3.11): accounts there keep their status.
    let admitsActiveInLockedDomains: Bool

    /// The effective status of an account (3.2 to 3.4), as it is shown; nil if it has none, or is not an account.
    func account(
        _ record: borrowing EntryRecord, domain: InheritanceTable.Domain?
    ) -> [UInt8]? {
        guard tree.types.account.matches(record) else { return nil }
        let stored = Self.first(tree.types.accountStatus, record)
        let own = stored.flatMap { AccountStatus($0.rawSpan) }
        // 3.4: without a domain it is its own.
        if let domain, !isGlobalAdministrator(record),
            let imposed = AccountStatus.imposed(on: own, by: domain.status, admitsActive: admitsActiveInLockedDomains)
        {
            return imposed.value
        }
        return own?.value ?? stored
    }

    /// The same as a status; nil for one that is not known.
    /// - Parameter own: the account's own, which may be newer than the record; nil for one that is not known.
    func effective(
        _ own: AccountStatus?, _ record: borrowing EntryRecord, domain: InheritanceTable.Domain?
    ) -> AccountStatus? {
        guard let domain, domain.status != .active, !isGlobalAdministrator(record) else { return own }
        return AccountStatus.imposed(on: own, by: domain.status, admitsActive: admitsActiveInLockedDomains) ?? own
    }

    /// 3.3: not subject to the domain's status.
    private func isGlobalAdministrator(_ record: borrowing EntryRecord) -> Bool {
        record.isTrue(tree.types.isAdminAccount) && !record.isTrue(tree.types.isDomainAdminAccount)
    }

    /// Whether mail for an entry is accepted; nil for what cannot receive mail.
    ///
    /// It is if the entry's own mail status is enabled (as the mail server's maps ask for, 5.2), that of its domain too (3.9), the domain
    /// is not closed, and the account is neither pending nor closed (3.5). For a domain: its own mail status and status.
    func acceptsMail(
        _ id: EntryID, _ record: borrowing EntryRecord, domain: InheritanceTable.Domain?, _ table: InheritanceTable
    ) -> Bool? {
        guard tree.types.recipient.matches(record) else { return nil }
        guard record.first(of: tree.types.mailStatus, equals: MailStatus.enabled) else { return false }
        if let known = table.domains[id] { return known.status != .closed }
        if let domain, !domain.acceptsMail || domain.status == .closed { return false }
        guard let status = account(record, domain: domain) else { return true }
        return status != AccountStatus.pending.value && status != AccountStatus.closed.value
    }

    private static func first(_ type: MailTypes.Stored, _ record: borrowing EntryRecord) -> [UInt8]? {
        var values = record.values(of: type.id)
        return values.next()?.array
    }
}

/// `musterEffectiveAccountStatus` and `musterEffectiveMailStatus`.
struct EffectiveStatus: VirtualAttribute {
    enum Kind: Sendable { case account, mail }

    let kind: Kind
    let type: AttributeTypeID
    let rules: StatusRules
    var types: [AttributeTypeID] { [type] }

    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { rules.tree.isReady(snapshot, budget: &budget) }

    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        let table = try rules.tree.table(snapshot)
        let domain = try table.domain(above: record.parent, snapshot).flatMap { table.domains[$0] }
        if let value = value(id, record, domain: domain, table) { body(value.rawSpan) }
    }

    /// The value of an entry, nil if it has none.
    func value(
        _ id: EntryID, _ record: borrowing EntryRecord, domain: InheritanceTable.Domain?, _ table: InheritanceTable
    ) -> [UInt8]? {
        switch kind {
        case .account: rules.account(record, domain: domain)
        case .mail:
            rules.acceptsMail(id, record, domain: domain, table).map { $0 ? MailStatus.enabled : MailStatus.disabled }
        }
    }

    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem? {
        let asserted = item.onStored(context.catalogue)
        if asserted.isUndefined { return .constant(.undefined) }
        return .predicate(StatusItem(status: self, kind: item.kind, asserted: asserted))
    }
}
