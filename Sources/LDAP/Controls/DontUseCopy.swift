/// Don't use copy (RFC 6171): the answer must come from the original, not from a copy.
public enum DontUseCopy {
    /// The object identifier of the control.
    public static let oid = ControlOID.dontUseCopy

    /// - Throws: `protocolError` if there is a value.
    public static func checkRequest(_ control: Control) throws(LDAPError) {
        try control.demandNoValue("don't use copy control")
    }
}
