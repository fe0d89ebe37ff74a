public import BER

/// The sizes of a search result entry (RFC 4511 section 4.5.2) whose parts are finished bytes: its headers are written exactly, in one pass.
///
///     let layout = SearchEntryLayout(messageID: id, name: dn.count, attributes: total)
///     layout.begin(into: &output)       // then exactly `name` bytes: the DN
///     layout.beginAttributes(into: &output) // then exactly `attributes` bytes: finished PartialAttributes
///                                       // then exactly `controls` bytes: a finished controls [0] element
public struct SearchEntryLayout: Sendable {
    @usableFromInline let messageID: Int
    @usableFromInline let name: Int
    @usableFromInline let attributes: Int
    @usableFromInline let operation: Int
    @usableFromInline let message: Int

    /// - Parameters:
    ///   - name: bytes of the DN's string form.
    ///   - attributes: bytes of all PartialAttribute elements together, headers included.
    ///   - controls: bytes of the whole controls element, header included; 0 for none.
    @inlinable
    public init(messageID: Int, name: Int, attributes: Int, controls: Int = 0) {
        self.messageID = messageID
        self.name = name
        self.attributes = attributes
        operation = BERBuffer.elementSize(name) + BERBuffer.elementSize(attributes)
        message = 2 + BERBuffer.integerOctets(messageID) + BERBuffer.elementSize(operation) + controls
    }

    /// Bytes of the whole message.
    @inlinable public var size: Int { BERBuffer.elementSize(message) }

    /// Writes everything before the DN.
    /// - Parameter reserving: whether to make room for the whole message.
    @inlinable
    public func begin(into buffer: inout BERBuffer, reserving: Bool = true) {
        if reserving { buffer.reserve(size) }
        buffer.appendHeader(BERTag.sequence, length: message)
        buffer.append(integer: messageID)
        buffer.appendHeader(OperationTag.searchResultEntry, length: operation)
        buffer.appendHeader(BERTag.octetString, length: name)
    }

    /// Writes what stands between the DN and the first attribute.
    @inlinable
    public func beginAttributes(into buffer: inout BERBuffer) {
        buffer.appendHeader(BERTag.sequence, length: attributes)
    }
}
