import BER

/// Pre-read (RFC 4527): the answer to a change carries the entry before it was changed, deleted or renamed.
public struct PreRead: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.preRead
    /// Attribute selectors, as in a search request.
    public var attributes: [[UInt8]]

    /// Asks for attributes, by selectors as in a search request.
    public init(attributes: [[UInt8]]) { self.attributes = attributes }

    /// - Throws: `protocolError`; `adminLimitExceeded` for too many attributes.
    public init(decoding control: Control, limits: DecodingLimits = .default) throws(LDAPError) {
        attributes = try AttributeSelection.decode(
            try control.requiredValue("pre-read control"), "pre-read control", limits: limits)
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control {
        Control(oid: Self.oid, isCritical: isCritical, value: AttributeSelection.encode(attributes))
    }

    /// The control of the response: it holds the entry.
    public static func response(_ entry: SearchResultEntry) -> Control {
        Control(oid: oid, value: BERBuffer.octets { entry.encodeOperation(into: &$0) })
    }

    /// Reads the control of a response.
    /// - Throws: `protocolError`.
    public static func entry(decoding control: Control) throws(LDAPError) -> SearchResultEntry {
        let value = try control.requiredValue("pre-read response control")
        var reader = MessageReader(value.rawSpan, "pre-read response control")
        let place = try reader.contents(OperationTag.searchResultEntry)
        try reader.finish()
        return try SearchResultEntry(decoding: value.rawSpan, place)
    }
}
