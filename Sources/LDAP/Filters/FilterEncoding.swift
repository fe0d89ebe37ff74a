public import BER

extension Filter {
    /// Appends the filter as a request carries it (RFC 4511 section 4.5.1.7).
    ///
    /// A node of kind `undefined` stands for a choice whose contents were not kept; it is written as the unknown choice [30].
    public func encode(into buffer: inout BERBuffer) {
        // Open and/or/not, innermost last: where their contents begin and which node comes after them.
        var open: [(mark: Int, end: Int)] = []
        let span = bytes.rawSpan
        var index = 0
        while index < nodes.count {
            let node = nodes[index]
            switch node.kind {
            case .and, .or, .not:
                let tag: UInt8 = node.kind == .and ? 0xa0 : node.kind == .or ? 0xa1 : 0xa2
                open.append((buffer.begin(tag), Int(node.end)))
            case .equality, .greaterOrEqual, .lessOrEqual, .approximate:
                let tag: UInt8 =
                    node.kind == .equality ? 0xa3 : node.kind == .greaterOrEqual ? 0xa5 : node.kind == .lessOrEqual ? 0xa6 : 0xa8
                let assertion = buffer.begin(tag)
                buffer.append(BERTag.octetString, contents: span.slice(node.attribute))
                buffer.append(BERTag.octetString, contents: span.slice(node.value))
                buffer.end(assertion)
            case .present:
                buffer.append(0x87, contents: span.slice(node.attribute))
            case .substrings:
                let substrings = buffer.begin(0xa4)
                buffer.append(BERTag.octetString, contents: span.slice(node.attribute))
                open.append((substrings, Int(node.end)))
                open.append((buffer.begin(BERTag.sequence), Int(node.end)))
            case .initial: buffer.append(0x80, contents: span.slice(node.value))
            case .any: buffer.append(0x81, contents: span.slice(node.value))
            case .final: buffer.append(0x82, contents: span.slice(node.value))
            case .extensible:
                let assertion = buffer.begin(0xa9)
                if !node.rule.isEmpty { buffer.append(BERTag.context(1), contents: span.slice(node.rule)) }
                if !node.attribute.isEmpty { buffer.append(BERTag.context(2), contents: span.slice(node.attribute)) }
                buffer.append(BERTag.context(3), contents: span.slice(node.value))
                if node.dnAttributes { buffer.append(BERTag.context(4), boolean: true) }
                buffer.end(assertion)
            case .undefined:
                buffer.append(BERTag.context(30), contents: [])
            }
            index += 1
            while let last = open.last, last.end <= index {
                buffer.end(last.mark)
                open.removeLast()
            }
        }
        while let last = open.popLast() { buffer.end(last.mark) }
    }
}
