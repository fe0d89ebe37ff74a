import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Members of dynamic lists as a mail transport is to see them: without those that take no mail (rules 5.3.5 and 5.4, pitfalls 4 and 17).
/// It reads each member by itself, whatever its status; one that refuses mail would send every message to the list back.
struct DeliveryView: Sendable {
    private let mail: ListTypes.Mail
    /// Names of the identities that get this view, in canonical form.
    private let identities: [[UInt8]]

    /// Nil if no identity is to get it.
    /// - Throws: for names that are none.
    init?(_ names: [String], _ types: ListTypes, _ schema: Schema) throws(DirectoryError) {
        guard let mail = types.mail, !names.isEmpty else { return nil }
        self.mail = mail
        var identities: [[UInt8]] = []
        for name in names {
            var canonical: [UInt8] = []
            do { try schema.normalizeDN(try DistinguishedName(name), into: &canonical) } catch {
                throw DirectoryError("delivery identity \"\(name)\": \(error.message)")
            }
            identities.append(canonical)
        }
        self.identities = identities
    }

    /// What leaves out members for an identity; nil if it gets all.
    func filter(for viewer: Identity, _ catalogue: Catalogue) -> Recipients? {
        guard case .entry(_, let name, false) = viewer, let dn = try? DistinguishedName(parsing: name.rawSpan) else { return nil }
        var canonical: [UInt8] = []
        guard (try? catalogue.schema.normalizeDN(dn, into: &canonical)) != nil, identities.contains(canonical) else { return nil }
        return Recipients(mail: mail, catalogue: catalogue)
    }

    /// Tells of one entry after the other whether it takes mail. Keeps what it learns of their domains.
    struct Recipients {
        fileprivate let mail: ListTypes.Mail
        fileprivate let catalogue: Catalogue
        /// By superior: whether the domain above takes mail.
        private var domains: [EntryID: Bool] = [:]

        fileprivate init(mail: ListTypes.Mail, catalogue: Catalogue) {
            self.mail = mail
            self.catalogue = catalogue
        }

        /// Its own mail status is not `disabled`, its account status not `closed` or `pending` (rule 3.5), and its domain is one that
        /// mail is taken for: neither closed (rule 3.2) nor with mail status `disabled` (rule 3.9). What has no status, such as the
        /// static unit of a list, takes mail.
        mutating func receives(_ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
            if has(record, mail.mailStatus, ["disabled"]) || has(record, mail.accountStatus, ["closed", "pending"]) { return false }
            let parent = record.parent
            if let known = domains[parent] { return known }
            let takes = try domain(above: parent, snapshot)
            domains[parent] = takes
            return takes
        }

        private func domain(above id: EntryID, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Bool {
            guard let name = catalogue.table.id(of: mail.domainName) else { return true }
            var current = id
            while current != .root, let record = try snapshot.record(current) {
                guard record.contains(name) else {
                    current = record.parent
                    continue
                }
                if has(record, mail.mailStatus, ["disabled"]) { return false }
                guard let status = catalogue.table.id(of: mail.domainStatus) else { return true }
                if record.contains(status) { return !has(record, mail.domainStatus, ["closed"]) }
                guard let found = try? snapshot.resolve(.globalConfiguration), found.isComplete, let global = try snapshot.record(found.id)
                else { return true }
                return !has(global, mail.domainStatus, ["closed"])
            }
            return true
        }

        private func has(_ record: borrowing EntryRecord, _ type: AttributeTypeID, _ wanted: [String]) -> Bool {
            guard let attribute = catalogue.table.id(of: type) else { return false }
            var values = record.values(of: attribute)
            while let value = values.next() {
                let text = String(decoding: value.array, as: UTF8.self).lowercased()
                if wanted.contains(text) { return true }
            }
            return false
        }
    }
}
