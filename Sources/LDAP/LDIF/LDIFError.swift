/// Why LDIF cannot be read, or where reading or writing a file failed.
public struct LDIFError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1; 0 when no line is to blame.
    public var line: Int
    /// The name of the record, if it was read already; in string form.
    public var dn: String?
    /// What is wrong, in words.
    public var reason: String

    /// An error at a line counted from 1, in the record of a name if that is known.
    public init(line: Int, dn: String? = nil, reason: String) {
        self.line = line
        self.dn = dn
        self.reason = reason
    }

    /// `line 12: uid=jo,dc=example: reason`.
    public var description: String {
        var text = line > 0 ? "line \(line): " : ""
        if let dn { text += "\(dn): " }
        return text + reason
    }
}
