/// StartTLS (RFC 4511 section 4.14): asks for TLS on a connection that began in clear.
public struct StartTLS: Sendable, Hashable {
    /// The name of the extended request, and of its response.
    public static let oid = ExtendedOperationOID.startTLS

    /// The request, which has no value.
    public init() {}

    /// - Throws: `protocolError` if the request has a value (RFC 4511 section 4.14.1).
    public init(decoding request: ExtendedRequest) throws(LDAPError) {
        guard request.value == nil else { throw LDAPError(.protocolError, "StartTLS: value must be absent") }
    }
}
