/// Tree delete (draft-armijo-ldap-treedelete): the delete takes everything below the entry with it.
public struct TreeDelete: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.treeDelete

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("tree delete control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
