/// Why schema definitions could not be loaded: which file, where, which definition, and what is wrong with it.
public struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Name of the ``SchemaSource``.
    public var source: String
    /// Counted from 1; 0 when the source could not be read at all.
    public var line: Int
    /// The definition's first name or OID; empty when it is not known.
    public var definition: String
    public var reason: String

    @inline(never)
    public init(source: String, line: Int, definition: String, reason: String) {
        self.source = source
        self.line = line
        self.definition = definition
        self.reason = reason
    }

    /// `file:line: definition: reason`.
    public var description: String {
        source + (line > 0 ? ":\(line)" : "") + ": " + (definition.isEmpty ? "" : definition + ": ") + reason
    }
}
