/// Start transaction (RFC 5805 section 2.1).
public struct StartTransaction: Sendable, Hashable {
    /// The name of the extended request.
    public static let oid = ExtendedOperationOID.startTransaction

    /// The request, which has no value.
    public init() {}

    /// - Throws: `protocolError` if there is a value.
    public init(decoding request: ExtendedRequest) throws(LDAPError) {
        guard request.value == nil else { throw LDAPError(.protocolError, "start transaction request: value must be absent") }
    }

    /// The request as a client sends it; the answer's value is the identifier of the transaction.
    public var request: ExtendedRequest { ExtendedRequest(name: Self.oid) }
}
