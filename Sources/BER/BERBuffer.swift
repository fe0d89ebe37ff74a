#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A growing buffer of finished BER: what a connection's answers are written into.
///
/// It keeps its memory when emptied. Growth is by doubling; the caller bounds what it writes.
@safe public struct BERBuffer: ~Copyable {
    // Sound throughout: `base` has room for `capacity` bytes, the first `count` of which are initialised; nobody else has the pointer.
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    /// Bytes written so far.
    public private(set) var count: Int

    public init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: self.capacity, alignment: 16)
        count = 0
    }

    deinit { unsafe base.deallocate() }

    public var isEmpty: Bool { count == 0 }

    /// Forgets the contents; keeps the memory up to `limit` bytes.
    public mutating func removeAll(keeping limit: Int = 1 << 16) {
        count = 0
        if capacity > limit {
            unsafe base.deallocate()
            capacity = max(limit, 64)
            unsafe base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        }
    }

    /// Forgets everything after the first `length` bytes.
    public mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }

    /// All bytes written, borrowed.
    public var bytes: RawSpan {
        @_lifetime(borrow self) get {
            let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Makes room for `extra` more bytes.
    @inline(__always)
    public mutating func reserve(_ extra: Int) {
        if capacity - count < extra { grow(extra) }
    }

    @inline(never)
    private mutating func grow(_ extra: Int) {
        let wanted = max(capacity * 2, count + extra)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        unsafe larger.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = larger
        capacity = wanted
    }

    public mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    public mutating func append(_ span: borrowing RawSpan) {
        let length = span.byteCount
        guard length > 0 else { return }
        reserve(length)
        unsafe span.withUnsafeBytes { source in
            if let start = source.baseAddress { unsafe memcpy(base + count, start, length) }
        }
        count += length
    }

    public mutating func append(_ array: [UInt8]) { append(array.rawSpan) }

    /// How many octets the length field of a content of `length` bytes takes.
    @inlinable public static func lengthOctets(_ length: Int) -> Int {
        length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : length < 0x100_0000 ? 4 : 5
    }

    /// The whole size of an element with one tag octet and `length` bytes of contents.
    @inlinable public static func elementSize(_ length: Int) -> Int { 1 + lengthOctets(length) + length }

    /// Writes a tag and a definite length in minimal form.
    public mutating func appendHeader(_ tag: UInt8, length: Int) {
        append(tag)
        let octets = Self.lengthOctets(length) - 1
        if octets == 0 {
            append(UInt8(truncatingIfNeeded: length))
        } else {
            append(0x80 | UInt8(truncatingIfNeeded: octets))
            for shift in stride(from: (octets - 1) * 8, through: 0, by: -8) {
                append(UInt8(truncatingIfNeeded: length >> shift))
            }
        }
    }

    /// Writes a primitive element.
    public mutating func append(_ tag: UInt8, contents: borrowing RawSpan) {
        appendHeader(tag, length: contents.byteCount)
        append(contents)
    }

    public mutating func append(_ tag: UInt8, contents: [UInt8]) { append(tag, contents: contents.rawSpan) }

    /// Writes a string as an element (OCTET STRING by default) in UTF-8.
    public mutating func append(_ tag: UInt8 = BERTag.octetString, string: String) {
        append(tag, contents: Array(string.utf8))
    }

    /// Writes an INTEGER, ENUMERATED or implicit-tagged integer in minimal form.
    public mutating func append(_ tag: UInt8 = BERTag.integer, integer: Int) {
        var octets = 1
        while octets < 8, integer >> (octets * 8 - 1) != 0, integer >> (octets * 8 - 1) != -1 { octets += 1 }
        appendHeader(tag, length: octets)
        for shift in stride(from: (octets - 1) * 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: integer >> shift))
        }
    }

    public mutating func append(_ tag: UInt8 = BERTag.boolean, boolean: Bool) {
        appendHeader(tag, length: 1)
        append(boolean ? 0xff : 0x00)
    }

    /// Begins a constructed element whose length is not known yet; hand the result to ``end(_:)``.
    public mutating func begin(_ tag: UInt8) -> Int {
        append(tag)
        append(0)
        return count
    }

    /// Ends the constructed element that began with ``begin(_:)``: its length is filled in.
    public mutating func end(_ mark: Int) {
        let length = count - mark
        let extra = Self.lengthOctets(length) - 1
        if extra == 0 {
            unsafe base.storeBytes(of: UInt8(length), toByteOffset: mark - 1, as: UInt8.self)
            return
        }
        reserve(extra)
        unsafe memmove(base + mark + extra, base + mark, length)
        unsafe base.storeBytes(of: 0x80 | UInt8(extra), toByteOffset: mark - 1, as: UInt8.self)
        for index in 0..<extra {
            let octet = UInt8(truncatingIfNeeded: length >> ((extra - 1 - index) * 8))
            unsafe base.storeBytes(of: octet, toByteOffset: mark + index, as: UInt8.self)
        }
        count += extra
    }
}
