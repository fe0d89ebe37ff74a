/// What an administrator sets of TLS.
public struct TLSSettings: Sendable, Hashable {
    /// File with the server's certificate and the chain up to its authority, in PEM.
    public var certificateFile: String
    /// File with the key of the certificate, in PEM, not encrypted.
    public var keyFile: String
    /// File with the authorities that client certificates must come from, in PEM.
    public var authorityFile: String?
    /// Whether clients are asked for certificates.
    public var clientCertificates = ClientCertificates.none
    /// Cipher suites of TLS 1.2 in OpenSSL's notation. Those of TLS 1.3 cannot be chosen: all are good.
    public var ciphers = TLSSettings.defaultCiphers

    /// Forward secrecy and authenticated encryption only (RFC 9325 section 4.2).
    public static let defaultCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

    /// Whether clients are asked for certificates. Those they show must be good in any case.
    public enum ClientCertificates: String, Sendable, Hashable, CaseIterable {
        case none, request, require
    }

    public init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}

/// Certificate, key or authorities cannot be used.
public struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// Knows the certificates of virtual hosts.
public protocol ServerCertificateSource: Sendable {
    /// The certificate for a host name in lower case; nil: the server's own. Asked once per handshake, on event loops: it must not wait.
    func certificate(serverName: String) -> ServerCertificate?
}

/// A certificate with its key, both in PEM.
public struct ServerCertificate: Sendable, Hashable {
    /// Whose it is: one owner has one certificate at a time.
    public var owner: UInt64
    /// The certificate itself first, then its chain.
    public var chain: [UInt8]
    public var key: [UInt8]

    public init(owner: UInt64, chain: [UInt8], key: [UInt8]) {
        self.owner = owner
        self.chain = chain
        self.key = key
    }
}
