public import BER

/// RFC 4511 section 4.9.
public struct ModifyDNRequest: Sendable, Hashable {
    /// DN in string form.
    public var entry: [UInt8]
    /// The new RDN in string form.
    public var newRDN: [UInt8]
    /// Whether the values of the old RDN go from the entry.
    public var deleteOldRDN: Bool
    /// The entry to move below; nil to stay where it is.
    public var newSuperior: [UInt8]?

    /// A request to rename an entry, and with a new superior to move it.
    public init(entry: [UInt8], newRDN: [UInt8], deleteOldRDN: Bool, newSuperior: [UInt8]? = nil) {
        self.entry = entry
        self.newRDN = newRDN
        self.deleteOldRDN = deleteOldRDN
        self.newSuperior = newSuperior
    }

    /// - Throws: `protocolError`.
    public init(decoding pdu: RawSpan, _ contents: ByteRange) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "modify DN request")
        entry = try reader.octets()
        newRDN = try reader.octets()
        deleteOldRDN = try reader.boolean()
        newSuperior = try reader.octets(ifPresent: BERTag.context(0))
        try reader.finish()
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { buffer in
            let operation = buffer.begin(OperationTag.modifyDNRequest)
            buffer.append(BERTag.octetString, contents: entry)
            buffer.append(BERTag.octetString, contents: newRDN)
            buffer.append(boolean: deleteOldRDN)
            if let newSuperior { buffer.append(BERTag.context(0), contents: newSuperior) }
            buffer.end(operation)
        }
    }
}
