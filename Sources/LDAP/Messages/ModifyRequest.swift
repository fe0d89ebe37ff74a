public import BER

/// RFC 4511 section 4.6, with the increment of RFC 4525.
public struct ModifyRequest: Sendable, Hashable {
    /// What is done with the values of an attribute; `increment` is RFC 4525.
    public enum Operation: UInt8, Sendable, Hashable {
        case add = 0
        case delete = 1
        case replace = 2
        /// RFC 4525.
        case increment = 3
    }

    /// One modification.
    public struct Change: Sendable, Hashable {
        /// What is done.
        public var operation: Operation
        /// The attribute and the values it is done with; none with `delete` and `replace`: all of the attribute's.
        public var attribute: PartialAttribute

        /// A modification.
        public init(_ operation: Operation, _ attribute: PartialAttribute) {
            self.operation = operation
            self.attribute = attribute
        }
    }

    /// DN in string form.
    public var object: [UInt8]
    /// To be carried out in this order, all or none.
    public var changes: [Change]

    /// A request to change an entry with a name in string form; changes are done in order, all or none.
    public init(object: [UInt8], changes: [Change]) {
        self.object = object
        self.changes = changes
    }

    /// - Throws: `protocolError`, also for an `add` without values or an unknown kind of change; `adminLimitExceeded` beyond the limits.
    public init(decoding pdu: RawSpan, _ contents: ByteRange, limits: DecodingLimits = .default) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "modify request")
        object = try reader.octets()
        var list = try reader.constructed()
        try reader.finish()
        changes = []
        var remaining = limits.values
        while !list.isAtEnd {
            guard changes.count < limits.attributes else {
                throw LDAPError(.adminLimitExceeded, "more than \(limits.attributes) changes in one request")
            }
            var change = try list.constructed()
            guard let operation = Operation(rawValue: UInt8(try change.integer(BERTag.enumerated, in: 0...127))) else {
                throw reader.failure("unknown kind of change")
            }
            let attribute = try PartialAttribute(&change, remaining: &remaining)
            try change.finish()
            if operation == .add, attribute.values.isEmpty { throw reader.failure("add of no values") }
            if operation == .increment, attribute.values.count != 1 { throw reader.failure("increment takes exactly one value") }
            changes.append(Change(operation, attribute))
        }
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { buffer in
            let operation = buffer.begin(OperationTag.modifyRequest)
            buffer.append(BERTag.octetString, contents: object)
            let list = buffer.begin(BERTag.sequence)
            for change in changes {
                let sequence = buffer.begin(BERTag.sequence)
                buffer.append(BERTag.enumerated, integer: Int(change.operation.rawValue))
                change.attribute.encode(into: &buffer)
                buffer.end(sequence)
            }
            buffer.end(list)
            buffer.end(operation)
        }
    }
}
