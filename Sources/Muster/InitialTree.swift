/// The LDIF text of a new directory's tree.
enum InitialTree {
    /// Adds a `userPassword` to the record of one entry.
    ///
    /// - Parameters:
    ///   - password: as it is stored; printable ASCII without leading space, `:` or `<`, as hashes are.
    ///   - name: the entry, written as in the file but for case.
    static func adding(password: [UInt8], of name: String, to text: [UInt8], file: String) throws(ConfigurationError) -> [UInt8] {
        let wanted = "dn: " + name.lowercased()
        var result: [UInt8] = []
        result.reserveCapacity(text.count + 256)
        var isAdded = false
        var rest = text[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x0a).map { $0 + 1 } ?? rest.endIndex
            let line = rest[..<end]
            rest = rest[end...]
            result.append(contentsOf: line)
            guard !isAdded, String(decoding: line, as: UTF8.self).lowercased().trimmedLineEnd() == wanted else { continue }
            result.append(contentsOf: Array("userPassword: ".utf8))
            result.append(contentsOf: password)
            result.append(0x0a)
            isAdded = true
        }
        guard isAdded else { throw ConfigurationError("\(file) holds no entry \(name)") }
        return result
    }
}

extension String {
    fileprivate func trimmedLineEnd() -> String {
        var text = self
        while let last = text.last, last == "\n" || last == "\r" || last == "\r\n" || last == " " { text.removeLast() }
        return text
    }
}
