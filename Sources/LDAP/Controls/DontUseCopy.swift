/// Don't use copy (RFC 6171): the answer must come from the original, not from a copy.
public enum DontUseCopy {
    /// The object identifier of the control.
    public static let oid = ControlOID.dontUseCopy

    /// - Throws: `protocolError` if there is a value, or if the control is not critical, which section 3 demands.
    public static func checkRequest(_ control: Control) throws(LDAPError) {
        try control.demandNoValue("don't use copy control")
        guard control.isCritical else { throw LDAPError(.protocolError, "don't use copy control: must be critical") }
    }
}
