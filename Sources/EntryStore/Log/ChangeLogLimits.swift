/// How much of the past the store keeps.
public struct ChangeLogLimits: Sendable, Hashable {
    /// Seconds that changes stay in the log; 0: no limit.
    public var maxAge = 7 * 86_400
    /// Bytes that the log may take in the file; 0: no limit. The oldest changes go first.
    public var maxSize = 1 << 30
    /// Seconds that deleted entries are kept; 0: they are not kept.
    public var keepDeleted = 30 * 86_400

    /// A week of changes within a gibibyte, and a month of deleted entries.
    public init() {}

    /// Records removed in one go, at most, beside as many as a commit has written: a commit is not to wait for old ones to go.
    static let step = 256
}
