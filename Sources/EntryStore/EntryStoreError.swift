public import LMDB

/// Why the store could not do what it was asked to.
public struct EntryStoreError: Error, Sendable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// The database or the disk refused.
        case storage
        /// The file is of another format, or damaged.
        case format
        /// Another process has the directory open.
        case inUse
        /// More attribute descriptions than the store can number.
        case tooManyAttributes
        /// Input of an import is not acceptable.
        case input
    }

    public let reason: Reason
    public let message: String
    /// The full map is to blame: it can be grown and the work done again.
    public let isMapFull: Bool

    @inline(never)
    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
        isMapFull = false
    }

    @inline(never)
    public init(_ error: LMDBError) {
        reason = error.isInvalid ? .format : .storage
        message = error.description
        isMapFull = error.isMapFull
    }

    public var description: String { message }
}

/// Runs database calls and gives their failures the store's type.
@inline(__always)
func storage<T: ~Copyable>(_ body: () throws(LMDBError) -> T) throws(EntryStoreError) -> T {
    do { return try body() } catch { throw EntryStoreError(error) }
}
