import LDAP

extension DistinguishedName {
    /// Only the root, until names can be parsed.
    init(parsing bytes: RawSpan) throws(LDAPError) {
        guard bytes.isEmpty else { throw LDAPError(.invalidDNSyntax, "names cannot be parsed yet") }
        self.init()
    }
}
