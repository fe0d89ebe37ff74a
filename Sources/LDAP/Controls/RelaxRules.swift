/// Relax rules (draft-zeilenga-ldap-relax): an administrator who repairs or copies a directory is freed of some of its rules.
public struct RelaxRules: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.relax

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("relax rules control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
