import LDAP

/// What the rarer controls of a search ask for. An object, so that ordinary searches carry no more than its absence.
final class SearchRefinement: Sendable {
    struct Content: Sendable {
        /// RFC 3672.
        var subentries: Subentries?
        /// Active Directory: no references are wanted.
        var isDomainScope = false
        /// RFC 2891.
        var sort: ServerSideSort?
        var isSortCritical = false
        /// draft-ietf-ldapext-ldapv3-vlv.
        var view: VirtualListView?
        /// RFC 3876; nil: all values are wanted.
        var matchedValues: Filter?
        /// draft-masarati-ldap-deref.
        var dereference: Dereference?
        /// Whether entries are counted only.
        var counts = false
        /// draft-ietf-ldapext-psearch.
        var persistent: PersistentSearch?
        /// Whether one of those is critical that are about what is found rather than how it is shown.
        var isCritical = false
        /// Whether any of them was given.
        fileprivate(set) var isUsed = false

        /// - Returns: false if the control is none of these.
        mutating func take(_ control: Control) throws(LDAPError) -> Bool {
            switch control.oid {
            case Subentries.oid: subentries = try Subentries(decoding: control)
            case DomainScope.oid:
                try DomainScope.checkRequest(control)
                isDomainScope = true
            case ServerSideSort.oid:
                sort = try ServerSideSort(decoding: control)
                isSortCritical = control.isCritical
            case VirtualListView.oid: view = try VirtualListView(decoding: control)
            case MatchedValues.oid:
                let filter = try MatchedValues(decoding: control).filter
                // As slapd: no item at all asks for nothing.
                matchedValues = filter.nodes.count > 1 ? filter : nil
            case Dereference.oid: dereference = try Dereference(decoding: control)
            case PersistentSearch.oid: persistent = try PersistentSearch(decoding: control)
            case NoOpSearch.oid:
                try NoOpSearch.checkRequest(control)
                counts = true
            default: return false
            }
            isUsed = true
            if control.isCritical, control.oid != Subentries.oid, control.oid != DomainScope.oid { isCritical = true }
            return true
        }
    }

    let asked: Content

    init(_ content: Content) { asked = content }
}
