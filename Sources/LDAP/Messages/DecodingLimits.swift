/// How much one request may hold. Beyond a limit it is answered with an error; nothing was kept of it.
public struct DecodingLimits: Sendable {
    /// How deep and/or/not of a filter may nest.
    public var filterDepth: Int
    /// Nodes of a filter in all, substring parts included.
    public var filterNodes: Int
    /// Attributes that a search asks for, or that an entry or a change names.
    public var attributes: Int
    /// Values in one request.
    public var values: Int
    /// Controls of one request.
    public var controls: Int

    /// Limits that differ from the default where given.
    public init(
        filterDepth: Int = 100, filterNodes: Int = 4096, attributes: Int = 10_000, values: Int = 1_000_000, controls: Int = 64
    ) {
        self.filterDepth = filterDepth
        self.filterNodes = filterNodes
        self.attributes = attributes
        self.values = values
        self.controls = controls
    }

    /// How a filter is refused that nests deeper than ``filterDepth``.
    public var filterTooDeep: LDAPError { LDAPError(.adminLimitExceeded, "filter: nested deeper than \(filterDepth)") }
    /// How a filter is refused that has more terms than ``filterNodes``.
    public var filterTooLong: LDAPError { LDAPError(.adminLimitExceeded, "filter: more than \(filterNodes) terms") }

    /// What a server allows its clients.
    public static let `default` = DecodingLimits()
}
