import BER

extension Filter {
    /// Parses the string form (RFC 4515).
    ///
    /// As OpenLDAP does, it also accepts a single term without its parentheses, spaces between the filters of a list, and a backslash
    /// before `*`, `(`, `)` or `\` itself (LDAPv2).
    /// - Throws: `protocolError`; `adminLimitExceeded` beyond the limits.
    public init(parsing text: RawSpan, limits: DecodingLimits = .default) throws(LDAPError) {
        var parser = FilterParser(text, limits: limits)
        try parser.parse()
        self.init(bytes: parser.output, nodes: parser.nodes)
    }

    /// Parses the string form (RFC 4515).
    /// - Throws: `protocolError`; `adminLimitExceeded` beyond the limits.
    public init(_ string: String, limits: DecodingLimits = .default) throws(LDAPError) {
        let bytes = Array(string.utf8)
        try self.init(parsing: bytes.rawSpan, limits: limits)
    }
}

/// Walks over the string form of a filter without recursion: while an and/or/not is open its node keeps its parent's index in `end`.
private struct FilterParser: ~Escapable {
    let text: RawSpan
    let limits: DecodingLimits
    var position = 0
    /// Names and unescaped values.
    var output: [UInt8] = []
    var nodes: [Filter.Node] = []

    @_lifetime(copy text)
    init(_ text: RawSpan, limits: DecodingLimits) {
        self.text = text
        self.limits = limits
        output.reserveCapacity(text.byteCount)
    }

    var current: UInt8? { position < text.byteCount ? text[at: position] : nil }

    @inline(never)
    func failure(_ reason: StaticString) -> LDAPError {
        LDAPError(.protocolError, "filter: \(reason) at byte \(position)")
    }

    @_lifetime(self: copy self)
    mutating func skipSpaces() {
        while current == 0x20 { position += 1 }
    }

    @_lifetime(self: copy self)
    mutating func addNode(_ node: Filter.Node) throws(LDAPError) {
        guard nodes.count < limits.filterNodes else { throw limits.filterTooLong }
        nodes.append(node)
    }

    @_lifetime(self: copy self)
    mutating func parse() throws(LDAPError) {
        skipSpaces()
        guard current == 0x28 else {
            try item(end: text.byteCount)
            return
        }
        var parent = -1
        var depth = 0
        repeat {
            skipSpaces()
            switch current {
            case 0x28:
                position += 1
                skipSpaces()
                let kind: Filter.Kind
                switch current {
                case 0x26: kind = .and
                case 0x7c: kind = .or
                case 0x21: kind = .not
                default:
                    try item(end: endOfItem())
                    guard current == 0x29 else { throw failure("closing parenthesis is missing") }
                    position += 1
                    continue
                }
                position += 1
                depth += 1
                guard depth <= limits.filterDepth else { throw limits.filterTooDeep }
                try addNode(Filter.Node(kind: kind, end: Int32(parent)))
                parent = nodes.count - 1
            case 0x29:
                guard parent >= 0 else { throw failure("closing parenthesis without an opening one") }
                position += 1
                let closed = parent
                parent = Int(nodes[closed].end)
                if nodes[closed].kind == .not {
                    guard closed + 1 < nodes.count, Int(nodes[closed + 1].end) == nodes.count else {
                        throw failure("not takes exactly one filter")
                    }
                }
                nodes[closed].end = Int32(nodes.count)
                depth -= 1
            default:
                throw failure("expected a parenthesis")
            }
        } while parent >= 0
        skipSpaces()
        guard position == text.byteCount else { throw failure("text after the filter") }
    }

    /// Where the term that begins here ends: at the next unescaped parenthesis.
    func endOfItem() -> Int {
        var index = position
        while index < text.byteCount, text[at: index] != 0x28, text[at: index] != 0x29 {
            index += text[at: index] == 0x5c ? 2 : 1
        }
        return min(index, text.byteCount)
    }

    /// One term that ends before `end`.
    @_lifetime(self: copy self)
    mutating func item(end: Int) throws(LDAPError) {
        let start = position
        var equals = start
        while equals < end, text[at: equals] != 0x3d { equals += 1 }
        guard equals < end else { throw failure("no equals sign in a term") }
        let operation = equals > start ? text[at: equals - 1] : 0
        switch operation {
        case 0x7e, 0x3e, 0x3c:
            var node = Filter.Node(
                kind: operation == 0x7e ? .approximate : operation == 0x3e ? .greaterOrEqual : .lessOrEqual,
                end: Int32(nodes.count + 1))
            node.attribute = try attribute(start, equals - 1)
            node.value = try value(equals + 1, end)
            try addNode(node)
        case 0x3a:
            try extensible(start, equals, end)
        default:
            try equalityOrSubstrings(start, equals, end)
        }
        position = end
    }

    @_lifetime(self: copy self)
    mutating func equalityOrSubstrings(_ start: Int, _ equals: Int, _ end: Int) throws(LDAPError) {
        let name = try attribute(start, equals)
        if end == equals + 2, text[at: equals + 1] == 0x2a {
            var node = Filter.Node(kind: .present, end: Int32(nodes.count + 1))
            node.attribute = name
            return try addNode(node)
        }
        guard var star = nextStar(from: equals + 1, end) else {
            var node = Filter.Node(kind: .equality, end: Int32(nodes.count + 1))
            node.attribute = name
            node.value = try value(equals + 1, end)
            return try addNode(node)
        }
        let index = nodes.count
        var node = Filter.Node(kind: .substrings)
        node.attribute = name
        try addNode(node)
        var from = equals + 1
        if star > from { try part(.initial, from, star) }
        from = star + 1
        while let next = nextStar(from: from, end) {
            star = next
            if star > from { try part(.any, from, star) }
            from = star + 1
        }
        if from < end { try part(.final, from, end) }
        guard nodes.count > index + 1 else { throw failure("substrings without parts") }
        nodes[index].end = Int32(nodes.count)
    }

    @_lifetime(self: copy self)
    mutating func part(_ kind: Filter.Kind, _ from: Int, _ to: Int) throws(LDAPError) {
        var node = Filter.Node(kind: kind, end: Int32(nodes.count + 1))
        node.value = try value(from, to)
        try addNode(node)
    }

    /// The next `*` that is not escaped.
    func nextStar(from: Int, _ end: Int) -> Int? {
        var index = from
        while index < end {
            if text[at: index] == 0x2a { return index }
            index += text[at: index] == 0x5c ? 2 : 1
        }
        return nil
    }

    /// `attr [":dn"] [":" rule] ":=" value` or `[":dn"] ":" rule ":=" value`.
    @_lifetime(self: copy self)
    mutating func extensible(_ start: Int, _ equals: Int, _ end: Int) throws(LDAPError) {
        var node = Filter.Node(kind: .extensible, end: Int32(nodes.count + 1))
        var colon = start
        while text[at: colon] != 0x3a { colon += 1 }
        if colon > start { node.attribute = try attribute(start, colon) }
        // The last colon is the one before the equals sign.
        let last = equals - 1
        var sawRule = false
        while colon < last {
            let from = colon + 1
            colon = from
            while text[at: colon] != 0x3a { colon += 1 }
            let word = text.extracting(from..<colon)
            if !node.dnAttributes, !sawRule, word.equalsIgnoringCase("dn") {
                node.dnAttributes = true
            } else {
                guard !sawRule, AttributeDescription.isType(word) else { throw failure("not a matching rule") }
                sawRule = true
                node.rule = copy(from, colon)
            }
        }
        guard sawRule || !node.attribute.isEmpty else { throw failure("extensible match has neither rule nor attribute") }
        node.value = try value(equals + 1, end)
        try addNode(node)
    }

    @_lifetime(self: copy self)
    mutating func copy(_ from: Int, _ to: Int) -> ByteRange {
        let start = output.count
        output.append(text.extracting(from..<to))
        return ByteRange(start: start, count: to - from)
    }

    /// An attribute description; spaces around it do not count.
    @_lifetime(self: copy self)
    mutating func attribute(_ from: Int, _ to: Int) throws(LDAPError) -> ByteRange {
        var from = from
        var to = to
        while from < to, text[at: from] == 0x20 { from += 1 }
        while to > from, text[at: to - 1] == 0x20 { to -= 1 }
        guard AttributeDescription.isValid(text.extracting(from..<to)) else { throw failure("not an attribute description") }
        return copy(from, to)
    }

    /// A value with its escapes undone.
    @_lifetime(self: copy self)
    mutating func value(_ from: Int, _ to: Int) throws(LDAPError) -> ByteRange {
        let start = output.count
        var index = from
        while index < to {
            let byte = text[at: index]
            switch byte {
            case 0x5c:
                guard index + 1 < to else { throw failure("backslash at the end of a value") }
                let next = text[at: index + 1]
                if next == 0x2a || next == 0x28 || next == 0x29 || next == 0x5c {
                    output.append(next)
                    index += 2
                } else {
                    guard index + 2 < to, let high = next.hexDigitValue, let low = text[at: index + 2].hexDigitValue else {
                        throw failure("not a hexadecimal escape in a value")
                    }
                    output.append(high << 4 | low)
                    index += 3
                }
            case 0x00, 0x28, 0x29, 0x2a:
                throw failure("character that must be escaped in a value")
            default:
                output.append(byte)
                index += 1
            }
        }
        return ByteRange(start: start, count: output.count - start)
    }
}
