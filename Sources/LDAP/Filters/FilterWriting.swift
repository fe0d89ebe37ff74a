import BER

extension Filter: CustomStringConvertible {
    /// The string form (RFC 4515). A choice that we do not know reads `(?=undefined)`, as in slapd's log.
    public var description: String {
        var text: [UInt8] = []
        write(into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the string form in UTF-8, in one line: control characters and what is not UTF-8 are escaped.
    public func write(into text: inout [UInt8]) {
        // Ends of the open and/or/not.
        var open: [Int] = []
        let span = bytes.rawSpan
        var index = 0
        while index < nodes.count {
            let node = nodes[index]
            text.append(0x28)
            switch node.kind {
            case .and, .or, .not:
                text.append(node.kind == .and ? 0x26 : node.kind == .or ? 0x7c : 0x21)
                open.append(Int(node.end))
                index += 1
                close(&open, index, &text)
                continue
            case .equality, .greaterOrEqual, .lessOrEqual, .approximate:
                text.append(span.slice(node.attribute))
                switch node.kind {
                case .greaterOrEqual: text.append(0x3e)
                case .lessOrEqual: text.append(0x3c)
                case .approximate: text.append(0x7e)
                default: break
                }
                text.append(0x3d)
                Self.escape(span.slice(node.value), into: &text)
            case .present:
                text.append(span.slice(node.attribute))
                text.append(contentsOf: "=*".utf8)
            case .substrings:
                text.append(span.slice(node.attribute))
                text.append(0x3d)
                var last = Kind.initial
                index += 1
                while index < min(Int(node.end), nodes.count) {
                    last = nodes[index].kind
                    if last != .initial { text.append(0x2a) }
                    Self.escape(span.slice(nodes[index].value), into: &text)
                    index += 1
                }
                if last != .final { text.append(0x2a) }
                text.append(0x29)
                close(&open, index, &text)
                continue
            case .extensible:
                text.append(span.slice(node.attribute))
                if node.dnAttributes { text.append(contentsOf: ":dn".utf8) }
                if !node.rule.isEmpty {
                    text.append(0x3a)
                    text.append(span.slice(node.rule))
                }
                text.append(contentsOf: ":=".utf8)
                Self.escape(span.slice(node.value), into: &text)
            case .undefined, .initial, .any, .final:
                text.append(contentsOf: "?=undefined".utf8)
            }
            text.append(0x29)
            index += 1
            close(&open, index, &text)
        }
        for _ in open { text.append(0x29) }
    }

    private func close(_ open: inout [Int], _ index: Int, _ text: inout [UInt8]) {
        while let end = open.last, end <= index {
            text.append(0x29)
            open.removeLast()
        }
    }

    /// Appends a value as RFC 4515 section 3 escapes it.
    public static func escape(_ value: RawSpan, into text: inout [UInt8]) {
        let isText = value.isUTF8
        for index in 0..<value.byteCount {
            let byte = value[at: index]
            switch byte {
            case 0x00..<0x20, 0x28, 0x29, 0x2a, 0x5c, 0x7f,
                0x80... where !isText:
                text.append(0x5c)
                text.appendHex(byte, uppercase: false)
            default:
                text.append(byte)
            }
        }
    }
}

extension Filter: Equatable {
    /// Whether both have the same structure, names (as written) and values, wherever their bytes lie.
    public static func == (a: Filter, b: Filter) -> Bool {
        guard a.nodes.count == b.nodes.count else { return false }
        for (x, y) in zip(a.nodes, b.nodes) {
            guard x.kind == y.kind, x.end == y.end, x.dnAttributes == y.dnAttributes,
                a.bytes.rawSpan.slice(x.attribute).elementsEqual(b.bytes.rawSpan.slice(y.attribute)),
                a.bytes.rawSpan.slice(x.value).elementsEqual(b.bytes.rawSpan.slice(y.value)),
                a.bytes.rawSpan.slice(x.rule).elementsEqual(b.bytes.rawSpan.slice(y.rule))
            else { return false }
        }
        return true
    }
}
