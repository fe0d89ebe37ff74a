import BER
import Directory
import EntryStore
import LDAP
import Schema

/// What accounts, lists and other entries of a mail system need when they come back from among the deleted ones (section 12).
struct AccountReturn: ReturnRule {
    private let id: AttributeTypeID
    private let aliasTarget: AttributeTypeID
    private let alias: AttributeTypeID
    private let mail: AttributeTypeID
    private let deliveryAddress: AttributeTypeID
    private let domainName: AttributeTypeID
    private let forwardingAddress: AttributeTypeID
    private let entitlement: AttributeTypeID
    private let status: AttributeTypeID?
    private let commonName: AttributeTypeID?
    private let displayName: AttributeTypeID?
    /// Rule 12.5: they belong to sessions and to attempts to log in.
    private let dropped: [AttributeTypeID]
    /// Rule 8.1.4: they have the primary address, and follow it.
    private let addresses: [AttributeTypeID]
    /// Rule 12.3: identities of other entries.
    private let outward: [AttributeTypeID]

    /// - Returns: nil for a schema that is not a mail system's.
    init?(_ schema: Schema) {
        func type(_ name: String) -> AttributeTypeID? { schema.attributeType(named: name) }
        guard let id = type("zimbraId"), let aliasTarget = type("zimbraAliasTargetId"), let alias = type("zimbraMailAlias"),
            let mail = type("mail"), let deliveryAddress = type("zimbraMailDeliveryAddress"), let domainName = type("zimbraDomainName"),
            let forwardingAddress = type("zimbraMailForwardingAddress"), let entitlement = type("zimbraACE")
        else { return nil }
        self.id = id
        self.aliasTarget = aliasTarget
        self.alias = alias
        self.mail = mail
        self.deliveryAddress = deliveryAddress
        self.domainName = domainName
        self.forwardingAddress = forwardingAddress
        self.entitlement = entitlement
        status = type("zimbraAccountStatus")
        commonName = type("cn")
        displayName = type("displayName")
        dropped = ["zimbraAuthTokens", "zimbraPasswordLockoutLockedTime", "zimbraPasswordLockoutFailureTime"].compactMap(type)
        addresses = [mail, deliveryAddress, alias] + ["zimbraPrefFromAddress", "zimbraPrefAllowAddressForDelegatedSender"].compactMap(type)
        outward = ["zimbraCOSId", "zimbraMemberOf"].compactMap(type)
    }

    func adjust(_ returning: inout ReturningEntry, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let table = snapshot.catalogue.table
        forgetSessions(&returning, table)
        let oldID = values(of: id, returning.before, table).first
        if let oldID, try snapshot.someEntry(with: id, oldID) != nil {
            // Rule 12.1: the original stays untouched.
            if let attribute = table.id(of: id) { returning.entry[attribute] = [NewUUID.text()] }
            returning.notes.append("its zimbraId, which is in use: it has a new one, and what was granted to the old one is not its own")
        }
        if returning.isTop, returning.isRenamed { try rename(&returning, snapshot) }
        if let oldID { try bringAliases(of: oldID, &returning, snapshot) }
        try dropTakenAddresses(&returning, snapshot)
        for type in outward {
            guard let attribute = table.id(of: type) else { continue }
            for value in returning.entry[attribute] where try snapshot.someEntry(with: id, value) == nil {
                returning.entry[attribute].removeAll { $0 == value }
                let name = table.schema[type].name
                returning.notes.append("\(name) \(String(decoding: value, as: UTF8.self)), which is gone")
            }
        }
    }

    private func values(of type: AttributeTypeID, _ entry: Entry, _ table: AttributeTable) -> [[UInt8]] {
        table.id(of: type).map { entry[$0] } ?? []
    }

    /// Rule 12.5.
    private func forgetSessions(_ returning: inout ReturningEntry, _ table: AttributeTable) {
        for type in dropped {
            if let attribute = table.id(of: type) { returning.entry[attribute] = [] }
        }
        // A lock that wrong passwords had put on it ends with them.
        if let attribute = status.flatMap({ table.id(of: $0) }), returning.entry[attribute] == [Array("lockout".utf8)] {
            returning.entry[attribute] = [Array("active".utf8)]
        }
    }

    // MARK: Names

    /// Rule 8.1.4: the primary address follows the name.
    private func rename(_ returning: inout ReturningEntry, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let table = snapshot.catalogue.table
        guard let old = values(of: deliveryAddress, returning.before, table).first ?? values(of: mail, returning.before, table).first,
            let oldName = returning.oldRDN.values.first?.value, let newName = returning.rdn.values.first?.value,
            let at = old.lastIndex(of: UInt8(ascii: "@")), CaselessText.lower(Array(old[..<at])) == CaselessText.lower(oldName)
        else { return }
        let domain = try domain(above: returning.parent, snapshot) ?? Array(old[(at + 1)...])
        let new = CaselessText.lower(newName + [UInt8(ascii: "@")] + domain)
        for type in addresses {
            guard let attribute = table.id(of: type) else { continue }
            returning.entry[attribute] = returning.entry[attribute].map { CaselessText.lower($0) == CaselessText.lower(old) ? new : $0 }
        }
        if let commonName, let attribute = table.id(of: commonName), displayName.map({ values(of: $0, returning.entry, table).isEmpty }) ?? true,
            returning.rdn.values.first.map({ table.schema.attributeType(named: $0.type) != commonName }) ?? false
        {
            returning.entry[attribute] = returning.entry[attribute].map { CaselessText.lower($0) == CaselessText.lower(oldName) ? newName : $0 }
        }
    }

    /// The mail domain of a place in the tree.
    private func domain(above place: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> [UInt8]? {
        guard let attribute = snapshot.catalogue.table.id(of: domainName) else { return nil }
        var current = place
        do {
            while current != .root, let record = try snapshot.record(current) {
                var names = record.values(of: attribute)
                if let name = names.next() { return name.array }
                current = record.parent
            }
        } catch { throw LDAPError(storage: error) }
        return nil
    }

    // MARK: Aliases

    /// Rule 12.3: the alias entries that went with it. The mail system takes their addresses from the account first.
    private func bringAliases(
        of oldID: [UInt8], _ returning: inout ReturningEntry, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        let table = snapshot.catalogue.table
        guard let target = table.id(of: aliasTarget), let own = table.id(of: id), let aliases = table.id(of: alias),
            let mails = table.id(of: mail)
        else { return }
        for candidate in returning.candidates {
            guard let image = candidate.image, image.entry[target].contains(where: { CaselessText.lower($0) == CaselessText.lower(oldID) }),
                let rdn = try? RelativeDistinguishedName(parsing: image.rdn.rawSpan), let local = rdn.values.first?.value,
                let domain = try domain(above: image.parent, snapshot)
            else { continue }
            let address = CaselessText.lower(local + [UInt8(ascii: "@")] + domain)
            if try snapshot.someEntry(with: mail, address) != nil {
                returning.notes.append("alias \(String(decoding: address, as: UTF8.self)), which another entry has")
                continue
            }
            for attribute in [aliases, mails] where !returning.entry[attribute].contains(where: { CaselessText.lower($0) == address }) {
                returning.entry.append(address, to: attribute)
            }
            var entry = image.entry
            entry[target] = returning.entry[own]
            returning.companions.append(ReturningEntry.Companion(record: candidate, entry: entry))
        }
    }

    /// Addresses that another entry has by now, the primary one excepted, without which there is no account.
    private func dropTakenAddresses(_ returning: inout ReturningEntry, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        let table = snapshot.catalogue.table
        guard let mails = table.id(of: mail), let aliases = table.id(of: alias) else { return }
        let primary = values(of: deliveryAddress, returning.entry, table).first.map(CaselessText.lower)
        for address in returning.entry[mails] where CaselessText.lower(address) != primary {
            guard try snapshot.someEntry(with: mail, address) != nil else { continue }
            // A list's own address stands in both attributes (rule 8.4.3).
            if primary == nil, returning.entry[mails].count == 1 { continue }
            for attribute in [mails, aliases] {
                returning.entry[attribute].removeAll { CaselessText.lower($0) == CaselessText.lower(address) }
            }
            returning.notes.append("address \(String(decoding: address, as: UTF8.self)), which another entry has")
        }
    }

    // MARK: References

    func identifiers(of returning: ReturningEntry, _ table: AttributeTable) -> [[UInt8]: [UInt8]] {
        guard let old = values(of: id, returning.before, table).first, let now = values(of: id, returning.entry, table).first,
            CaselessText.lower(old) == CaselessText.lower(now)
        else { return [:] }  // It is another account by now: what was the original's stays so.
        var identifiers = [CaselessText.lower(old): now]
        for address in values(of: mail, returning.entry, table) { identifiers[CaselessText.lower(address)] = address }
        if let before = values(of: deliveryAddress, returning.before, table).first,
            let after = values(of: deliveryAddress, returning.entry, table).first
        {
            identifiers[CaselessText.lower(before)] = after
        }
        return identifiers
    }

    /// Grants (rule 10.1), members of static lists (rule 7.2), and identities.
    func reference(_ value: [UInt8], of type: AttributeTypeID) -> (key: [UInt8], rest: [UInt8])? {
        if type == entitlement {
            guard let space = value.firstIndex(of: UInt8(ascii: " ")) else { return nil }
            return (CaselessText.lower(Array(value[..<space])), Array(value[space...]))
        }
        if type == forwardingAddress || value.count == 36 { return (CaselessText.lower(value), []) }
        return nil
    }
}
