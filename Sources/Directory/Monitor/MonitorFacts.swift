/// Somebody who knows what the directory itself does not: a server, of its connections.
public protocol MonitorSource: AnyObject, Sendable {
    /// What there is to tell now.
    /// - Parameter withConnections: whether single connections are wanted. Then the call waits for other threads, and must not be made on
    ///   an event loop.
    func monitorFacts(withConnections: Bool) -> MonitorFacts
}

/// What a server tells about itself.
public struct MonitorFacts: Sendable {
    /// One connection.
    public struct Connection: Sendable {
        public var id: UInt64
        public var peer: String
        public var listener: String
        /// The DN it is bound as; empty: anonymous.
        public var name: [UInt8]
        /// What `monitorConnectionMask` shows: `r` reading, `w` waiting to write, `x` executing, `s` secured by TLS.
        public var mask: String
        public var operationsReceived: UInt64
        public var operationsExecuting: Int
        /// Seconds since it began, and since something happened on it.
        public var age: Int
        public var idle: Int

        public init(
            id: UInt64, peer: String, listener: String, name: [UInt8], mask: String, operationsReceived: UInt64, operationsExecuting: Int,
            age: Int, idle: Int
        ) {
            self.id = id
            self.peer = peer
            self.listener = listener
            self.name = name
            self.mask = mask
            self.operationsReceived = operationsReceived
            self.operationsExecuting = operationsExecuting
            self.age = age
            self.idle = idle
        }
    }

    /// Something that has a bound.
    public struct Limit: Sendable {
        /// One RDN's value.
        public var name: String
        public var description: String
        /// The bound; 0: there is none.
        public var value: Int
        /// How often it was reached.
        public var hits: UInt64

        public init(_ name: String, _ description: String, value: Int, hits: UInt64) {
            self.name = name
            self.description = description
            self.value = value
            self.hits = hits
        }
    }

    /// A certificate that is shown to clients.
    public struct Certificate: Sendable {
        /// Where it comes from: a file, or the virtual host that it is for.
        public var place: String
        public var subject: String
        /// Seconds since 1970.
        public var validUntil: Int

        public init(place: String, subject: String, validUntil: Int) {
            self.place = place
            self.subject = subject
            self.validUntil = validUntil
        }
    }

    public var connections: [Connection] = []
    public var connectionsTotal: UInt64 = 0
    public var connectionsOpen = 0
    public var bytesSent: UInt64 = 0
    public var bytesReceived: UInt64 = 0
    /// URLs.
    public var listeners: [String] = []
    public var limits: [Limit] = []
    /// Threads of all kinds, and by kind.
    public var threads = 0
    public var threadKinds: [(name: String, count: Int)] = []
    /// Operations that run away from the event loops, and those that wait for a thread.
    public var operationsActive = 0
    public var operationsPending = 0
    /// Connections that wait until their clients take what was sent. Known only with connections.
    public var writeWaiters = 0
    public var handshakes: UInt64 = 0
    public var handshakesFailed: UInt64 = 0
    public var certificates: [Certificate] = []

    public init() {}
}
