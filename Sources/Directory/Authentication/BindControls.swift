import LDAP

/// The controls of a bind that are known. Unknown ones are ignored unless critical (RFC 4511 section 4.1.11).
struct BindControls: Sendable {
    /// The client wants to know a password policy's reasons (draft-behera-ldap-password-policy).
    var wantsPolicy = false
    /// The client wants to know who it is then (RFC 3829).
    var wantsAuthorizationIdentity = false

    init() {}

    /// - Throws: `protocolError` for known controls that are malformed; `unavailableCriticalExtension`.
    init(_ controls: [Control]) throws(LDAPError) {
        for control in controls {
            switch control.oid {
            case PasswordPolicy.oid:
                try PasswordPolicy.checkRequest(control)
                wantsPolicy = true
            case AuthorizationIdentity.oid:
                _ = try AuthorizationIdentity(decoding: control)
                wantsAuthorizationIdentity = true
            default:
                if control.isCritical {
                    throw LDAPError(.unavailableCriticalExtension, "critical control \(control.oid) is not supported for bind")
                }
            }
        }
    }
}
