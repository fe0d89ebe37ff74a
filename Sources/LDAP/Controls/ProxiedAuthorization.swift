/// Proxied authorization (RFC 4370): the operation is carried out with the rights of somebody else.
public struct ProxiedAuthorization: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.proxiedAuthorization
    /// Whose rights (RFC 4513 section 5.2.1.8): `dn:` and a name, `u:` and a name to log in with; empty: nobody's.
    public var authorizationID: [UInt8]

    /// Asks for the rights of an authorization identity.
    public init(authorizationID: [UInt8]) { self.authorizationID = authorizationID }

    /// Clients must make it critical (section 3); one that is not is honoured all the same, as slapd does.
    /// - Throws: `protocolError` if there is no value.
    public init(decoding control: Control) throws(LDAPError) {
        authorizationID = try control.requiredValue("proxied authorization control")
    }

    /// The control as it is sent.
    public var control: Control { Control(oid: Self.oid, isCritical: true, value: authorizationID) }
}
