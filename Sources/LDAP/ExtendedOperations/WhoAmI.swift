/// Who am I (RFC 4532): asks for the authorization identity of the session.
public struct WhoAmI: Sendable, Hashable {
    /// The name of the extended request.
    public static let oid = ExtendedOperationOID.whoAmI

    /// The request, which has no value.
    public init() {}

    /// - Throws: `protocolError` if the request has a value (RFC 4532 section 2.1).
    public init(decoding request: ExtendedRequest) throws(LDAPError) {
        guard request.value == nil else { throw LDAPError(.protocolError, "Who am I: value must be absent") }
    }

    /// The response's value for a bound name (RFC 4513 section 5.2.1.8): `dn:` and the name; empty for anonymous.
    public static func responseValue(authorizedDN dn: [UInt8]) -> [UInt8] {
        dn.isEmpty ? [] : Array("dn:".utf8) + dn
    }
}
