public import Directory
public import EntryStore
public import LDAP
public import LDAPServer

/// Everything that can be set about a server. A value made with ``init(dataDirectory:)`` is a working configuration.
///
/// ``load(flags:environment:file:)`` fills one from command line, environment and file; the keys are in `docs/muster.json.sample`.
public struct MusterConfiguration: Sendable {
    /// Where the database and its lock are. Made if it does not exist.
    public var dataDirectory: String

    /// Where to listen. With port 0 any free port; ``MusterServer/addresses`` tells which.
    public var listeners: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 1389)]
    /// Where to listen besides, for administrators: nobody else may log in there, and `zimbraAuthMechAdmin` of their domains says who
    /// knows their passwords.
    public var administrationListeners: [ListenAddress] = []
    /// Permissions of the sockets of `ldapi` listeners.
    public var unixSocketMode: UInt32 = 0o777

    /// The folder whose `*.schema` files are loaded; nil: found as ``DataFiles`` says.
    public var schemaDirectory: String?
    /// Further schema files, in OpenLDAP's syntax or as LDIF.
    public var schemaFiles: [String] = []
    /// The folder with the entries of a new directory; nil: found as ``DataFiles`` says.
    public var ldifDirectory: String?

    /// Whether ``defaultIndexes`` are kept.
    public var usesDefaultIndexes = true
    /// Further indexes: an attribute and the kinds `pres`, `eq`, `sub`, as in `"employeeNumber eq,pres"`. A new one is built while the
    /// server runs.
    public var indexes: [Index] = []
    /// Names of identities that see values as they are stored, and nothing inherited: the mail system's own servers, which work out
    /// inheritance themselves and would write inherited values back.
    public var storedViewIdentities: [String] = []
    /// Whether accounts of a locked domain keep their status, so that active ones may log in. Otherwise they are locked.
    public var admitsActiveInLockedDomains = false
    /// Access rules in OpenLDAP's language (slapd.access(5)), `to … by …`, in order. None, and no ``accessFile``: Carbonio's production
    /// rules if the schema is Carbonio's, else simple ones.
    public var accessRules: [String] = []
    /// A file of access rules, as in slapd.conf or as `olcAccess` values of LDIF; stands in place of ``accessRules``.
    public var accessFile: String?
    /// Whether wrong passwords at binds lock accounts, where their classes of service say so.
    public var locksOut = true
    /// Whether changes must leave the mail system's entries in order, and take with them what belongs to them. Off where another server sees to
    /// both, as the mail system's own does for its changes; single values are checked all the same.
    public var keepsOrder = true
    /// Whether `zimbraACE` of entries, and being the account itself, give rights beside the access rules.
    public var grantsRights = true

    /// Seconds that what another directory said of an account's groups may be old when it logs in: then it is asked again.
    public var externalGroupAge = 300

    /// How new passwords are stored.
    public var passwords = PasswordHashing()
    /// A file of passwords that many people have, one on each line; nil: `common.passwords` of the folder of ``ldifDirectory``.
    public var commonPasswordFile: String?
    /// Whether a password that is stored otherwise is stored anew when its owner binds with it.
    public var rehashesPasswords = false
    /// Whether binds fail with a password that must be changed; otherwise the client may do nothing but change it.
    public var refusesExpiredPasswords = false
    /// Whom the names of SASL EXTERNAL stand for: each a regular expression and a name, separated by a space.
    public var identityMap: [String] = []
    /// Whether the system's root user is `cn=config`, on a local socket with SASL EXTERNAL.
    public var systemRootIsRoot = false

    /// Attributes whose values occur once in the whole tree.
    public var uniqueAttributes = ["mail", "zimbraId", "DKIMSelector"]
    /// Names of the identities that see as members of dynamic lists only those that take mail: mail transports.
    public var deliveryIdentities = ["uid=zmpostfix,cn=appaccts,cn=zimbra"]

    /// When an acknowledged change is on disk.
    public var durability = Durability.full
    /// How much goes to disk together, and how much may wait for it.
    public var writes = WriterLimits()
    /// Seconds and bytes that changes stay in the log; 0: no limit.
    public var changeLogAge = 7 * 86_400
    public var changeLogSize = 1 << 30
    /// Names of identities that may look into the change log, beside `cn=config` and administrators.
    public var changeLogReaders: [String] = []
    /// Seconds that deleted entries are kept, to be restored; 0: they are not.
    public var keepsDeleted = 30 * 86_400
    /// Address space reserved for the database, in bytes: the most the file can grow to. It uses no memory or disk by itself.
    public var mapSize = 1 << 40

    /// Whether the server brings the database into memory when it starts, if it takes less than half of what is available: look-ups in
    /// a large directory then cost a third less.
    public var warmsDatabase = true

    /// Most entries a search may return; 0: no limit. Clients may ask for fewer.
    public var searchSizeLimit = 0
    /// Longest time of a search in seconds; 0: no limit. Clients may ask for less.
    public var searchTimeLimit = 0

    /// Limits of searches for certain clients, in the words of slapd's `limits`, such as `users size.soft=500 size.hard=5000`.
    public var searchLimitRules: [String] = []
    /// LDAP URLs of servers to which clients are referred that ask for names of which nothing exists here (slapd's `referral`).
    public var referrals: [String] = []
    /// Most entries a search may look at, found or not; 0: no limit.
    public var searchCandidateLimit = 0
    /// What a search request may hold.
    public var decoding = DecodingLimits.default
    /// Wrong passwords from one IP address, and for one name, within a minute before a client is told to wait; 0: no limit.
    public var bindLimits = BindLimits()

    /// Whether each mail domain has an address list, a branch below it.
    public var hasAddressLists = true
    /// What that branch is called: one RDN, of `cn` or `ou`.
    public var addressListName = "cn=gal"
    /// Milliseconds that an external address list may take to answer.
    public var addressListTimeout = 5_000

    /// Limits of connections and requests.
    public var limits = ServerLimits()
    /// Threads; 0 means the number of processors, for event loops less one.
    public var threads = LDAPServer.Threads()

    /// Certificate and key for `ldaps` listeners and StartTLS; nil: neither.
    public var tls: TLSSettings?
    /// Whether passwords are taken only over TLS or a local socket.
    public var requiresConfidentiality = false

    /// The password of `cn=config`, in clear or hashed (`{SSHA512}…`); nil: nobody can bind as `cn=config`.
    public var rootPassword: String?
    /// The password that the administrator of a new directory gets; nil: one is made up, see ``MusterServer/initialPassword``.
    public var administratorPassword: String?

    /// What is logged.
    public var logLevel = LogLevel.none
    /// The file that log lines go to; nil: standard error.
    public var logFile: String?

    public init(dataDirectory: String) { self.dataDirectory = dataDirectory }

    /// The name of the identity that may do everything. It is no entry of the directory.
    public static let rootName = "cn=config"
    /// The administrator that a new directory has.
    public static let administratorName = "uid=zimbra,cn=admins,cn=zimbra"

    /// When an acknowledged change is on disk.
    public enum Durability: Sendable, Hashable {
        /// Before the client has its answer.
        case full
        /// At most so many milliseconds after the answer: a power cut may lose the changes of that time, and nothing else.
        case groupInterval(milliseconds: Int)
        /// When the operating system likes: for loading data that can be loaded again. A power cut may damage the database.
        case none
    }

    public enum LogLevel: String, Sendable, Hashable, CaseIterable {
        case none
        /// One line per connection and operation, in slapd's form.
        case stats
    }

    /// An attribute and how it is indexed.
    public struct Index: Sendable, Hashable {
        public var attribute: String
        public var presence: Bool
        public var equality: Bool
        public var substring: Bool

        public init(_ attribute: String, presence: Bool = false, equality: Bool = false, substring: Bool = false) {
            self.attribute = attribute
            self.presence = presence
            self.equality = equality
            self.substring = substring
        }
    }

    /// Carbonio's production list, and what its look-ups need beyond it: references, group membership, all attributes of the
    /// address list and autocompletion filters.
    public static let defaultIndexes: [Index] = [
        Index("objectClass", equality: true),
        Index("entryUUID", equality: true),
        Index("entryCSN", equality: true),
        Index("cn", presence: true, equality: true, substring: true),
        Index("uid", presence: true, equality: true),
        Index("sn", presence: true, equality: true, substring: true),
        Index("givenName", presence: true, equality: true, substring: true),
        Index("displayName", presence: true, equality: true, substring: true),
        Index("mail", presence: true, equality: true, substring: true),
        Index("member", equality: true),
        Index("memberURL", presence: true),
        Index("createTimestamp", equality: true),
        Index("modifyTimestamp", equality: true),
        Index("zimbraAliasTargetId", equality: true),
        Index("zimbraAllowFromAddress", equality: true),
        Index("zimbraGroupId", equality: true),
        Index("zimbraForeignName", equality: true),
        Index("DKIMIdentity", equality: true),
        Index("DKIMSelector", equality: true),
        Index("zimbraACE", substring: true),
        Index("zimbraAuthKerberos5Realm", equality: true),
        Index("zimbraCalResBuilding", equality: true, substring: true),
        Index("zimbraCalResCapacity", equality: true),
        Index("zimbraCalResFloor", equality: true, substring: true),
        Index("zimbraCalResRoom", equality: true, substring: true),
        Index("zimbraCalResSite", equality: true, substring: true),
        Index("zimbraCOSId", equality: true),
        Index("zimbraDomainAliasTargetID", equality: true),
        Index("zimbraDomainName", equality: true, substring: true),
        Index("zimbraForeignPrincipal", equality: true),
        Index("zimbraId", equality: true),
        Index("zimbraMailAlias", equality: true, substring: true),
        Index("zimbraMailCanonicalAddress", equality: true),
        Index("zimbraMailCatchAllAddress", equality: true, substring: true),
        Index("zimbraMailDeliveryAddress", equality: true, substring: true),
        Index("zimbraMailForwardingAddress", equality: true),
        Index("zimbraMailHost", equality: true),
        Index("zimbraMailTransport", equality: true),
        Index("zimbraMemberOf", equality: true),
        Index("zimbraOldMailAddress", equality: true, substring: true),
        Index("zimbraPhoneticFirstName", substring: true),
        Index("zimbraPhoneticLastName", substring: true),
        Index("zimbraSharedItem", equality: true, substring: true),
        Index("zimbraUCServiceId", equality: true),
        Index("zimbraVirtualHostname", equality: true),
        Index("zimbraVirtualIPAddress", equality: true),
        Index("zimbraYahooId", equality: true),
    ]

    /// The indexes to keep: the defaults, if they are wanted, and the further ones.
    public var allIndexes: [Index] { (usesDefaultIndexes ? Self.defaultIndexes : []) + indexes }
}
