public import BER

/// RFC 4511 section 4.7.
public struct AddRequest: Sendable, Hashable {
    /// DN in string form.
    public var entry: [UInt8]
    /// In the order given; an attribute may come several times.
    public var attributes: [PartialAttribute]

    /// A request to add an entry with a name in string form.
    public init(entry: [UInt8], attributes: [PartialAttribute]) {
        self.entry = entry
        self.attributes = attributes
    }

    /// - Throws: `protocolError`, also for an attribute without values; `adminLimitExceeded` beyond the limits.
    public init(decoding pdu: RawSpan, _ contents: ByteRange, limits: DecodingLimits = .default) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "add request")
        entry = try reader.octets()
        attributes = try PartialAttribute.list(&reader, limits: limits, valuesRequired: true)
        try reader.finish()
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { buffer in
            let operation = buffer.begin(OperationTag.addRequest)
            buffer.append(BERTag.octetString, contents: entry)
            let list = buffer.begin(BERTag.sequence)
            for attribute in attributes { attribute.encode(into: &buffer) }
            buffer.end(list)
            buffer.end(operation)
        }
    }
}
