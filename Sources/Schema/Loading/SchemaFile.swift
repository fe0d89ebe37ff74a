import BER

/// One definition of a schema file, unfolded, with what is needed to name lines in errors.
struct SchemaDirective {
    enum Kind {
        case attributeType, objectClass, objectIdentifier, syntax
        case contentRule, nameForm, structureRule
    }

    var kind: Kind
    /// What follows the keyword: for definitions, from the opening parenthesis on.
    var body: [UInt8] = []
    /// Where physical lines begin in `body`: offset and line number, ascending. The first is offset 0.
    var lines: [(offset: Int, number: Int)] = []

    func line(at offset: Int) -> Int {
        lines.last { $0.offset <= offset }?.number ?? 0
    }
}

/// Cuts a schema file into its directives, whichever of the two syntaxes it is written in.
///
/// - OpenLDAP's: `attributetype ( … )`, continued on lines that begin with white space.
/// - LDIF: `attributeTypes: ( … )`, `olcAttributeTypes: {3}( … )`, folded as RFC 2849 says. Other attributes are passed over.
///
/// Lines that begin with `#` are comments, also in the middle of a definition.
struct SchemaFile: ~Copyable {
    private let source: SchemaSource
    private var position = 0
    private var lineNumber = 0
    /// The physical line last read: a range of the text without its end of line.
    private var pending: Range<Int>?

    init(_ source: SchemaSource) {
        self.source = source
        // A byte order mark is not text.
        if source.text.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    /// The next directive, nil at the end of the file.
    mutating func next() throws(SchemaError) -> SchemaDirective? {
        while let line = nextLine() {
            guard let first = line.first else { continue }
            let text = source.text
            // White space at the beginning continues something that was passed over.
            if text[first] == 0x20 || text[first] == 0x09 { continue }
            if text[first] == 0x2d && line.count == 1 { continue }  // `-` between changes of an LDIF record
            if let directive = try directive(line) { return directive }
        }
        return nil
    }

    /// The next physical line that is not a comment.
    private mutating func nextLine() -> Range<Int>? {
        if let line = pending {
            pending = nil
            return line
        }
        let text = source.text
        while position < text.count {
            let start = position
            while position < text.count, text[position] != 0x0a { position += 1 }
            var end = position
            position = min(position + 1, text.count)
            lineNumber += 1
            if end > start, text[end - 1] == 0x0d { end -= 1 }
            if end > start, text[start] == 0x23 { continue }
            return start..<end
        }
        return nil
    }

    private mutating func directive(_ line: Range<Int>) throws(SchemaError) -> SchemaDirective? {
        let text = source.text
        let number = lineNumber
        var index = line.lowerBound
        while index < line.upperBound, lowercase(text[index]) &- 0x61 < 26 { index += 1 }
        let keyword = String(decoding: text[line.lowerBound..<index].map(lowercase), as: UTF8.self)
        let isLDIF = text[index..<line.upperBound].contains(0x3a) && (index < line.upperBound && text[index] == 0x3a || !Self.isKeyword(keyword))
        let kind: SchemaDirective.Kind
        if isLDIF {
            switch keyword {
            case "attributetypes", "olcattributetypes": kind = .attributeType
            case "objectclasses", "olcobjectclasses": kind = .objectClass
            case "olcobjectidentifier": kind = .objectIdentifier
            case "ldapsyntaxes", "olcldapsyntaxes": kind = .syntax
            case "ditcontentrules", "olcditcontentrules": kind = .contentRule
            case "nameforms": kind = .nameForm
            case "ditstructurerules": kind = .structureRule
            default: return nil
            }
            guard index < line.upperBound, text[index] == 0x3a else { return nil }
            index += 1
            if index < line.upperBound, text[index] == 0x3a || text[index] == 0x3c {
                throw SchemaError(
                    source: source.name, line: number, definition: "",
                    reason: "a definition must be written out, not in base64 or as a URL")
            }
        } else {
            switch keyword {
            case "attributetype", "attributetypes", "attribute": kind = .attributeType
            case "objectclass", "objectclasses": kind = .objectClass
            case "objectidentifier": kind = .objectIdentifier
            case "ldapsyntax", "ldapsyntaxes": kind = .syntax
            case "ditcontentrule", "ditcontentrules": kind = .contentRule
            case "nameform", "nameforms": kind = .nameForm
            case "ditstructurerule", "ditstructurerules": kind = .structureRule
            default:
                let shown = String(decoding: text[line.lowerBound..<min(line.upperBound, line.lowerBound + 40)], as: UTF8.self)
                throw SchemaError(
                    source: source.name, line: number, definition: "",
                    reason: "expected attributetype, objectclass, objectidentifier, ldapsyntax, ditcontentrule, nameform or ditstructurerule, found \"\(shown)\"")
            }
        }
        var directive = SchemaDirective(kind: kind)
        directive.lines.append((0, number))
        directive.body.append(contentsOf: text[index..<line.upperBound])
        while let next = nextLine() {
            guard let first = next.first, text[first] == 0x20 || text[first] == 0x09 else {
                pending = next
                break
            }
            // LDIF drops the line's end and one space; OpenLDAP's syntax turns the line's end into white space.
            directive.lines.append((directive.body.count, lineNumber))
            directive.body.append(contentsOf: text[(isLDIF ? first + 1 : first)..<next.upperBound])
        }
        return directive
    }

    private static func isKeyword(_ word: String) -> Bool {
        switch word {
        case "attributetype", "attributetypes", "attribute", "objectclass", "objectclasses", "objectidentifier",
            "ldapsyntax", "ldapsyntaxes", "ditcontentrule", "ditcontentrules", "nameform", "nameforms", "ditstructurerule",
            "ditstructurerules":
            true
        default: false
        }
    }
}
