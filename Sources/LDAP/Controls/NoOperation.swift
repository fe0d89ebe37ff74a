/// No-Op (draft-zeilenga-ldap-noop): everything about a change is checked, and nothing is changed.
public struct NoOperation: Sendable, Hashable {
    /// The object identifier that slapd uses.
    public static let oid = ControlOID.noOperation
    /// The one of the draft.
    public static let draftOID = ControlOID.noOperationOfDraft

    /// The control, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding control: Control) throws(LDAPError) { try control.demandNoValue("no-op control") }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control { Control(oid: Self.oid, isCritical: isCritical) }
}
