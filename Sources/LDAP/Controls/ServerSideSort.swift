import BER

/// Server-side sorting of search results (RFC 2891).
public struct ServerSideSort: Sendable, Hashable {
    /// The object identifier of the request control.
    public static let oid = ControlOID.serverSideSortRequest

    /// One criterion; earlier ones go first.
    public struct Key: Sendable, Hashable {
        /// An attribute description.
        public var attribute: [UInt8]
        /// Name or OID of an ordering rule; nil: the attribute type's own.
        public var rule: [UInt8]?
        /// Whether the greatest comes first.
        public var isReversed: Bool

        /// A criterion.
        public init(attribute: [UInt8], rule: [UInt8]? = nil, isReversed: Bool = false) {
            self.attribute = attribute
            self.rule = rule
            self.isReversed = isReversed
        }
    }

    /// At least one.
    public var keys: [Key]

    /// Sorts by some keys.
    public init(_ keys: [Key]) { self.keys = keys }

    /// More keys than this are refused.
    public static let keyLimit = 16

    /// - Throws: `protocolError`; `adminLimitExceeded` for too many keys.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("server-side sort control")
        var outer = MessageReader(value.rawSpan, "server-side sort control")
        var list = try outer.constructed()
        try outer.finish()
        keys = []
        while !list.isAtEnd {
            guard keys.count < Self.keyLimit else {
                throw LDAPError(.adminLimitExceeded, "server-side sort control: more than \(Self.keyLimit) keys")
            }
            var reader = try list.constructed()
            let attribute = try reader.octets()
            let rule = try reader.octets(ifPresent: BERTag.context(0))
            let isReversed = reader.nextTag == BERTag.context(1) ? try reader.boolean(BERTag.context(1)) : false
            try reader.finish()
            keys.append(Key(attribute: attribute, rule: rule, isReversed: isReversed))
        }
        guard !keys.isEmpty else { throw LDAPError(.protocolError, "server-side sort control: no sort key") }
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control {
        let value = BERBuffer.octets { buffer in
            let list = buffer.begin(BERTag.sequence)
            for key in keys {
                let sequence = buffer.begin(BERTag.sequence)
                buffer.append(BERTag.octetString, contents: key.attribute)
                if let rule = key.rule { buffer.append(BERTag.context(0), contents: rule) }
                if key.isReversed { buffer.append(BERTag.context(1), boolean: true) }
                buffer.end(sequence)
            }
            buffer.end(list)
        }
        return Control(oid: Self.oid, isCritical: isCritical, value: value)
    }
}

/// What became of the sorting (RFC 2891 section 1.2).
public struct SortResult: Sendable, Hashable {
    /// The object identifier of the response control.
    public static let oid = ControlOID.serverSideSortResponse
    /// Success, or why the result is not sorted.
    public var code: ResultCode
    /// The key that is to blame.
    public var attribute: [UInt8]?

    /// A result.
    public init(_ code: ResultCode, attribute: [UInt8]? = nil) {
        self.code = code
        self.attribute = attribute
    }

    /// - Throws: `protocolError`.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("sort result control")
        var outer = MessageReader(value.rawSpan, "sort result control")
        var reader = try outer.constructed()
        try outer.finish()
        code = ResultCode(rawValue: try reader.integer(BERTag.enumerated, in: 0...LDAPEnvelope.maximumMessageID))
        attribute = try reader.octets(ifPresent: BERTag.context(0))
        try reader.finish()
    }

    /// The control as it is sent.
    public func control() -> Control {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(BERTag.enumerated, integer: code.rawValue)
            if let attribute { buffer.append(BERTag.context(0), contents: attribute) }
            buffer.end(sequence)
        }
        return Control(oid: Self.oid, value: value)
    }
}
