import LDAP

extension DistinguishedName {
    /// Where the mail system's global configuration stands.
    static let globalConfiguration = DistinguishedName(
        rdns: ["config", "zimbra"].map { RelativeDistinguishedName(values: [AttributeTypeAndValue(type: "cn", value: Array($0.utf8))]) })
}
