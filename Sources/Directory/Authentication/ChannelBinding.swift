/// What ties a SASL exchange to the TLS connection that carries it (RFC 5056): somebody between client and server has another.
enum ChannelBinding {
    /// The data that a client must prove it sees; nil for a type that is not available.
    /// - Parameters:
    ///   - type: as the client names it. OpenLDAP's library, as client and as slapd, names every type `ldap` and writes the real one in
    ///     front of the data.
    ///   - endPoint: the hash of the certificate that the server has shown (RFC 5929 section 4).
    static func data(_ type: [UInt8], endPoint: [UInt8]?) -> [UInt8]? {
        guard let endPoint else { return nil }
        if type == Self.endPoint { return endPoint }
        if type == Self.openLDAP { return Self.endPoint + [UInt8(ascii: ":")] + endPoint }
        return nil
    }

    private static let endPoint = Array("tls-server-end-point".utf8)
    private static let openLDAP = Array("ldap".utf8)
}
