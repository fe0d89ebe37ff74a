/// Only values that the server computes are returned, nothing stored.
public struct VirtualAttributesOnly: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.virtualAttributesOnly

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("virtual attributes only control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
