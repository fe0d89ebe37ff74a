public import BER

/// The fields of an LDAPResult (RFC 4511 section 4.1.9) as a client reads them, with those that bind and extended responses add.
public struct LDAPResult: Sendable, Hashable {
    /// How the operation ended.
    public var code: ResultCode
    /// The nearest superior that exists, in string form, where the code tells of a name; else empty.
    public var matchedDN: [UInt8]
    /// The diagnostic message for people; may be empty.
    public var message: String
    /// URLs of servers to ask instead, with the code `referral`.
    public var referrals: [String] = []
    /// Of a bind response.
    public var serverCredentials: [UInt8]?
    /// Of an extended response.
    public var name: String?
    /// Of an extended response.
    public var value: [UInt8]?

    /// - Throws: `protocolError`. The extensible tail (RFC 4511 section 4) may hold fields unknown to us: they are skipped.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "result")
        code = ResultCode(rawValue: try reader.integer(BERTag.enumerated, in: 0...Int(Int32.max)))
        matchedDN = try reader.octets()
        message = try reader.string()
        if reader.nextTag == BERTag.contextConstructed(3) {
            var list = try reader.constructed(BERTag.contextConstructed(3))
            while !list.isAtEnd { referrals.append(try list.string()) }
        }
        while let tag = reader.nextTag {
            switch tag {
            case BERTag.context(7): serverCredentials = try reader.octets(tag)
            case BERTag.context(10): name = try reader.string(tag)
            case BERTag.context(11): value = try reader.octets(tag)
            default: _ = try reader.element()
            }
        }
    }
}

/// A search result entry (RFC 4511 section 4.5.2) as a client reads it.
public struct SearchResultEntry: Sendable, Hashable {
    /// DN in string form.
    public var name: [UInt8]
    /// What was asked for, in the server's order; without values if types only were asked for.
    public var attributes: [PartialAttribute]

    /// An entry to be encoded.
    public init(name: [UInt8], attributes: [PartialAttribute]) {
        self.name = name
        self.attributes = attributes
    }

    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "search result entry")
        name = try reader.octets()
        attributes = try PartialAttribute.list(
            &reader, limits: DecodingLimits(attributes: .max, values: .max), valuesRequired: false)
        try reader.finish()
    }

    /// Appends the operation alone, tag included, without a message around it: what pre- and post-read controls carry.
    public func encodeOperation(into buffer: inout BERBuffer) {
        let operation = buffer.begin(OperationTag.searchResultEntry)
        buffer.append(BERTag.octetString, contents: name)
        let list = buffer.begin(BERTag.sequence)
        for attribute in attributes { attribute.encode(into: &buffer) }
        buffer.end(list)
        buffer.end(operation)
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { encodeOperation(into: &$0) }
    }

    /// The values of an attribute whose description is written like this, in any case.
    public subscript(_ description: String) -> [[UInt8]] {
        attributes.first { String(decoding: $0.description, as: UTF8.self).lowercased() == description.lowercased() }?.values ?? []
    }
}

/// A search result reference (RFC 4511 section 4.5.3) as a client reads it.
public struct SearchResultReference: Sendable, Hashable {
    /// Where to go on with the search; at least one.
    public var urls: [String] = []

    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "search result reference")
        repeat { urls.append(try reader.string()) } while !reader.isAtEnd
    }
}

/// An intermediate response (RFC 4511 section 4.13) as a client reads it.
public struct IntermediateResponse: Sendable, Hashable {
    /// The OID that says what it is; nil if not sent.
    public var name: String?
    /// What the OID defines; nil if not sent.
    public var value: [UInt8]?

    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "intermediate response")
        name = reader.nextTag == BERTag.context(0) ? try reader.string(BERTag.context(0)) : nil
        value = try reader.octets(ifPresent: BERTag.context(1))
        try reader.finish()
    }
}
