/// One LDAP connection as the directory sees it. Confined to its event loop; never shared.
public final class Session {
    /// Number of the connection in the log (`conn=`), unique in this process.
    public let connectionID: UInt64
    /// Where the client is, as the log shows it: `IP=127.0.0.1:4711` or `PATH=/run/muster.sock`.
    public let peer: String
    /// Whether the client is bound (a limit for its requests' size may depend on it).
    public internal(set) var isAuthenticated = false
    /// Searches under way on other threads: the server registers them, an abandon request cancels them.
    public var operations = RunningOperations()

    public init(connectionID: UInt64, peer: String) {
        self.connectionID = connectionID
        self.peer = peer
    }
}
