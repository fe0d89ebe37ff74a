/// Show deleted (Active Directory, MS-ADTS section 3.1.1.3.4.1.14): the client means deleted entries too.
public struct ShowDeleted: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.showDeleted

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("show deleted control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
