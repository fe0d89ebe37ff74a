public import BER

/// End transaction (RFC 5805 section 2.3): all its updates are made, or none.
public struct EndTransaction: Sendable, Hashable {
    /// The name of the extended request.
    public static let oid = ExtendedOperationOID.endTransaction
    /// Whether the updates are to be made; else they are forgotten.
    public var commits: Bool
    /// What the start of the transaction answered.
    public var identifier: [UInt8]

    /// Asks for the end of a transaction.
    public init(commits: Bool = true, identifier: [UInt8]) {
        self.commits = commits
        self.identifier = identifier
    }

    /// - Throws: `protocolError`.
    public init(decoding request: ExtendedRequest) throws(LDAPError) {
        guard let value = request.value else { throw LDAPError(.protocolError, "end transaction request: value is missing") }
        var outer = MessageReader(value.rawSpan, "end transaction request")
        var reader = try outer.constructed()
        try outer.finish()
        commits = reader.nextTag == BERTag.boolean ? try reader.boolean() : true
        identifier = try reader.octets()
        try reader.finish()
    }

    /// The request as a client sends it.
    public var request: ExtendedRequest {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            if !commits { buffer.append(boolean: false) }
            buffer.append(BERTag.octetString, contents: identifier)
            buffer.end(sequence)
        }
        return ExtendedRequest(name: Self.oid, value: value)
    }

    /// What the answer says beside its result.
    public struct Response: Sendable, Hashable {
        /// The update that failed; nil if none is to blame.
        public var messageID: Int?
        /// Controls that updates would have answered with, by their message IDs.
        public var controls: [Update] = []

        /// The controls of one update.
        public struct Update: Sendable, Hashable {
            /// Of the request of the update.
            public var messageID: Int
            /// What its answer would have held.
            public var controls: [Control]

            /// Controls of an update.
            public init(messageID: Int, controls: [Control]) {
                self.messageID = messageID
                self.controls = controls
            }
        }

        /// An answer's value.
        public init(messageID: Int? = nil, controls: [Update] = []) {
            self.messageID = messageID
            self.controls = controls
        }

        /// As it is sent; nil: the answer has no value.
        public var value: [UInt8]? {
            if messageID == nil, controls.isEmpty { return nil }
            return BERBuffer.octets { buffer in
                let sequence = buffer.begin(BERTag.sequence)
                if let messageID { buffer.append(integer: messageID) }
                if !controls.isEmpty {
                    let list = buffer.begin(BERTag.sequence)
                    for update in controls {
                        let element = buffer.begin(BERTag.sequence)
                        buffer.append(integer: update.messageID)
                        buffer.append(controls: update.controls)
                        buffer.end(element)
                    }
                    buffer.end(list)
                }
                buffer.end(sequence)
            }
        }

        /// Reads the value of an answer.
        /// - Throws: `protocolError`.
        public init(decoding value: [UInt8]) throws(LDAPError) {
            var outer = MessageReader(value.rawSpan, "end transaction response")
            var reader = try outer.constructed()
            try outer.finish()
            if reader.nextTag == BERTag.integer { messageID = try reader.integer(in: 0...LDAPEnvelope.maximumMessageID) }
            if !reader.isAtEnd {
                var list = try reader.constructed()
                while !list.isAtEnd {
                    var element = try list.constructed()
                    let id = try element.integer(in: 0...LDAPEnvelope.maximumMessageID)
                    let place = try element.contents(BERTag.contextConstructed(0))
                    try element.finish()
                    controls.append(Update(messageID: id, controls: try Controls.decode(value.rawSpan, place)))
                }
            }
            try reader.finish()
        }
    }
}

extension BERBuffer {
    /// Appends the notice that a transaction was given up by the server (RFC 5805 section 2.4).
    public mutating func appendAbortedTransaction(identifier: [UInt8], code: ResultCode, message: String) {
        appendExtendedResult(
            messageID: 0, code: code, message: message, name: ExtendedOperationOID.abortedTransaction, value: identifier)
    }
}
