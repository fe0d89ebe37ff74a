import EntryStore
import LDAP
import Schema

/// What an identity may do. Simple rules until access rules are configured: anonymous clients see the root DSE and the subschema;
/// everybody who is bound reads everything but passwords; administrators read and write all; everybody may set their own password.
struct AccessControl: Sendable {
    let identity: Identity
    /// Types that are readable by administrators only.
    private let secretTypes: [AttributeTypeID]

    init(_ identity: Identity, _ directory: Directory) {
        self.identity = identity
        secretTypes = directory.known.secretTypes
    }

    /// Whether entries (other than root DSE and subschema) exist for this identity.
    var mayReadEntries: Bool { !identity.isAnonymous }

    /// Whether values of a type may be read, compared and searched for.
    func mayRead(_ type: AttributeTypeID) -> Bool { identity.isAdministrator || !secretTypes.contains(type) }

    /// All types that may not be read.
    var unreadableTypes: [AttributeTypeID] { identity.isAdministrator ? [] : secretTypes }

    /// Whether anything may be changed.
    var mayWrite: Bool { identity.isAdministrator }

    /// Whether the password of an entry may be changed.
    func mayChangePassword(of entry: EntryID) -> Bool {
        if identity.isAdministrator { return true }
        if case .entry(let own, _, _) = identity { return own == entry }
        return false
    }

    /// - Throws: `strongerAuthRequired` for anonymous clients, as slapd.
    func demandBound() throws(LDAPError) {
        if identity.isAnonymous { throw LDAPError(.strongerAuthRequired, "modifications require authentication") }
    }

    /// Demands ``mayWrite``.
    /// - Throws: `strongerAuthRequired` for anonymous clients, as slapd; `insufficientAccessRights`.
    func demandWrite() throws(LDAPError) {
        try demandBound()
        guard mayWrite else { throw Self.refusal }
    }

    /// Demands ``mayChangePassword(of:)``.
    /// - Throws: `insufficientAccessRights`.
    func demandPasswordChange(of entry: EntryID) throws(LDAPError) {
        guard mayChangePassword(of: entry) else { throw Self.refusal }
    }

    private static var refusal: LDAPError { LDAPError(.insufficientAccessRights, "no write access") }
}
