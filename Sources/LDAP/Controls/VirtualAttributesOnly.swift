/// Only values that the server computes are returned, nothing stored.
public struct VirtualAttributesOnly: Sendable, Hashable {
    public static let oid = ControlOID.virtualAttributesOnly

    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("virtual attributes only control") }

    public func control(isCritical: Bool = false) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
