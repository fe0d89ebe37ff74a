import LDAP

/// How the bytes between a client and the server are protected. The server tells the session; access rules, password policies and the
/// SASL mechanism EXTERNAL ask.
public enum Protection: Sendable, Hashable {
    /// In clear over a network.
    case none
    /// A Unix domain socket: the bytes do not leave the machine.
    case local
    /// TLS (RFC 4513 section 3).
    case tls(TLSFacts)

    /// Security strength factor, about the length of the key in bits, as in slapd: 0 in clear, 71 for local sockets.
    public var strength: Int {
        switch self {
        case .none: 0
        case .local: 71
        case .tls(let facts): facts.strength
        }
    }

    /// Whether passwords may travel.
    public var isConfidential: Bool { self != .none }

    /// What was agreed on, if this is TLS.
    public var tls: TLSFacts? { if case .tls(let facts) = self { facts } else { nil } }
}

/// What client and server agreed on in a TLS handshake.
public struct TLSFacts: Sendable, Hashable {
    /// `TLSv1.2` or `TLSv1.3`.
    public var version: String
    /// The cipher suite by its IANA name; empty if it is not known.
    public var cipher: String
    /// Length of the cipher's key in bits.
    public var strength: Int
    /// The host name that the client asked for (RFC 6066 section 3), in lower case; nil if it named none.
    public var serverName: String?
    /// The subject of the client's certificate in string form (RFC 4514), verified; nil if the client showed none.
    public var clientSubject: [UInt8]?
    /// The hash of the certificate that the server has shown, as channel binding `tls-server-end-point` wants it (RFC 5929 section 4);
    /// nil if there is none for this kind of certificate.
    public var endPoint: [UInt8]?

    public init(
        version: String, cipher: String, strength: Int, serverName: String? = nil, clientSubject: [UInt8]? = nil,
        endPoint: [UInt8]? = nil
    ) {
        self.version = version
        self.cipher = cipher
        self.strength = strength
        self.serverName = serverName
        self.clientSubject = clientSubject
        self.endPoint = endPoint
    }
}

extension Session {
    /// To be asked before a password is taken.
    /// - Throws: `confidentialityRequired` (RFC 4511 section 4.1.9) if the settings demand protection and there is none.
    func demandConfidentiality(_ settings: DirectorySettings) throws(LDAPError) {
        if settings.requiresConfidentiality, !protection.isConfidential {
            throw LDAPError(.confidentialityRequired, "TLS is required before a password is sent")
        }
    }
}
