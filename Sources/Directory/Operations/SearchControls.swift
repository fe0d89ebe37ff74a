import LDAP

/// The controls of a search or compare that are known. Unknown ones are ignored unless critical (RFC 4511 section 4.1.11).
struct SearchControls: Sendable {
    enum Operation: Sendable { case search, compare }

    var paged: PagedResults?
    var assertion: Filter?
    var manageDsaIT = false
    var showDeleted = false
    var effectiveRights: EffectiveRights?
    var view = EntrySelection.View.all
    /// The rarer ones; nil if there is none of them.
    private(set) var refinement: SearchRefinement?

    init() {}

    init(_ controls: [Control], for operation: Operation) throws(LDAPError) {
        var seen = Set<String>()
        var refinement = SearchRefinement.Content()
        for control in controls {
            guard seen.insert(control.oid).inserted else {
                throw LDAPError(.protocolError, "control \(control.oid) is given more than once")
            }
            switch control.oid {
            case Assertion.oid: assertion = try Assertion(decoding: control).filter
            case ManageDsaIT.oid:
                _ = try ManageDsaIT(decoding: control)
                manageDsaIT = true
            case ShowDeleted.oid:
                _ = try ShowDeleted(decoding: control)
                showDeleted = true
            case EffectiveRights.oid: effectiveRights = try EffectiveRights(decoding: control)
            case RealAttributesOnly.oid:
                _ = try RealAttributesOnly(decoding: control)
                guard view == .all else { throw Self.contradiction }
                view = .realOnly
            case VirtualAttributesOnly.oid:
                _ = try VirtualAttributesOnly(decoding: control)
                guard view == .all else { throw Self.contradiction }
                view = .virtualOnly
            // Every answer comes from the original.
            case DontUseCopy.oid: try DontUseCopy.checkRequest(control)
            case PagedResults.oid where operation == .search: paged = try PagedResults(decoding: control)
            default:
                if operation == .search, try refinement.take(control) { continue }
                if control.isCritical {
                    let what = operation == .search ? "searches" : "compares"
                    throw LDAPError(.unavailableCriticalExtension, "critical control \(control.oid) is not supported for \(what)")
                }
            }
        }
        if refinement.isUsed { self.refinement = SearchRefinement(refinement) }
    }

    private static var contradiction: LDAPError {
        LDAPError(.protocolError, "\"real attributes only\" and \"virtual attributes only\" exclude each other")
    }
}
