/// The number of an entry: given once, in ascending order, never used again. 0 is the root, which is not an entry.
public struct EntryID: Hashable, Comparable, Sendable, RawRepresentable {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let root = EntryID(rawValue: 0)

    @inlinable public static func < (a: EntryID, b: EntryID) -> Bool { a.rawValue < b.rawValue }

    /// Which block of an id set the id falls into.
    var block: UInt32 { UInt32(truncatingIfNeeded: rawValue >> UInt64(BlockSet.bits)) }
    /// Its place in the block.
    var offset: Int { Int(rawValue & UInt64(BlockSet.capacity - 1)) }
    init(block: UInt32, offset: Int) {
        rawValue = UInt64(block) << UInt64(BlockSet.bits) | UInt64(offset)
    }
}
