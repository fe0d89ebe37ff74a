public import EntryStore
public import LDAP
import Schema

/// What an administrator sets of the directory's behaviour.
public struct DirectorySettings: Sendable {
    /// Name of the root identity, which is above all rules.
    public var rootName = "cn=config"
    /// Its password, in clear or as `{SCHEME}…`; nil: nobody can bind as root.
    public var rootPassword: [UInt8]?
    /// Name of the entry below which administrators stand.
    public var administrators = "cn=admins,cn=zimbra"
    /// Attribute types whose values must be unique in the whole tree (semantics 1.7). They need an equality index.
    public var uniqueness = ["mail", "zimbraId", "DKIMSelector"]
    /// How new passwords are stored.
    public var passwords = PasswordHashing()
    /// Whether a password that is stored otherwise than ``passwords`` says is stored anew when its owner binds with it.
    public var rehashesPasswords = false
    /// Whose names SASL mechanisms give stand for.
    public var identityMap = IdentityMap()
    /// Whether the system's root user is the root identity, on a local socket with SASL EXTERNAL.
    public var systemRootIsRoot = false
    /// Whether a bind fails whose password must be changed first. Otherwise it succeeds, and the client may do nothing but change it.
    public var refusesExpiredPasswords = false
    public var limits = SearchLimits()
    /// How many changes go to disk together, and how many may wait.
    public var writer = WriterLimits()
    /// LDAP URLs of servers that know names of which nothing exists here (slapd's `referral`).
    public var referrals: [String] = []
    public var bindLimits = BindLimits()
    /// What a search request may hold.
    public var decoding = DecodingLimits.default
    /// Whether StartTLS is offered: the server has a certificate.
    public var offersStartTLS = false
    /// Whether passwords are taken only over TLS or a local socket; otherwise `confidentialityRequired` answers.
    public var requiresConfidentiality = false
    /// Who may do what, in the order in which they are asked (slapd.access(5)); nil: everybody who is bound reads everything but
    /// passwords, ``administrators`` write, everybody sets their own password.
    public var accessRules: [AccessRuleText]?
    /// Names of identities that see values as they are stored, in answers and in filters, because they work out inherited values
    /// themselves and would write them back: the mail system's own servers. A client of such an identity that sends the control
    /// "virtual attributes only" is treated as any other.
    public var storedViewIdentities: [String] = []

    /// Names of identities that may look into the change log, beside the root identity and administrators.
    public var changeReaders: [String] = []

    public init() {}
}

/// What a search may cost at most.
public struct SearchLimits: Sendable {
    /// Entries returned; 0: no limit.
    public var size = 0
    /// Seconds; 0: no limit.
    public var time = 0
    /// What certain clients may, in the words of slapd's `limits`; the first rule that is about a client decides.
    public var rules: [String] = []
    /// Entries that may be sorted in memory for one search; what an index has in order need not be.
    public var sortedEntries = 500_000
    /// Bytes that all sorting together may take.
    public var sortMemory = 256 << 20
    /// Entries looked at by one search or page, whether they are found or not; 0: no limit.
    public var candidates = 0
    /// Entries looked at before a search leaves its event loop for a search thread.
    public var inlineCandidates = 300
    /// Bytes of answers after which it does.
    public var inlineBytes = 256 << 10
    /// Entries looked at to compute the values of one entry; one that needs more is sent in pieces.
    public var computedAtOnce = 2000

    public init() {}
}
