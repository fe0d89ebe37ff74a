public import BER

/// RFC 4511 section 4.3: the client closes the session. There is no answer.
public struct UnbindRequest: Sendable, Hashable {
    /// The request, which has no contents.
    public init() {}

    /// The value is NULL; what stands in it is not looked at, since the session ends either way.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {}

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { $0.append(OperationTag.unbindRequest, contents: []) }
    }
}

/// RFC 4511 section 4.8.
public struct DeleteRequest: Sendable, Hashable {
    /// DN in string form.
    public var entry: [UInt8]

    /// A request to delete an entry with a name in string form.
    public init(entry: [UInt8]) { self.entry = entry }

    /// Any bytes decode: the name is parsed later.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        entry = pdu.slice(contents).array
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { $0.append(OperationTag.deleteRequest, contents: entry) }
    }
}

/// RFC 4511 section 4.11: the client no longer wants the answer to one of its requests. There is no answer to this either.
public struct AbandonRequest: Sendable, Hashable {
    /// The request to give up.
    public var messageID: Int

    /// Asks for the end of the operation with a message ID.
    public init(messageID: Int) { self.messageID = messageID }

    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        let value: Int
        do { value = try BERReader.integer(pdu, contents) } catch {
            throw LDAPError(.protocolError, "abandon request: \(error)")
        }
        guard (0...LDAPEnvelope.maximumMessageID).contains(value) else {
            throw LDAPError(.protocolError, "abandon request: message ID out of range")
        }
        messageID = value
    }

    /// Appends the whole message; `messageID` is this request's own number.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) {
            $0.append(OperationTag.abandonRequest, integer: self.messageID)
        }
    }
}

/// RFC 4511 section 4.10.
public struct CompareRequest: Sendable, Hashable {
    /// DN in string form.
    public var entry: [UInt8]
    /// Attribute description to compare.
    public var description: [UInt8]
    /// The value that the attribute is asserted to have.
    public var assertionValue: [UInt8]

    /// A request to compare an attribute of an entry with a value.
    public init(entry: [UInt8], description: [UInt8], assertionValue: [UInt8]) {
        self.entry = entry
        self.description = description
        self.assertionValue = assertionValue
    }

    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "compare request")
        entry = try reader.octets()
        var assertion = try reader.constructed()
        try reader.finish()
        description = try assertion.octets()
        assertionValue = try assertion.octets()
        try assertion.finish()
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { buffer in
            let operation = buffer.begin(OperationTag.compareRequest)
            buffer.append(BERTag.octetString, contents: entry)
            let assertion = buffer.begin(BERTag.sequence)
            buffer.append(BERTag.octetString, contents: description)
            buffer.append(BERTag.octetString, contents: assertionValue)
            buffer.end(assertion)
            buffer.end(operation)
        }
    }
}

/// RFC 4511 section 4.12.
public struct ExtendedRequest: Sendable, Hashable {
    /// Object identifier of the operation.
    public var name: String
    /// What the OID defines; nil if not sent.
    public var value: [UInt8]?

    /// An extended request.
    public init(name: String, value: [UInt8]? = nil) {
        self.name = name
        self.value = value
    }

    /// - Throws: `protocolError`, also for a name that is no object identifier.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "extended request")
        name = try reader.objectIdentifier(BERTag.context(0))
        value = try reader.octets(ifPresent: BERTag.context(1))
        try reader.finish()
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { buffer in
            let operation = buffer.begin(OperationTag.extendedRequest)
            buffer.append(BERTag.context(0), string: name)
            if let value { buffer.append(BERTag.context(1), contents: value) }
            buffer.end(operation)
        }
    }
}
