#if canImport(Glibc)
public import Glibc
#elseif canImport(Musl)
public import Musl
#else
public import Darwin
#endif

/// A place inside a byte buffer that somebody else holds: offset and length in bytes.
///
/// Decoded messages keep places instead of copies, so that reading a request allocates nothing per field.
public struct ByteRange: Sendable, Hashable {
    /// Offset of the first byte.
    public var start: UInt32
    /// Length in bytes.
    public var count: UInt32

    /// A place from offset and length; both must fit 32 bits, as places in messages and records do.
    @inlinable public init(start: Int, count: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: count)
    }

    /// Offset of the first byte.
    @inlinable public var lowerBound: Int { Int(start) }
    /// Offset behind the last byte.
    @inlinable public var upperBound: Int { Int(start) + Int(count) }
    /// Whether it holds no bytes.
    @inlinable public var isEmpty: Bool { count == 0 }
    /// The place that holds no bytes.
    public static let empty = ByteRange(start: 0, count: 0)
}

extension RawSpan {
    /// The bytes at a place. A place outside the span (never made by a reader of the same bytes) gives no bytes.
    @inlinable @_lifetime(copy self)
    public func slice(_ range: ByteRange) -> RawSpan {
        guard range.upperBound <= byteCount else { return extracting(0..<0) }
        return extracting(range.lowerBound..<range.upperBound)
    }

    /// One byte; the index is checked.
    @inlinable public subscript(at index: Int) -> UInt8 {
        precondition(index >= 0 && index < byteCount)
        // Sound: the index was just checked against the span's bounds.
        return unsafe unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
    }

    /// Whether both spans hold the same bytes.
    @inlinable public func elementsEqual(_ other: borrowing RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        // Sound: both pointers are used only inside the closures, within the counted bytes.
        return unsafe withUnsafeBytes { a in
            unsafe other.withUnsafeBytes { b in
                guard let pa = a.baseAddress, let pb = b.baseAddress else { return true }
                return unsafe memcmp(pa, pb, a.count) == 0
            }
        }
    }

    /// An owned copy.
    @inlinable public var array: [UInt8] {
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

extension Array where Element == UInt8 {
    /// The array's bytes, borrowed.
    @inlinable public var rawSpan: RawSpan {
        @_lifetime(borrow self) get {
            // Sound: bytes of UInt8 elements are always initialised and have no padding.
            unsafe span.bytes
        }
    }

    /// Appends borrowed bytes.
    @inlinable public mutating func append(_ bytes: borrowing RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}
