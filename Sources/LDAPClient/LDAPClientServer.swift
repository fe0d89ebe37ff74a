/// Another LDAP server, and who we are there.
public struct LDAPClientServer: Sendable, Hashable {
    /// `ldap://`, `ldaps://` or `ldapi://` URLs; the first that answers is used.
    public var urls: [String]
    /// Whether a connection is secured before anything else is sent (RFC 4511 section 4.14); without success it is not used. Certificates are
    /// checked as libldap's own configuration says (`ldap.conf`, `LDAPTLS_…`): by default they must be valid.
    public var startTLS = false
    /// Empty: anonymous.
    public var bindName = ""
    public var password: [UInt8] = []
    /// Milliseconds to connect, per URL.
    public var connectTimeout = 3_000

    public init(urls: [String]) { self.urls = urls }
}

/// A search on another server.
public struct LDAPClientSearch: Sendable, Hashable {
    public var base: String
    /// As in RFC 4511 section 4.5.1.2: 0 base, 1 one level, 2 subtree.
    public var scope = 2
    /// In string form (RFC 4515).
    public var filter: String
    /// None: all user attributes.
    public var attributes: [String] = []
    /// 0: no limit.
    public var sizeLimit = 0
    /// Entries per page (RFC 2696); 0: without pages.
    public var pageSize = 0
    /// Milliseconds that the whole may take.
    public var timeout = 5_000

    public init(base: String, filter: String) {
        self.base = base
        self.filter = filter
    }
}

/// What another server answered.
public struct LDAPClientAnswer: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        /// DN in string form.
        public var name: String
        public var attributes: [Attribute]
    }

    public struct Attribute: Sendable, Hashable {
        /// As the server wrote it.
        public var name: String
        public var values: [[UInt8]]
    }

    public var entries: [Entry] = []
    /// Whether a limit kept more back.
    public var isTruncated = false
    public init() {}
}
