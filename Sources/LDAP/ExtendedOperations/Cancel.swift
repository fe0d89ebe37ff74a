import BER

/// Cancel (RFC 3909): like an abandon, but both operations are answered.
public struct Cancel: Sendable, Hashable {
    /// The name of the extended request.
    public static let oid = ExtendedOperationOID.cancel
    /// Message ID of the operation to cancel.
    public var messageID: Int

    /// Asks for the end of the operation with a message ID.
    public init(messageID: Int) { self.messageID = messageID }

    /// - Throws: `protocolError`.
    public init(decoding request: ExtendedRequest) throws(LDAPError) {
        guard let value = request.value else { throw LDAPError(.protocolError, "cancel request: value is missing") }
        var outer = MessageReader(value.rawSpan, "cancel request")
        var reader = try outer.constructed()
        try outer.finish()
        messageID = try reader.integer(in: 0...LDAPEnvelope.maximumMessageID)
        try reader.finish()
    }

    /// The request as a client sends it.
    public var request: ExtendedRequest {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(integer: messageID)
            buffer.end(sequence)
        }
        return ExtendedRequest(name: Self.oid, value: value)
    }
}
