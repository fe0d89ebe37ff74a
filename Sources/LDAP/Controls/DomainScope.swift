/// Active Directory's domain scope: no search references are wanted.
public enum DomainScope {
    /// The object identifier of the control.
    public static let oid = ControlOID.domainScope

    /// - Throws: `protocolError` for a request with a value.
    public static func checkRequest(_ control: Control) throws(LDAPError) { try control.demandNoValue("domain scope control") }
}
