import BER
import Directory
import EntryStore
import LDAP
import Schema

/// What is written to `zimbraACE` can be read, and means something on the entry it stands on (10.1, 10.2). Rights that are not known here are
/// taken as rights of administrators: other servers may know them. What stands there already is not brought into question.
struct GrantRule: WriteRule {
    let types: [AttributeTypeID]
    private let grants: Grants
    private let rights: RightTypes

    init(_ grants: Grants, _ rights: RightTypes) {
        self.grants = grants
        self.rights = rights
        types = [grants.type]
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard let after = change.after else { return }
        let old = Set(change.before?[grants.attribute] ?? [])
        let record = after.record(parent: change.parent, rdn: [], flags: [])
        guard let view = EntryRecord(record.rawSpan) else { return }
        let kind = rights.kind(view)
        let own = after[rights.id.id].first.map { String(decoding: $0, as: UTF8.self).lowercased() }
        for value in after[grants.attribute] where !old.contains(value) {
            let grant: Grant
            do throws(Grant.Problem) { grant = try Grant(value) } catch {
                // Without the value: it may hold a guest's password.
                throw LDAPError(.invalidAttributeSyntax, "zimbraACE: \(error.reason)")
            }
            if let reason = Self.problem(grant, on: kind, own) { throw LDAPError(.constraintViolation, "zimbraACE \"\(grant.description)\": \(reason)") }
        }
    }

    /// Why a grant cannot stand on an entry; nil: it can.
    static func problem(_ grant: Grant, on kind: RightTarget?, _ own: String?) -> String? {
        let right = RightDefinition.named(grant.right)
        if let right, let kind, !right.isGrantable(on: kind) { return "\(right.name) cannot be granted on such an entry (\(kind.rawValue))" }
        if right?.isUserRight != true {
            let isCrossing = grant.right == Grant.crossDomainAdmin && grant.type == .domain
            if !grant.type.mayAdminister && !isCrossing { return "grantees of type \(grant.type.rawValue) cannot hold rights of administrators" }
        }
        if grant.isForSubdomains {
            if let kind, kind != .domain && kind != .global { return "modifier * is for domains" }
            if let right, !right.targets.contains(.domain) { return "modifier * is for rights on domains" }
        }
        if grant.isWithoutSubgroups, let kind, kind != .list && kind != .group { return "modifier ^ is for lists" }
        if grant.type == .externalDomain, grant.right != "sendToDistList" { return "grantees of type edom can hold sendToDistList only" }
        if grant.right.hasPrefix("send"), grant.type == .user, grant.grantee == own { return "nobody needs it for themselves" }
        return nil
    }
}
