public import BER

/// How far below the base a search goes (RFC 4511 section 4.5.1.2).
public enum SearchScope: UInt8, Sendable, Hashable {
    case baseObject = 0
    case singleLevel = 1
    case wholeSubtree = 2
    /// The subtree without its base (draft-sermersheim-ldap-subordinate-scope, as OpenLDAP has it).
    case subordinateSubtree = 3
}

/// When alias entries are followed (RFC 4511 section 4.5.1.3).
public enum DereferencePolicy: UInt8, Sendable, Hashable {
    case never = 0
    case inSearching = 1
    case findingBase = 2
    case always = 3
}

/// RFC 4511 section 4.5.1. Owns one copy of its PDU; everything else are places in it.
public struct SearchRequest: Sendable {
    /// The whole PDU.
    public var bytes: [UInt8]
    /// DN in string form.
    public var baseObject: ByteRange
    /// How far below the base to look.
    public var scope: SearchScope
    /// Where aliases are followed.
    public var dereference: DereferencePolicy
    /// Entries; 0: no limit asked for.
    public var sizeLimit: Int
    /// Seconds; 0: no limit asked for.
    public var timeLimit: Int
    /// Whether attributes are wanted without their values.
    public var typesOnly: Bool
    /// What entries must satisfy: nodes of a filter, with places in ``bytes``.
    public var filterNodes: [Filter.Node]
    /// Attribute selectors (RFC 4511 section 4.5.1.8) in the order given.
    public var attributes: [ByteRange]

    /// A request for nothing, to be filled by ``decode(_:_:limits:)``.
    public init() {
        bytes = []
        baseObject = .empty
        scope = .baseObject
        dereference = .never
        sizeLimit = 0
        timeLimit = 0
        typesOnly = false
        filterNodes = []
        attributes = []
    }

    /// - Throws: `protocolError`; `adminLimitExceeded` for a filter or a selection beyond the limits.
    public init(decoding pdu: RawSpan, _ contents: ByteRange, limits: DecodingLimits = .default) throws(LDAPError) {
        self.init()
        try decode(pdu, contents, limits: limits)
    }

    /// What entries must satisfy, with a copy of the request's bytes.
    public var filter: Filter { Filter(bytes: bytes, nodes: filterNodes) }

    /// Takes another request in its own place, keeping the memory of the last one.
    /// - Throws: `protocolError`; `adminLimitExceeded` for a filter or a selection beyond the limits. Then it is no request at all.
    public mutating func decode(_ pdu: RawSpan, _ contents: ByteRange, limits: DecodingLimits = .default) throws(LDAPError) {
        var reader = MessageReader(pdu, contents, "search request")
        baseObject = try reader.contents()
        guard let scope = SearchScope(rawValue: UInt8(try reader.integer(BERTag.enumerated, in: 0...127))) else {
            throw reader.failure("unknown scope")
        }
        self.scope = scope
        guard let dereference = DereferencePolicy(rawValue: UInt8(try reader.integer(BERTag.enumerated, in: 0...127))) else {
            throw reader.failure("unknown alias dereferencing policy")
        }
        self.dereference = dereference
        sizeLimit = try reader.integer(in: 0...LDAPEnvelope.maximumMessageID)
        timeLimit = try reader.integer(in: 0...LDAPEnvelope.maximumMessageID)
        typesOnly = try reader.boolean()
        let filterStart = reader.reader.position
        _ = try reader.element()
        let filterPlace = ByteRange(start: filterStart, count: reader.reader.position - filterStart)
        var selection = try reader.constructed()
        try reader.finish()
        attributes.removeAll(keepingCapacity: true)
        if !selection.isAtEnd, attributes.capacity < 8 { attributes.reserveCapacity(8) }
        while !selection.isAtEnd {
            guard attributes.count < limits.attributes else {
                throw LDAPError(.adminLimitExceeded, "search request: more than \(limits.attributes) attributes asked for")
            }
            attributes.append(try selection.contents())
        }
        try Filter.decodeNodes(pdu, filterPlace, into: &filterNodes, limits: limits)
        bytes.removeAll(keepingCapacity: true)
        bytes.append(pdu)
    }

    /// The request as a client makes it.
    public init(
        base: [UInt8], scope: SearchScope = .wholeSubtree, dereference: DereferencePolicy = .never, sizeLimit: Int = 0,
        timeLimit: Int = 0, typesOnly: Bool = false, filter: Filter, attributes: [String] = []
    ) {
        var bytes = filter.bytes
        baseObject = ByteRange(start: bytes.count, count: base.count)
        bytes.append(contentsOf: base)
        self.attributes = []
        for attribute in attributes {
            let start = bytes.count
            bytes.append(contentsOf: attribute.utf8)
            self.attributes.append(ByteRange(start: start, count: bytes.count - start))
        }
        self.scope = scope
        self.dereference = dereference
        self.sizeLimit = sizeLimit
        self.timeLimit = timeLimit
        self.typesOnly = typesOnly
        self.bytes = bytes
        filterNodes = filter.nodes
    }

    /// Appends the whole message.
    public func encode(messageID: Int, controls: [Control] = [], into buffer: inout BERBuffer) {
        buffer.appendMessage(messageID, controls: controls) { buffer in
            let operation = buffer.begin(OperationTag.searchRequest)
            buffer.append(BERTag.octetString, contents: bytes.rawSpan.slice(baseObject))
            buffer.append(BERTag.enumerated, integer: Int(scope.rawValue))
            buffer.append(BERTag.enumerated, integer: Int(dereference.rawValue))
            buffer.append(integer: sizeLimit)
            buffer.append(integer: timeLimit)
            buffer.append(boolean: typesOnly)
            filter.encode(into: &buffer)
            let selection = buffer.begin(BERTag.sequence)
            for attribute in attributes { buffer.append(BERTag.octetString, contents: bytes.rawSpan.slice(attribute)) }
            buffer.end(selection)
            buffer.end(operation)
        }
    }
}
