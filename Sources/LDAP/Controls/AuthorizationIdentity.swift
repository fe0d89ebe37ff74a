/// Authorization identity (RFC 3829): the answer to a bind tells who the client is now.
public struct AuthorizationIdentity: Sendable, Hashable {
    /// The object identifier of the control of the request.
    public static let oid = ControlOID.authorizationIdentityRequest

    /// The control of a request, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("authorization identity control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control { Control(oid: Self.oid, isCritical: isCritical) }

    /// The control of the answer.
    /// - Parameter name: DN in string form; empty: the client is anonymous.
    public static func response(name: [UInt8]) -> Control {
        Control(oid: ControlOID.authorizationIdentityResponse, value: name.isEmpty ? [] : Array("dn:".utf8) + name)
    }
}
