/// Only stored values are returned, nothing that the server computes.
public struct RealAttributesOnly: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.realAttributesOnly

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("real attributes only control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
