import BER

/// One access rule as written, and where.
public struct AccessRuleText: Sendable, Hashable {
    /// `to … by …`, with or without `access` or a number in braces before it.
    public let text: String
    /// For error messages: a file and line, or the name of a setting.
    public let place: String

    public init(_ text: String, place: String) {
        self.text = text
        self.place = place
    }

    /// The rules of a file: in the form of slapd.conf (`access to …`; a line that begins with a space goes on with the one before; `#`
    /// begins a comment line), or of LDIF (`olcAccess: {0}to …`).
    /// - Throws: for a line that is neither.
    public static func rules(inFile bytes: [UInt8], named file: String) throws(AccessRuleError) -> [AccessRuleText] {
        guard let whole = String(validating: bytes, as: UTF8.self) else {
            throw AccessRuleError(rule: file, reason: "the file is not UTF-8")
        }
        var rules: [AccessRuleText] = []
        var current: (text: String, line: Int, isLDIF: Bool)?
        func finish() {
            if let current { rules.append(AccessRuleText(current.text, place: "\(file):\(current.line)")) }
            current = nil
        }
        for (index, line) in whole.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line.hasPrefix("#") { continue }
            if line.allSatisfy({ $0 == " " || $0 == "\t" }) { continue }
            if line.hasPrefix(" ") || line.hasPrefix("\t") {
                guard let open = current else { throw AccessRuleError(rule: "\(file):\(index + 1)", reason: "goes on with no rule") }
                current?.text += open.isLDIF ? String(line.dropFirst()) : " " + line
                continue
            }
            finish()
            if line.lowercased().hasPrefix("olcaccess:") {
                let value = line.dropFirst("olcAccess:".count)
                guard !value.hasPrefix(":") else {
                    throw AccessRuleError(rule: "\(file):\(index + 1)", reason: "a value in base64 is not read here: write it as text")
                }
                current = (String(value), index + 1, true)
            } else {
                current = (String(line), index + 1, false)
            }
        }
        finish()
        return rules
    }

    /// The words: parted by spaces, which quotation marks keep together; a backslash makes the next character an ordinary one.
    func words() throws(AccessRuleError) -> [String] {
        var words: [String] = []
        var word = ""
        var isOpen = false
        var isQuoted = false
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                word.unicodeScalars.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
                isOpen = true
            } else if character == "\"" {
                isQuoted.toggle()
                isOpen = true
            } else if !isQuoted, character == " " || character == "\t" || character == "\n" || character == "\r" {
                if isOpen { words.append(word) }
                word = ""
                isOpen = false
            } else {
                word.unicodeScalars.append(character)
                isOpen = true
            }
        }
        guard !isQuoted, !isEscaped else {
            throw AccessRuleError(rule: place, reason: isQuoted ? "a quotation mark is missing" : "backslash at the end")
        }
        if isOpen { words.append(word) }
        return words
    }
}
