public import BER

/// The frame of every message (RFC 4511 section 4.1.1): its number, which operation it holds and where, and where its controls are.
public struct LDAPEnvelope: Sendable, Hashable {
    /// 0 to 2^31 - 1. 0 is the server's own (unsolicited notifications).
    public var messageID: Int
    /// Tag octet of the operation, such as 0x63 for a search.
    public var operation: UInt8
    /// Contents of the operation; of a primitive one, its value.
    public var contents: ByteRange
    /// Contents of the sequence of controls, if there is one.
    public var controls: ByteRange?

    /// The highest message ID (RFC 4511 section 4.1.1, maxInt).
    public static let maximumMessageID = 0x7fff_ffff

    /// Reads the frame of a whole PDU.
    ///
    /// LDAPMessage is not extensible: after the operation only `controls [0]` may stand, and nothing after the message.
    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan) throws(LDAPError) {
        var outer = MessageReader(pdu, "LDAPMessage")
        var reader = try outer.constructed()
        try outer.finish()
        messageID = try reader.integer(in: 0...Self.maximumMessageID)
        (operation, contents) = try reader.element()
        controls = try reader.contents(ifPresent: BERTag.contextConstructed(0))
        try reader.finish()
    }

    /// The whole length in bytes of the PDU that begins here; nil when more bytes are needed to tell.
    ///
    /// - Throws: `protocolError` as soon as the first byte is not that of an LDAPMessage, or its length is not decodable or the
    ///   whole would be longer than `limit` bytes.
    @inlinable
    public static func frameLength(_ bytes: RawSpan, limit: Int) throws(LDAPError) -> Int? {
        let count = bytes.byteCount
        guard count > 0 else { return nil }
        guard bytes[at: 0] == BERTag.sequence else { throw notAMessage() }
        guard count > 1 else { return nil }
        let first = bytes[at: 1]
        if first < 0x80 {
            guard Int(first) + 2 <= limit else { throw tooLong(limit) }
            return Int(first) + 2
        }
        let octets = Int(first & 0x7f)
        guard octets != 0 else { throw badLength(.indefiniteLength) }
        guard octets <= 8 else { throw badLength(.lengthTooLarge) }
        var length = 0
        var index = 2
        while index < min(2 + octets, count) {
            length = length << 8 | Int(bytes[at: index])
            // The octets still to come can only make it longer.
            let atLeast = (octets + 1 - index) * 8
            guard length <= (limit - 2 - octets) >> atLeast, length <= Int(UInt32.max) >> atLeast else { throw tooLong(limit) }
            index += 1
        }
        guard index == 2 + octets else { return nil }
        return index + length
    }

    @usableFromInline static func notAMessage() -> LDAPError { LDAPError(.protocolError, "not an LDAP message") }
    /// What is said of a message longer than a limit.
    public static func tooLong(_ limit: Int) -> LDAPError {
        LDAPError(.protocolError, "message is longer than the limit of \(limit) bytes")
    }
    @usableFromInline static func badLength(_ error: BERError) -> LDAPError { LDAPError(.protocolError, "LDAPMessage: \(error)") }
}

/// Tag octets of the operations (RFC 4511 section 4.2 and following).
public enum OperationTag {
    /// RFC 4511 section 4.2.
    public static let bindRequest: UInt8 = 0x60
    /// RFC 4511 section 4.2.2.
    public static let bindResponse: UInt8 = 0x61
    /// RFC 4511 section 4.3; has no answer.
    public static let unbindRequest: UInt8 = 0x42
    /// RFC 4511 section 4.5.1.
    public static let searchRequest: UInt8 = 0x63
    /// RFC 4511 section 4.5.2.
    public static let searchResultEntry: UInt8 = 0x64
    /// RFC 4511 section 4.5.2: the end of a search.
    public static let searchResultDone: UInt8 = 0x65
    /// RFC 4511 section 4.5.3.
    public static let searchResultReference: UInt8 = 0x73
    /// RFC 4511 section 4.6.
    public static let modifyRequest: UInt8 = 0x66
    /// RFC 4511 section 4.6.
    public static let modifyResponse: UInt8 = 0x67
    /// RFC 4511 section 4.7.
    public static let addRequest: UInt8 = 0x68
    /// RFC 4511 section 4.7.
    public static let addResponse: UInt8 = 0x69
    /// RFC 4511 section 4.8; primitive, its contents are the name.
    public static let deleteRequest: UInt8 = 0x4a
    /// RFC 4511 section 4.8.
    public static let deleteResponse: UInt8 = 0x6b
    /// RFC 4511 section 4.9.
    public static let modifyDNRequest: UInt8 = 0x6c
    /// RFC 4511 section 4.9.
    public static let modifyDNResponse: UInt8 = 0x6d
    /// RFC 4511 section 4.10.
    public static let compareRequest: UInt8 = 0x6e
    /// RFC 4511 section 4.10.
    public static let compareResponse: UInt8 = 0x6f
    /// RFC 4511 section 4.11; primitive, its contents are the message ID; has no answer.
    public static let abandonRequest: UInt8 = 0x50
    /// RFC 4511 section 4.12.
    public static let extendedRequest: UInt8 = 0x77
    /// RFC 4511 section 4.12, and notices of the server (section 4.4).
    public static let extendedResponse: UInt8 = 0x78
    /// RFC 4511 section 4.13.
    public static let intermediateResponse: UInt8 = 0x79

    /// The tag of the answer that ends an operation; nil for operations without answer and unknown ones.
    public static func response(to request: UInt8) -> UInt8? {
        switch request {
        case bindRequest: bindResponse
        case searchRequest: searchResultDone
        case modifyRequest: modifyResponse
        case addRequest: addResponse
        case deleteRequest: deleteResponse
        case modifyDNRequest: modifyDNResponse
        case compareRequest: compareResponse
        case extendedRequest: extendedResponse
        default: nil
        }
    }
}

extension BERBuffer {
    /// Writes an LDAPMessage around an operation that `body` writes.
    mutating func appendMessage(_ messageID: Int, controls: [Control], _ body: (inout BERBuffer) -> Void) {
        let message = begin(BERTag.sequence)
        append(integer: messageID)
        body(&self)
        append(controls: controls)
        end(message)
    }
}
