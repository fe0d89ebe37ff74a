/// Transaction specification (RFC 5805 section 2.2): the update belongs to a transaction.
public struct TransactionSpecification: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.transactionSpecification
    /// What the start of the transaction answered.
    public var identifier: [UInt8]

    /// Names a transaction.
    public init(identifier: [UInt8]) { self.identifier = identifier }

    /// - Throws: `protocolError` if there is no value, or the client could do without the control (it must be critical).
    public init(decoding control: Control) throws(LDAPError) {
        identifier = try control.requiredValue("transaction specification control")
        guard control.isCritical else {
            throw LDAPError(.protocolError, "transaction specification control: it must be critical")
        }
    }

    /// The control as it is sent.
    public var control: Control { Control(oid: Self.oid, isCritical: true, value: identifier) }
}
