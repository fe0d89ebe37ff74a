extension MailDirectory {
    /// What an administrator sets of the address list.
    public struct AddressListSettings: Sendable, Hashable {
        /// Whether domains have one.
        public var isEnabled = true
        /// What the branch below a domain is called: one RDN, of `cn` or `ou`.
        public var name = "cn=gal"
        /// Milliseconds that an external address list may take to answer.
        public var timeout = 5_000

        public init() {}
    }
}
