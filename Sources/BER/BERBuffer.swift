/// A growing buffer of finished BER: what a connection's answers are written into.
///
/// It keeps its memory when emptied. Growth is by doubling; the caller bounds what it writes.
@safe public struct BERBuffer: ~Copyable {
    // Sound throughout: `base` has room for `capacity` bytes, the first `length` of which are initialised; nobody else has the pointer.
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var length: Int

    /// An empty buffer with room for `capacity` bytes.
    @inlinable public init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: self.capacity, alignment: 16)
        length = 0
    }

    @inlinable deinit { unsafe base.deallocate() }

    /// Bytes written so far.
    @inlinable public var count: Int { length }

    /// Whether nothing was written.
    @inlinable public var isEmpty: Bool { length == 0 }

    /// Forgets the contents; keeps the memory up to `limit` bytes.
    public mutating func removeAll(keeping limit: Int = 1 << 16) {
        length = 0
        if capacity > max(limit, 64) {
            unsafe base.deallocate()
            capacity = max(limit, 64)
            unsafe base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        }
    }

    /// Forgets everything after the first `length` bytes; `length` must not be beyond ``count``.
    @inlinable public mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= self.length)
        self.length = length
    }

    /// All bytes written, borrowed.
    @inlinable public var bytes: RawSpan {
        @_lifetime(borrow self) get {
            let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: length)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Makes room for `extra` more bytes.
    @inlinable @inline(__always)
    public mutating func reserve(_ extra: Int) {
        if capacity - length < extra { grow(extra) }
    }

    @usableFromInline @inline(never)
    mutating func grow(_ extra: Int) {
        let wanted = max(capacity * 2, length + extra)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        unsafe larger.copyMemory(from: base, byteCount: length)
        unsafe base.deallocate()
        unsafe base = larger
        capacity = wanted
    }

    /// Stores a byte where ``reserve(_:)`` made room.
    @inlinable @inline(__always)
    mutating func store(_ byte: UInt8) {
        unsafe base.storeBytes(of: byte, toByteOffset: length, as: UInt8.self)
        length += 1
    }

    /// Writes one octet as it is.
    @inlinable public mutating func append(_ byte: UInt8) {
        reserve(1)
        store(byte)
    }

    /// Writes octets as they are, such as finished elements.
    @inlinable public mutating func append(_ span: borrowing RawSpan) {
        let extra = span.byteCount
        guard extra > 0 else { return }
        reserve(extra)
        unsafe span.withUnsafeBytes { source in
            if let start = source.baseAddress { unsafe (base + length).copyMemory(from: start, byteCount: extra) }
        }
        length += extra
    }

    /// Writes octets as they are, such as finished elements.
    @inlinable public mutating func append(_ array: [UInt8]) { append(array.rawSpan) }

    /// How many octets the length field of a content of `length` bytes takes.
    @inlinable public static func lengthOctets(_ length: Int) -> Int {
        length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : length < 0x100_0000 ? 4 : length < 0x1_0000_0000 ? 5 : 9
    }

    /// The whole size of an element with one tag octet and `length` bytes of contents.
    @inlinable public static func elementSize(_ length: Int) -> Int { 1 + lengthOctets(length) + length }

    /// How many octets the contents of an INTEGER take in minimal form.
    @inlinable public static func integerOctets(_ integer: Int) -> Int {
        // Significant bits and one for the sign.
        let bits = Int.bitWidth - (integer < 0 ? ~integer : integer).leadingZeroBitCount + 1
        return (bits + 7) / 8
    }

    /// Writes a tag and a definite length in minimal form.
    @inlinable public mutating func appendHeader(_ tag: UInt8, length: Int) {
        reserve(10)
        store(tag)
        if length < 0x80 {
            store(UInt8(truncatingIfNeeded: length))
            return
        }
        let octets = Self.lengthOctets(length) - 1
        store(0x80 | UInt8(truncatingIfNeeded: octets))
        var shift = (octets - 1) * 8
        while shift >= 0 {
            store(UInt8(truncatingIfNeeded: length >> shift))
            shift -= 8
        }
    }

    /// Writes a primitive element.
    @inlinable public mutating func append(_ tag: UInt8, contents: borrowing RawSpan) {
        appendHeader(tag, length: contents.byteCount)
        append(contents)
    }

    /// Writes a primitive element.
    @inlinable public mutating func append(_ tag: UInt8, contents: [UInt8]) { append(tag, contents: contents.rawSpan) }

    /// Writes a string as an element (OCTET STRING by default) in UTF-8.
    public mutating func append(_ tag: UInt8 = BERTag.octetString, string: String) {
        // Sound: UTF-8 code units are initialised bytes without padding.
        append(tag, contents: unsafe string.utf8.span.bytes)
    }

    /// Writes a constructed element of two finished parts.
    @inlinable public mutating func append(_ tag: UInt8, _ first: borrowing RawSpan, _ second: borrowing RawSpan) {
        let contents = first.byteCount + second.byteCount
        reserve(10 + contents)
        if contents < 0x80 {
            store(tag)
            store(UInt8(truncatingIfNeeded: contents))
        } else {
            appendHeader(tag, length: contents)
        }
        unsafe first.withUnsafeBytes { source in
            if let start = source.baseAddress { unsafe (base + length).copyMemory(from: start, byteCount: source.count) }
        }
        unsafe second.withUnsafeBytes { source in
            if let start = source.baseAddress { unsafe (base + length + first.byteCount).copyMemory(from: start, byteCount: source.count) }
        }
        length += contents
    }

    /// Writes an INTEGER, ENUMERATED or implicit-tagged integer in minimal form.
    @inlinable public mutating func append(_ tag: UInt8 = BERTag.integer, integer: Int) {
        let octets = Self.integerOctets(integer)
        reserve(10)
        store(tag)
        store(UInt8(truncatingIfNeeded: octets))
        var shift = (octets - 1) * 8
        while shift >= 0 {
            store(UInt8(truncatingIfNeeded: integer >> shift))
            shift -= 8
        }
    }

    /// Writes a BOOLEAN: TRUE is 0xFF (RFC 4511 section 5.1).
    @inlinable public mutating func append(_ tag: UInt8 = BERTag.boolean, boolean: Bool) {
        reserve(3)
        store(tag)
        store(1)
        store(boolean ? 0xff : 0x00)
    }

    /// Begins a constructed element whose length is not known yet; hand the result to ``end(_:)``.
    @inlinable public mutating func begin(_ tag: UInt8) -> Int {
        reserve(2)
        store(tag)
        store(0)
        return length
    }

    /// Ends the constructed element that began with ``begin(_:)``: its length is filled in.
    @inlinable public mutating func end(_ mark: Int) {
        precondition(mark >= 2 && mark <= length)
        let contents = length - mark
        if contents < 0x80 {
            unsafe base.storeBytes(of: UInt8(truncatingIfNeeded: contents), toByteOffset: mark - 1, as: UInt8.self)
        } else {
            endLong(mark, contents)
        }
    }

    /// The rest of ``end(_:)`` for a length in long form: the contents move up to make room for it.
    @usableFromInline mutating func endLong(_ mark: Int, _ contents: Int) {
        let extra = Self.lengthOctets(contents) - 1
        reserve(extra)
        // `copyMemory` allows overlapping places.
        unsafe (base + mark + extra).copyMemory(from: base + mark, byteCount: contents)
        unsafe base.storeBytes(of: 0x80 | UInt8(extra), toByteOffset: mark - 1, as: UInt8.self)
        for index in 0..<extra {
            let octet = UInt8(truncatingIfNeeded: contents >> ((extra - 1 - index) * 8))
            unsafe base.storeBytes(of: octet, toByteOffset: mark + index, as: UInt8.self)
        }
        length += extra
    }
}
