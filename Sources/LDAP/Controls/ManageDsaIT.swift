/// ManageDsaIT (RFC 3296 section 3): referral entries are treated as ordinary ones.
public struct ManageDsaIT: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.manageDsaIT

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("ManageDsaIT control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
