/// One LDAP connection as the directory sees it. Confined to its event loop; never shared.
public final class Session {
    // Unchecked: confined to one thread, and no access lasts longer than a load or a store.
    /// Number of the connection in the log (`conn=`), unique in this process.
    public let connectionID: UInt64
    /// Where the client is, as the log shows it: `IP=127.0.0.1:4711` or `PATH=/run/muster.sock`.
    public let peer: String
    /// Where the connection was accepted.
    public let listener: ListenerFacts
    /// Who the client is: anonymous until a bind succeeds, and again as soon as another bind begins (RFC 4511 section 4.2.1).
    @exclusivity(unchecked) public internal(set) var identity = Identity.anonymous {
        didSet {
            subject = nil
            allowance = nil
        }
    }
    /// How the connection is protected; set by the server when that is settled.
    @exclusivity(unchecked) public var protection = Protection.none {
        didSet {
            subject = nil
            stranger = nil
        }
    }
    /// The client as access rules see it, once asked for.
    @exclusivity(unchecked) private var subject: AccessSubject?
    /// The same client without a name: who it is until a bind succeeds.
    @exclusivity(unchecked) private var stranger: AccessSubject?
    /// What the client's searches may cost, once asked for.
    @exclusivity(unchecked) var allowance: SearchAllowance?
    /// How this identity sees entries unless it asks otherwise; set by the bind.
    @exclusivity(unchecked) var view = EntrySelection.View.all
    /// Whether the client may do nothing but change its password until it has; set by the bind.
    @exclusivity(unchecked) var mustChangePassword = false
    /// A SASL exchange that goes on with the next bind.
    @exclusivity(unchecked) var exchange: SCRAMExchange?
    /// The transaction that the client puts together.
    @exclusivity(unchecked) var transaction: OpenTransaction?
    /// Transactions so far: they name them.
    @exclusivity(unchecked) var transactionCount = 0
    /// Who is at the other end of a local socket, as the system says; set by the server.
    public var peerCredentials: PeerCredentials?
    /// Searches under way on other threads: the server registers them, an abandon request cancels them.
    public var operations = RunningOperations()
    /// Requests so far: `op=` in the log.
    @exclusivity(unchecked) var operationCount: UInt64 = 0

    /// How many requests there were.
    public var requestCount: UInt64 { operationCount }

    /// The DN that the client is bound as; empty: anonymous.
    public func authorizationName(_ directory: Directory) -> [UInt8] { directory.nameForRecords(identity) }

    /// Whether the client is bound (a limit for its requests' size may depend on it).
    public var isAuthenticated: Bool { !identity.isAnonymous }

    public init(connectionID: UInt64, peer: String, listener: ListenerFacts = ListenerFacts()) {
        self.connectionID = connectionID
        self.peer = peer
        self.listener = listener
    }

    /// What access rules may ask of the connection.
    var origin: AccessOrigin { AccessOrigin(peer: peer, listener: listener, protection) }

    /// What the client may do.
    func access(_ directory: Directory) -> AccessControl {
        if let subject { return AccessControl(subject, directory) }
        let made = identity.isAnonymous ? anonymousSubject(directory) : AccessSubject(identity, origin, directory)
        subject = made
        return AccessControl(made, directory)
    }

    /// The client as access rules see it while it has not bound. Made once per connection: each bind asks what it may do.
    func anonymousSubject(_ directory: Directory) -> AccessSubject {
        if let stranger { return stranger }
        let made = AccessSubject(.anonymous, origin, directory)
        stranger = made
        return made
    }
}

/// Where connections are accepted, as the log and access rules name it.
public struct ListenerFacts: Sendable, Hashable {
    /// `IP=0.0.0.0:389` or `PATH=/run/muster.sock`.
    public var name: String
    /// `ldap://192.0.2.1:389`, without a slash at its end.
    public var url: String
    /// Whether nobody but administrators may log in there.
    public var isForAdministrators: Bool

    public init(name: String = "", url: String = "", isForAdministrators: Bool = false) {
        self.name = name
        self.url = url
        self.isForAdministrators = isForAdministrators
    }
}

/// The process at the other end of a local socket.
public struct PeerCredentials: Sendable, Hashable {
    public var user: UInt32
    public var group: UInt32

    public init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }

    /// As slapd names it.
    var name: [UInt8] { Array("gidNumber=\(group)+uidNumber=\(user),cn=peercred,cn=external,cn=auth".utf8) }
}
