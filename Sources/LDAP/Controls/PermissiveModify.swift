/// Permissive modify (Active Directory): values to be added that are there already, and values to be deleted that are not, are passed over.
public struct PermissiveModify: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.permissiveModify

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("permissive modify control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
