/// What clients may cost: limits of connections, requests and time. Each has a default that suits a mail system's directory.
///
/// Times are kept to about a second: connections are looked at once per ``sweepInterval``.
public struct ServerLimits: Sendable, Hashable {
    /// Connections open at once, over all listeners; further ones are closed as soon as they come. 0: no limit.
    public var maximumConnections = 65_536
    /// Connections open at once from one IP address; 0: no limit. Clients behind one proxy share an address, hence no default.
    public var maximumConnectionsPerAddress = 0
    /// New connections from one IP address within ten seconds; 0: no limit. Further ones are closed as soon as they come.
    public var maximumConnectionRate = 0
    /// Longest request in bytes before a successful bind (slapd's `sockbuf_max_incoming`).
    public var maximumAnonymousRequest = 256 << 10
    /// Longest request in bytes after a successful bind (slapd's `sockbuf_max_incoming_auth`).
    public var maximumRequest = 16 << 20
    /// Bytes of half-received requests that all connections together may hold. A connection that would need more is closed.
    public var maximumBufferedRequests = 256 << 20
    /// Searches and changes of one connection that run at once away from its event loop. With more, no further request of that
    /// connection is read until one ends.
    public var maximumOperationsPerConnection = 128
    /// Requests that wait for a thread because they need much processor time (password hashing), over all connections.
    /// A connection whose request does not fit is closed with the notice `busy`.
    public var maximumQueuedWork = 4096
    /// Answers in bytes that may wait for a client to read them before the work for it stops. The most that waits is this
    /// plus one ``searchChunk`` (or the answer of one request, if longer).
    public var writeBuffer = 256 << 10
    /// Bytes of answers that a long search makes before it lets go of its snapshot and its thread.
    public var searchChunk = 128 << 10
    /// A connection on which nothing happens for this long is closed; nil: never (slapd's `idletimeout`).
    public var idleTimeout: Duration?
    /// A client that takes no byte of the answers that wait for it is cut off after this time.
    public var slowReaderTimeout = Duration.seconds(60)
    /// A request must be complete this long after its first byte, with another second for each 64 KiB of it that have come.
    public var slowSenderTimeout = Duration.seconds(60)
    /// A TLS handshake must be complete after this time.
    public var handshakeTimeout = Duration.seconds(15)
    /// How long a connection that was ended by the server stays half open, so that the client can read why.
    public var lingerTimeout = Duration.seconds(2)
    /// How long ``LDAPServer/shutdown()`` waits for running operations.
    public var stopTimeout = Duration.seconds(10)
    /// How often connections are looked at for the timeouts.
    public var sweepInterval = Duration.seconds(1)

    public init() {}
}
