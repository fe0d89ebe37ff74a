public import BER

/// RFC 4511 section 4.2.
public struct BindRequest: Sendable, Hashable {
    /// How a client proves who it is.
    public enum Authentication: Sendable, Hashable {
        case simple([UInt8])
        case sasl(mechanism: String, credentials: [UInt8]?)
        /// A choice that RFC 4511 does not define, by its tag octet: to be answered with `authMethodNotSupported`.
        case unknown(UInt8)
    }

    /// 1 to 127; only 3 is LDAP as we speak it.
    public var version: Int
    /// DN in string form; empty for anonymous.
    public var name: [UInt8]
    /// The proof.
    public var authentication: Authentication

    /// A bind with a name in string form.
    public init(version: Int = 3, name: [UInt8], authentication: Authentication) {
        self.version = version
        self.name = name
        self.authentication = authentication
    }

    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "bind request")
        version = try reader.integer(in: 1...127)
        name = try reader.octets()
        switch reader.nextTag {
        case BERTag.context(0):
            authentication = .simple(try reader.octets(BERTag.context(0)))
        case BERTag.contextConstructed(3):
            var sasl = try reader.constructed(BERTag.contextConstructed(3))
            let mechanism = try sasl.string()
            authentication = .sasl(mechanism: mechanism, credentials: try sasl.octets(ifPresent: BERTag.octetString))
            try sasl.finish()
        default:
            authentication = .unknown(try reader.element().tag)
        }
        try reader.finish()
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { buffer in
            let operation = buffer.begin(OperationTag.bindRequest)
            buffer.append(integer: version)
            buffer.append(BERTag.octetString, contents: name)
            switch authentication {
            case .simple(let password):
                buffer.append(BERTag.context(0), contents: password)
            case .sasl(let mechanism, let credentials):
                let sasl = buffer.begin(BERTag.contextConstructed(3))
                buffer.append(string: mechanism)
                if let credentials { buffer.append(BERTag.octetString, contents: credentials) }
                buffer.end(sasl)
            case .unknown(let tag):
                buffer.append(tag, contents: [])
            }
            buffer.end(operation)
        }
    }
}
