import BER

/// A window of a sorted search result (draft-ietf-ldapext-ldapv3-vlv-09): some entries before and after a target.
public struct VirtualListView: Sendable, Hashable {
    /// The object identifier of the request control.
    public static let oid = ControlOID.virtualListViewRequest

    /// Which entry the window is about.
    public enum Target: Sendable, Hashable {
        /// The entry at a place, from 1, in a list that the client believes to have so many entries (0: it does not know).
        case offset(Int, contentCount: Int)
        /// The first entry whose first sort key is not before a value.
        case value([UInt8])
    }

    /// Entries wanted before the target.
    public var before: Int
    /// Entries wanted after it.
    public var after: Int
    /// The entry in question.
    public var target: Target
    /// The server's own; from an earlier response.
    public var contextID: [UInt8]?

    /// A window.
    public init(before: Int, after: Int, target: Target, contextID: [UInt8]? = nil) {
        self.before = before
        self.after = after
        self.target = target
        self.contextID = contextID
    }

    /// - Throws: `protocolError`.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("virtual list view control")
        let numbers = 0...LDAPEnvelope.maximumMessageID
        var outer = MessageReader(value.rawSpan, "virtual list view control")
        var reader = try outer.constructed()
        try outer.finish()
        before = try reader.integer(in: numbers)
        after = try reader.integer(in: numbers)
        if reader.nextTag == BERTag.contextConstructed(0) {
            var place = try reader.constructed(BERTag.contextConstructed(0))
            let offset = try place.integer(in: numbers)
            target = .offset(offset, contentCount: try place.integer(in: numbers))
            try place.finish()
        } else {
            target = .value(try reader.octets(BERTag.context(1)))
        }
        contextID = try reader.octets(ifPresent: BERTag.octetString)
        try reader.finish()
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(integer: before)
            buffer.append(integer: after)
            switch target {
            case .offset(let offset, let contentCount):
                let place = buffer.begin(BERTag.contextConstructed(0))
                buffer.append(integer: offset)
                buffer.append(integer: contentCount)
                buffer.end(place)
            case .value(let value): buffer.append(BERTag.context(1), contents: value)
            }
            if let contextID { buffer.append(BERTag.octetString, contents: contextID) }
            buffer.end(sequence)
        }
        return Control(oid: Self.oid, isCritical: isCritical, value: value)
    }
}

/// Where the window lies, as the server tells it.
public struct VirtualListViewResult: Sendable, Hashable {
    /// The object identifier of the response control.
    public static let oid = ControlOID.virtualListViewResponse
    /// The place of the target, from 1; one more than there are entries if all come before the value asked for.
    public var position: Int
    /// How many entries the whole list has.
    public var contentCount: Int
    /// Success, or what was wrong.
    public var code: ResultCode

    /// A result.
    public init(position: Int, contentCount: Int, code: ResultCode = .success) {
        self.position = position
        self.contentCount = contentCount
        self.code = code
    }

    /// - Throws: `protocolError`.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("virtual list view result control")
        let numbers = 0...LDAPEnvelope.maximumMessageID
        var outer = MessageReader(value.rawSpan, "virtual list view result control")
        var reader = try outer.constructed()
        try outer.finish()
        position = try reader.integer(in: numbers)
        contentCount = try reader.integer(in: numbers)
        code = ResultCode(rawValue: try reader.integer(BERTag.enumerated, in: numbers))
        _ = try reader.octets(ifPresent: BERTag.octetString)
        try reader.finish()
    }

    /// The control as it is sent.
    public func control() -> Control {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(integer: position)
            buffer.append(integer: contentCount)
            buffer.append(BERTag.enumerated, integer: code.rawValue)
            buffer.end(sequence)
        }
        return Control(oid: Self.oid, value: value)
    }
}
