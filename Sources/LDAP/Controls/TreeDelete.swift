/// Tree delete (draft-armijo-ldap-treedelete): the delete takes everything below the entry with it.
public struct TreeDelete: Sendable, Hashable {
    public static let oid = ControlOID.treeDelete

    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("tree delete control") }

    public func control(isCritical: Bool = true) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
