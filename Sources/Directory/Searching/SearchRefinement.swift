import LDAP

/// What the rarer controls of a search ask for. An object, so that ordinary searches carry no more than its absence.
final class SearchRefinement: Sendable {
    struct Content: Sendable {
        /// RFC 3672.
        var subentries: Subentries?
        /// Active Directory: no references are wanted.
        var isDomainScope = false
        /// Whether any of them was given.
        private(set) var isUsed = false

        /// - Returns: false if the control is none of these.
        mutating func take(_ control: Control) throws(LDAPError) -> Bool {
            switch control.oid {
            case Subentries.oid: subentries = try Subentries(decoding: control)
            case DomainScope.oid:
                try DomainScope.checkRequest(control)
                isDomainScope = true
            default: return false
            }
            isUsed = true
            return true
        }
    }

    let subentries: Subentries?
    let isDomainScope: Bool

    init(_ content: Content) {
        subentries = content.subentries
        isDomainScope = content.isDomainScope
    }
}
