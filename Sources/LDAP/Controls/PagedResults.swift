import BER

/// Simple paged results (RFC 2696): request and response have the same form.
public struct PagedResults: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.pagedResults
    /// In a request the size of the page asked for; in a response an estimate of the whole, 0 for none.
    public var size: Int
    /// The server's own; empty in the first request and in the last response.
    public var cookie: [UInt8]

    /// A request for a page, or with the cookie of an answer for the next one.
    public init(size: Int, cookie: [UInt8] = []) {
        self.size = size
        self.cookie = cookie
    }

    /// - Throws: `protocolError`.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("paged results control")
        var outer = MessageReader(value.rawSpan, "paged results control")
        var reader = try outer.constructed()
        try outer.finish()
        size = try reader.integer(in: 0...LDAPEnvelope.maximumMessageID)
        cookie = try reader.octets()
        try reader.finish()
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(integer: size)
            buffer.append(BERTag.octetString, contents: cookie)
            buffer.end(sequence)
        }
        return Control(oid: Self.oid, isCritical: isCritical, value: value)
    }
}
