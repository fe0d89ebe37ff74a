import BER

/// Dereference (draft-masarati-ldap-deref): with each entry, attributes of the entries that its values name.
public struct Dereference: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.dereference

    /// An attribute whose values are names, and what is wanted of the entries named.
    public struct Specification: Sendable, Hashable {
        public var attribute: [UInt8]
        /// Attribute selectors; at least one.
        public var wanted: [[UInt8]]

        public init(attribute: [UInt8], wanted: [[UInt8]]) {
            self.attribute = attribute
            self.wanted = wanted
        }
    }

    /// What to follow.
    public var specifications: [Specification]

    /// Follows some attributes.
    public init(_ specifications: [Specification]) { self.specifications = specifications }

    /// More attributes to follow than this are refused.
    public static let limit = 16

    /// - Throws: `protocolError`; `adminLimitExceeded` beyond the limits.
    public init(decoding control: Control, limits: DecodingLimits = .default) throws(LDAPError) {
        let value = try control.requiredValue("dereference control")
        var outer = MessageReader(value.rawSpan, "dereference control")
        var list = try outer.constructed()
        try outer.finish()
        specifications = []
        while !list.isAtEnd {
            guard specifications.count < Self.limit else {
                throw LDAPError(.adminLimitExceeded, "dereference control: more than \(Self.limit) attributes")
            }
            var reader = try list.constructed()
            let attribute = try reader.octets()
            var selectors = try reader.constructed()
            try reader.finish()
            var wanted: [[UInt8]] = []
            while !selectors.isAtEnd {
                guard wanted.count < limits.attributes else {
                    throw LDAPError(.adminLimitExceeded, "dereference control: more than \(limits.attributes) attributes asked for")
                }
                wanted.append(try selectors.octets())
            }
            guard !wanted.isEmpty else { throw LDAPError(.protocolError, "dereference control: no attributes are asked for") }
            specifications.append(Specification(attribute: attribute, wanted: wanted))
        }
        guard !specifications.isEmpty else { throw LDAPError(.protocolError, "dereference control: nothing to follow") }
    }

    /// What was found behind one value; of the response control, which an entry has.
    public struct Result: Sendable, Hashable {
        public var attribute: [UInt8]
        /// The name, as it is stored.
        public var name: [UInt8]
        /// Finished PartialAttributes; empty if there are none to be told.
        public var attributes: [UInt8]

        public init(attribute: [UInt8], name: [UInt8], attributes: [UInt8]) {
            self.attribute = attribute
            self.name = name
            self.attributes = attributes
        }
    }

    /// The response control.
    public static func control(_ results: [Result]) -> Control {
        let value = BERBuffer.octets { buffer in
            let list = buffer.begin(BERTag.sequence)
            for result in results {
                let sequence = buffer.begin(BERTag.sequence)
                buffer.append(BERTag.octetString, contents: result.attribute)
                buffer.append(BERTag.octetString, contents: result.name)
                if !result.attributes.isEmpty { buffer.append(BERTag.contextConstructed(0), contents: result.attributes) }
                buffer.end(sequence)
            }
            buffer.end(list)
        }
        return Control(oid: oid, value: value)
    }
}
