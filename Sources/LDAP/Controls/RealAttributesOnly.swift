/// Only stored values are returned, nothing that the server computes.
public struct RealAttributesOnly: Sendable, Hashable {
    public static let oid = ControlOID.realAttributesOnly

    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("real attributes only control") }

    public func control(isCritical: Bool = false) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
