import BER

extension Filter {
    /// Decodes a filter that stands alone, as in the value of an assertion control. The bytes are kept.
    /// - Throws: `protocolError`; `adminLimitExceeded` beyond the limits.
    public init(decoding bytes: [UInt8], limits: DecodingLimits = .default) throws(LDAPError) {
        var nodes: [Node] = []
        try Self.decodeNodes(bytes.rawSpan, ByteRange(start: 0, count: bytes.count), into: &nodes, limits: limits)
        self.init(bytes: bytes, nodes: nodes)
    }

    /// Decodes the filter (RFC 4511 section 4.5.1.7) that fills a place of the bytes. Nodes refer to places of `bytes`.
    ///
    /// There is no recursion: while an and/or/not is open, its node keeps the place of its contents in `value` and the index of its
    /// parent in `end`.
    /// - Parameter nodes: what was in it is lost, its memory is kept.
    /// - Throws: `protocolError`; `adminLimitExceeded` beyond the limits.
    static func decodeNodes(
        _ bytes: RawSpan, _ range: ByteRange, into nodes: inout [Node], limits: DecodingLimits = .default
    ) throws(LDAPError) {
        nodes.removeAll(keepingCapacity: true)
        if nodes.capacity < 8 { nodes.reserveCapacity(8) }
        var parent = -1
        var depth = 0
        var reader = MessageReader(bytes, range, "filter")
        repeat {
            guard nodes.count < limits.filterNodes else { throw limits.filterTooLong }
            let (tag, contents) = try reader.element()
            if parent < 0 { try reader.finish() }
            switch tag {
            case 0xa0, 0xa1, 0xa2:
                depth += 1
                guard depth <= limits.filterDepth else { throw limits.filterTooDeep }
                var node = Node(kind: tag == 0xa0 ? .and : tag == 0xa1 ? .or : .not, end: Int32(parent))
                node.value = contents
                parent = nodes.count
                nodes.append(node)
                reader = MessageReader(bytes, contents, "filter")
            case 0xa3, 0xa5, 0xa6, 0xa8:
                var assertion = MessageReader(bytes, contents, "filter")
                var node = Node(
                    kind: tag == 0xa3 ? .equality : tag == 0xa5 ? .greaterOrEqual : tag == 0xa6 ? .lessOrEqual : .approximate,
                    end: Int32(nodes.count + 1))
                node.attribute = try assertion.contents()
                node.value = try assertion.contents()
                try assertion.finish()
                nodes.append(node)
            case 0xa4:
                try decodeSubstrings(bytes, contents, into: &nodes, limits: limits)
            case 0x87:
                var node = Node(kind: .present, end: Int32(nodes.count + 1))
                node.attribute = contents
                nodes.append(node)
            case 0xa9:
                nodes.append(try decodeExtensible(bytes, contents, index: nodes.count))
            default:
                // RFC 4511 section 4.5.1.7: the choice is extensible; an unknown filter evaluates to Undefined.
                guard tag & 0xc0 == 0x80 else { throw reader.failure("not a filter") }
                nodes.append(Node(kind: .undefined, end: Int32(nodes.count + 1)))
            }
            while parent >= 0, reader.isAtEnd {
                let closed = parent
                parent = Int(nodes[closed].end)
                if nodes[closed].kind == .not {
                    guard closed + 1 < nodes.count, Int(nodes[closed + 1].end) == nodes.count else {
                        throw reader.failure("not takes exactly one filter")
                    }
                }
                let resume = nodes[closed].value.upperBound
                nodes[closed].value = .empty
                nodes[closed].end = Int32(nodes.count)
                depth -= 1
                guard parent >= 0 else { break }
                let outer = nodes[parent].value
                reader = MessageReader(bytes, ByteRange(start: resume, count: outer.upperBound - resume), "filter")
            }
        } while parent >= 0
    }

    /// SubstringFilter: at least one part, `initial` only first, `final` only last.
    private static func decodeSubstrings(
        _ bytes: RawSpan, _ contents: ByteRange, into nodes: inout [Node], limits: DecodingLimits
    ) throws(LDAPError) {
        var reader = MessageReader(bytes, contents, "filter")
        let index = nodes.count
        var node = Node(kind: .substrings)
        node.attribute = try reader.contents()
        nodes.append(node)
        var parts = try reader.constructed()
        try reader.finish()
        guard !parts.isAtEnd else { throw reader.failure("substrings without parts") }
        while !parts.isAtEnd {
            guard nodes.count < limits.filterNodes else { throw limits.filterTooLong }
            let (tag, value) = try parts.element()
            var part: Node
            switch tag {
            case 0x80:
                guard nodes.count == index + 1 else { throw reader.failure("initial substring is not the first") }
                part = Node(kind: .initial)
            case 0x81:
                part = Node(kind: .any)
            case 0x82:
                guard parts.isAtEnd else { throw reader.failure("final substring is not the last") }
                part = Node(kind: .final)
            default:
                throw reader.failure("unknown kind of substring")
            }
            part.value = value
            part.end = Int32(nodes.count + 1)
            nodes.append(part)
        }
        nodes[index].end = Int32(nodes.count)
    }

    /// MatchingRuleAssertion: without a rule there must be a type.
    private static func decodeExtensible(_ bytes: RawSpan, _ contents: ByteRange, index: Int) throws(LDAPError) -> Node {
        var reader = MessageReader(bytes, contents, "filter")
        var node = Node(kind: .extensible, end: Int32(index + 1))
        let rule = try reader.contents(ifPresent: BERTag.context(1))
        let type = try reader.contents(ifPresent: BERTag.context(2))
        guard rule != nil || type != nil else { throw reader.failure("extensible match has neither rule nor attribute") }
        node.rule = rule ?? .empty
        node.attribute = type ?? .empty
        node.value = try reader.contents(BERTag.context(3))
        if reader.nextTag == BERTag.context(4) { node.dnAttributes = try reader.boolean(BERTag.context(4)) }
        // The sequence is extensible (RFC 4511 section 4): later fields are skipped.
        while !reader.isAtEnd { _ = try reader.element() }
        return node
    }
}
