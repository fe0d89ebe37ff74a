import LDAP

/// The controls of a search that are known. Unknown ones are ignored unless critical (RFC 4511 section 4.1.11).
struct SearchControls: Sendable {
    var paged: PagedResults?
    var isPagedCritical = false
    var assertion: Filter?
    var manageDsaIT = false
    var showDeleted = false
    var view = EntrySelection.View.all

    init() {}

    init(_ controls: [Control]) throws(LDAPError) {
        var seen = Set<String>()
        for control in controls {
            guard seen.insert(control.oid).inserted else {
                throw LDAPError(.protocolError, "control \(control.oid) is given more than once")
            }
            switch control.oid {
            case PagedResults.oid:
                paged = try PagedResults(decoding: control)
                isPagedCritical = control.isCritical
            case Assertion.oid: assertion = try Assertion(decoding: control).filter
            case ManageDsaIT.oid:
                _ = try ManageDsaIT(decoding: control)
                manageDsaIT = true
            case ShowDeleted.oid:
                _ = try ShowDeleted(decoding: control)
                showDeleted = true
            case RealAttributesOnly.oid:
                _ = try RealAttributesOnly(decoding: control)
                guard view == .all else { throw Self.contradiction }
                view = .realOnly
            case VirtualAttributesOnly.oid:
                _ = try VirtualAttributesOnly(decoding: control)
                guard view == .all else { throw Self.contradiction }
                view = .virtualOnly
            default:
                if control.isCritical {
                    throw LDAPError(.unavailableCriticalExtension, "critical control \(control.oid) is not supported for searches")
                }
            }
        }
    }

    private static var contradiction: LDAPError {
        LDAPError(.protocolError, "\"real attributes only\" and \"virtual attributes only\" exclude each other")
    }
}
