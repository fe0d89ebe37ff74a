import Directory
import EntryStore
import LDAP
import Schema

/// What cannot be a member of a static list: the list itself, by any of its addresses or through lists on it, and lists whose members are a
/// query (7.1.2, pitfalls 13 and 14). Members that are there already, perhaps from an import, are not brought into question.
struct StaticListRule: WriteRule {
    let types: [AttributeTypeID]
    private let mail: ListTypes.Mail
    private let list: ClassTest
    private let group: ClassTest

    /// Lists above one list that are looked at, at most.
    private static let limit = 10_000

    /// Nil for a schema without these classes.
    init?(_ mail: ListTypes.Mail, _ catalogue: Catalogue) {
        guard let list = ClassTest(["zimbraDistributionList"], catalogue), let group = ClassTest(["zimbraGroup"], catalogue) else { return nil }
        self.mail = mail
        self.list = list
        self.group = group
        types = [mail.forwarding] + mail.addresses
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard change.kind == .add || change.kind == .modify, !change.new(mail.forwarding).isEmpty else { return }
        let added = change.added(mail.forwarding)
        let newOwn = mail.addresses.flatMap { change.added($0) }
        guard !added.isEmpty || !newOwn.isEmpty, list.matches(change.after) else { return }
        let own = Set(mail.addresses.flatMap { change.new($0) }.map(CaselessText.lower))
        // What is new on one side only is compared with everything on the other.
        let suspects = newOwn.isEmpty ? added : change.new(mail.forwarding)
        if let itself = suspects.first(where: { own.contains(CaselessText.lower($0)) }) {
            throw refusal(itself, "is an address of the list itself")
        }
        let above = try addressesAbove(own, change.id, snapshot)
        if let circle = suspects.first(where: { above.contains(CaselessText.lower($0)) }) {
            throw refusal(circle, "is a list that this one is on: members would go round in a circle")
        }
        for address in added where try isDynamic(address, snapshot) {
            throw refusal(address, "is a list whose members are a query: such lists are no members of others")
        }
    }

    /// The addresses of all lists that hold one of some addresses, of those that hold one of these, and so on.
    private func addressesAbove(
        _ own: Set<[UInt8]>, _ id: EntryID?, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Set<[UInt8]> {
        let table = snapshot.catalogue.table
        var above = Set<[UInt8]>()
        var seen = Set<EntryID>()
        if let id { seen.insert(id) }
        var next = Array(own)
        while !next.isEmpty {
            let holders = try snapshot.entries(with: mail.forwarding, anyOf: next)
            next = []
            for holder in holders where list.matches(holder.entry) && seen.insert(holder.id).inserted {
                guard seen.count <= Self.limit else {
                    throw LDAPError(.adminLimitExceeded, "the list is on more than \(Self.limit) others")
                }
                for address in mail.addresses.compactMap({ table.id(of: $0) }).flatMap({ holder.entry[$0] }).map(CaselessText.lower)
                where above.insert(address).inserted { next.append(address) }
            }
        }
        return above
    }

    private func isDynamic(_ address: [UInt8], _ snapshot: borrowing Snapshot) throws(LDAPError) -> Bool {
        for type in mail.addresses {
            if try snapshot.entries(with: type, anyOf: [address]).contains(where: { group.matches($0.entry) }) { return true }
        }
        return false
    }

    private func refusal(_ address: [UInt8], _ reason: String) -> LDAPError {
        LDAPError(.constraintViolation, "zimbraMailForwardingAddress: \(String(decoding: address.prefix(320), as: UTF8.self)) \(reason)")
    }
}
