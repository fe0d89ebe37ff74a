public import LMDB

/// Why the store could not do what it was asked to.
public struct EntryStoreError: Error, Sendable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// The database or the disk refused.
        case storage
        /// There is no room for it: on the disk, or in the map. Smaller changes may succeed, and all when there is room again.
        case noSpace
        /// The database has to be opened anew, see ``EntryStore/whenBroken(_:)``.
        case broken
        /// Too much waits already.
        case busy
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

    @inline(never)
    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    @inline(never)
    public init(_ error: LMDBError) {
        reason = error.isInvalid ? .format : error.isNoSpace ? .noSpace : error.isBroken ? .broken : .storage
        message = error.isMapFull ? "the database has reached its limit (mapSize)" : error.description
    }

    public var description: String { message }
}

/// Runs database calls and gives their failures the store's type.
@inline(__always)
func storage<T: ~Copyable>(_ body: () throws(LMDBError) -> T) throws(EntryStoreError) -> T {
    do { return try body() } catch { throw EntryStoreError(error) }
}
