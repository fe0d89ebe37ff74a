import BER

/// Reads the definitions of RFC 4512 section 4.1, with the leniency of OpenLDAP: keywords in any case, macros for OIDs,
/// OIDs in quotes, single names where the grammar wants a list.
///
/// Lists cannot be nested, so there is no recursion.
struct DefinitionParser {
    private enum Token: Equatable {
        case open, close, dollar
        case word(String)
        case quoted(String)
        case end
    }

    private let directive: SchemaDirective
    private let sourceName: String
    private var position = 0
    /// Where the token last read begins.
    private var tokenStart = 0
    /// First name or OID, as soon as it is known.
    private var definition = ""

    init(_ directive: SchemaDirective, source: String) {
        self.directive = directive
        sourceName = source
    }

    func failure(_ reason: String) -> SchemaError {
        SchemaError(source: sourceName, line: directive.line(at: tokenStart), definition: definition, reason: reason)
    }

    // MARK: Tokens

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }

    /// White space, parentheses, dollar and quote.
    private static func endsWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09...0x0d, 0x28, 0x29, 0x24, 0x27: true
        default: false
        }
    }

    private mutating func token() throws(SchemaError) -> Token {
        let body = directive.body
        while position < body.count, Self.isSpace(body[position]) { position += 1 }
        tokenStart = position
        guard position < body.count else { return .end }
        switch body[position] {
        case 0x28: position += 1; return .open
        case 0x29: position += 1; return .close
        case 0x24: position += 1; return .dollar
        case 0x27: return .quoted(try quoted())
        default: break
        }
        while position < body.count, !Self.endsWord(body[position]) { position += 1 }
        return .word(try string(body[tokenStart..<position]))
    }

    /// A quoted string: `\27` and `\5C` stand for quote and backslash (RFC 4512 section 4.1, qdstring).
    private mutating func quoted() throws(SchemaError) -> String {
        let body = directive.body
        position += 1
        let start = position
        while position < body.count, body[position] != 0x27, body[position] != 0x5c { position += 1 }
        if position < body.count, body[position] == 0x27 {
            position += 1
            return try string(body[start..<(position - 1)])
        }
        // There are escapes, or no end.
        var value = Array(body[start..<position])
        while position < body.count {
            let byte = body[position]
            if byte == 0x27 {
                position += 1
                return try string(value)
            }
            if byte == 0x5c, position + 2 < body.count {
                let escape = (body[position + 1], lowercase(body[position + 2]))
                if escape == (0x32, 0x37) || escape == (0x35, 0x63) {
                    value.append(escape.0 == 0x32 ? 0x27 : 0x5c)
                    position += 3
                    continue
                }
            }
            value.append(byte)
            position += 1
        }
        throw failure("quoted string without an end")
    }

    private func string(_ bytes: some Collection<UInt8>) throws(SchemaError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("text is not UTF-8") }
        return text
    }

    private static func shown(_ token: Token) -> String {
        switch token {
        case .open: "\"(\""
        case .close: "\")\""
        case .dollar: "\"$\""
        case .word(let word): "\"\(word)\""
        case .quoted(let text): "'\(text)'"
        case .end: "the end of the definition"
        }
    }

    // MARK: Parts

    mutating func begin() throws(SchemaError) -> String {
        var first = try token()
        // `{3}` of cn=config's ordered values.
        if case .word(let word) = first, word.hasPrefix("{"), word.hasSuffix("}") { first = try token() }
        guard first == .open else { throw failure("expected \"(\", found \(Self.shown(first))") }
        let oid = try token()
        switch oid {
        case .word(let text), .quoted(let text):
            definition = text
            return text
        default: throw failure("expected an OID, found \(Self.shown(oid))")
        }
    }

    mutating func finish() throws(SchemaError) {
        let next = try token()
        guard next == .end else { throw failure("expected nothing after the definition, found \(Self.shown(next))") }
    }

    /// An OID, name or macro.
    mutating func reference(_ keyword: String) throws(SchemaError) -> String {
        let next = try token()
        switch next {
        case .word(let text), .quoted(let text):
            guard !text.isEmpty, text.utf8.count <= NameTable.maximumLength else { break }
            return text
        default: break
        }
        throw failure("\(keyword) wants a name or an OID, found \(Self.shown(next))")
    }

    /// One of them, or several in parentheses with `$` between them.
    mutating func references(_ keyword: String) throws(SchemaError) -> [String] {
        let first = try token()
        switch first {
        case .word(let text), .quoted(let text): return [text]
        case .open: break
        default: throw failure("\(keyword) wants a name or a list, found \(Self.shown(first))")
        }
        var list: [String] = []
        while true {
            let next = try token()
            switch next {
            case .word(let text), .quoted(let text): list.append(text)
            case .dollar where !list.isEmpty: continue
            case .close where !list.isEmpty: return list
            default: throw failure("\(keyword) wants a list of names, found \(Self.shown(next))")
            }
        }
    }

    mutating func text(_ keyword: String) throws(SchemaError) -> String {
        let next = try token()
        guard case .quoted(let text) = next else { throw failure("\(keyword) wants a quoted string, found \(Self.shown(next))") }
        return text
    }

    /// One quoted string or several in parentheses.
    private mutating func texts(_ keyword: String) throws(SchemaError) -> [String] {
        let first = try token()
        switch first {
        case .quoted(let text): return [text]
        case .open: break
        default: throw failure("\(keyword) wants a quoted string or a list, found \(Self.shown(first))")
        }
        var list: [String] = []
        while true {
            let next = try token()
            switch next {
            case .quoted(let text): list.append(text)
            case .close: return list
            default: throw failure("\(keyword) wants a list of quoted strings, found \(Self.shown(next))")
            }
        }
    }

    /// Names (RFC 4512 section 1.4, descr): a letter, then letters, digits and hyphens.
    mutating func names() throws(SchemaError) -> [String] {
        let list = try texts("NAME")
        for name in list {
            guard let first = name.utf8.first, lowercase(first) &- 0x61 < 26, name.utf8.count <= NameTable.maximumLength,
                name.utf8.allSatisfy({ lowercase($0) &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == 0x2d })
            else { throw failure("\"\(name)\" is not a name: a letter, then letters, digits and hyphens") }
        }
        if let first = list.first { definition = first }
        return list
    }

    mutating func extensionField(_ keyword: String, _ fields: inout [DefinitionExtension]) throws(SchemaError) {
        guard !fields.contains(where: { $0.name == keyword }) else { throw failure("\(keyword) is given twice") }
        fields.append(DefinitionExtension(name: keyword, values: try texts(keyword)))
    }

    /// Runs over the keywords up to the closing parenthesis; each may come once.
    mutating func keyword(_ seen: inout [String]) throws(SchemaError) -> String? {
        let next = try token()
        switch next {
        case .close: return nil
        case .word(let word):
            let keyword = word.utf8.contains(where: { $0 &- 0x61 < 26 }) ? word.uppercased() : word
            guard !seen.contains(keyword) else { throw failure("\(keyword) is given twice") }
            seen.append(keyword)
            return keyword
        default: throw failure("expected a keyword or \")\", found \(Self.shown(next))")
        }
    }

    // MARK: Definitions

    /// AttributeTypeDescription, RFC 4512 section 4.1.2.
    mutating func attributeType() throws(SchemaError) -> AttributeTypeDefinition {
        var type = AttributeTypeDefinition()
        type.oid = try begin()
        var seen: [String] = []
        while let keyword = try keyword(&seen) {
            switch keyword {
            case "NAME": type.names = try names()
            case "DESC": type.description = try text(keyword)
            case "OBSOLETE": type.isObsolete = true
            case "SUP": type.superior = try reference(keyword)
            case "EQUALITY": type.equality = try reference(keyword)
            case "ORDERING": type.ordering = try reference(keyword)
            case "SUBSTR": type.substring = try reference(keyword)
            case "SYNTAX": (type.syntax, type.lengthBound) = try boundedSyntax()
            case "SINGLE-VALUE": type.isSingleValue = true
            case "COLLECTIVE": type.isCollective = true
            case "NO-USER-MODIFICATION": type.isUserModifiable = false
            case "USAGE":
                let usage = try reference(keyword)
                switch usage.lowercased() {
                case "userapplications": type.usage = .userApplications
                case "directoryoperation": type.usage = .directoryOperation
                case "distributedoperation": type.usage = .distributedOperation
                case "dsaoperation": type.usage = .dSAOperation
                default: throw failure("\"\(usage)\" is not a usage")
                }
            default:
                guard keyword.hasPrefix("X-") else { throw failure("\"\(keyword)\" is not a keyword of an attribute type") }
                try extensionField(keyword, &type.extensions)
            }
        }
        try finish()
        return type
    }

    /// noidlen: an OID with an optional bound in braces.
    private mutating func boundedSyntax() throws(SchemaError) -> (String, Int?) {
        let text = try reference("SYNTAX")
        guard let brace = text.utf8.firstIndex(of: 0x7b) else { return (text, nil) }
        guard text.hasSuffix("}"), let bound = Int(text[text.index(after: brace)...].dropLast()), bound >= 0, brace > text.startIndex
        else { throw failure("SYNTAX \"\(text)\": the bound must be a number in braces") }
        return (String(text[..<brace]), bound)
    }

    /// ObjectClassDescription, RFC 4512 section 4.1.1.
    mutating func objectClass() throws(SchemaError) -> ObjectClassDefinition {
        var type = ObjectClassDefinition()
        type.oid = try begin()
        var seen: [String] = []
        var kinds = 0
        while let keyword = try keyword(&seen) {
            switch keyword {
            case "NAME": type.names = try names()
            case "DESC": type.description = try text(keyword)
            case "OBSOLETE": type.isObsolete = true
            case "SUP": type.superiors = try references(keyword)
            case "ABSTRACT": type.kind = .abstract; kinds += 1
            case "STRUCTURAL": type.kind = .structural; kinds += 1
            case "AUXILIARY": type.kind = .auxiliary; kinds += 1
            case "MUST": type.must = try references(keyword)
            case "MAY": type.may = try references(keyword)
            default:
                guard keyword.hasPrefix("X-") else { throw failure("\"\(keyword)\" is not a keyword of an object class") }
                try extensionField(keyword, &type.extensions)
            }
        }
        guard kinds <= 1 else { throw failure("more than one of ABSTRACT, STRUCTURAL and AUXILIARY") }
        try finish()
        return type
    }

    /// SyntaxDescription, RFC 4512 section 4.1.5: the OID, and the syntax that OpenLDAP's `X-SUBST` puts in its place.
    mutating func syntax() throws(SchemaError) -> (oid: String, substitute: String?) {
        let oid = try begin()
        var seen: [String] = []
        var fields: [DefinitionExtension] = []
        while let keyword = try keyword(&seen) {
            if keyword == "DESC" {
                _ = try text(keyword)
            } else if keyword == "NAME" {
                // Not of the grammar, but OpenLDAP's own files have it.
                _ = try names()
            } else if keyword.hasPrefix("X-") {
                try extensionField(keyword, &fields)
            } else {
                throw failure("\"\(keyword)\" is not a keyword of a syntax")
            }
        }
        try finish()
        return (oid, fields.first { $0.name == "X-SUBST" }?.values.first)
    }

    /// OpenLDAP's `objectidentifier name oid`.
    mutating func objectIdentifier() throws(SchemaError) -> (name: String, oid: String) {
        var name = try reference("objectidentifier")
        if name.hasPrefix("{"), let end = name.firstIndex(of: "}") {
            name = String(name[name.index(after: end)...])
            if name.isEmpty { name = try reference("objectidentifier") }
        }
        definition = name
        let oid = try reference("objectidentifier")
        try finish()
        return (name, oid)
    }
}
