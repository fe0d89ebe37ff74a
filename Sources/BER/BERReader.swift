/// Reads tag-length-value elements (X.690, restricted as RFC 4511 section 5.1 asks) out of borrowed bytes.
///
/// Not supported, and refused with a ``BERError``: indefinite lengths, lengths beyond 2^32 - 1 or of more than eight octets,
/// tag numbers above 30. Lengths with leading zero octets are accepted, as X.690 section 8.1.3.5 allows.
/// The reader never looks outside the bytes it was given; every length is checked before use.
public struct BERReader: ~Escapable {
    /// All the bytes; places are counted from their beginning.
    public let bytes: RawSpan
    @usableFromInline var cursor: Int
    /// Where reading stops (exclusive).
    public let end: Int

    /// Reads all the bytes (the first 4 GiB of them: a ``ByteRange`` reaches no further).
    @inlinable @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.bytes = bytes
        self.cursor = 0
        self.end = min(bytes.byteCount, Int(UInt32.max))
    }

    /// Reads only inside a place of the bytes, as returned by another reader of the same bytes.
    @inlinable @_lifetime(copy bytes)
    public init(_ bytes: RawSpan, _ range: ByteRange) {
        self.bytes = bytes
        let upper = min(range.upperBound, bytes.byteCount, Int(UInt32.max))
        self.cursor = min(range.lowerBound, upper)
        self.end = upper
    }

    /// Where the next element begins.
    @inlinable public var position: Int { cursor }

    /// Whether no element is left.
    @inlinable public var isAtEnd: Bool { cursor >= end }

    /// The tag octet of the next element, nil at the end.
    @inlinable public var nextTag: UInt8? { cursor < end ? bytes[at: cursor] : nil }

    /// Reads one element of any tag: its tag octet and the place of its contents.
    @inlinable @_lifetime(self: copy self)
    public mutating func element() throws(BERError) -> (tag: UInt8, contents: ByteRange) {
        guard end - cursor >= 2 else { throw .truncated }
        let tag = bytes[at: cursor]
        guard tag & 0x1f != 0x1f else { throw .highTagNumber }
        let first = bytes[at: cursor + 1]
        if first < 0x80 {
            let start = cursor + 2
            guard Int(first) <= end - start else { throw .truncated }
            cursor = start + Int(first)
            return (tag, ByteRange(start: start, count: Int(first)))
        }
        return try longElement(tag, first)
    }

    /// The rest of ``element()`` for a length in long form.
    @usableFromInline @_lifetime(self: copy self)
    mutating func longElement(_ tag: UInt8, _ first: UInt8) throws(BERError) -> (tag: UInt8, contents: ByteRange) {
        var index = cursor + 2
        let octets = Int(first & 0x7f)
        guard octets != 0 else { throw .indefiniteLength }
        guard octets <= 8 else { throw .lengthTooLarge }
        guard end - index >= octets else { throw .truncated }
        var length = 0
        for _ in 0..<octets {
            length = length << 8 | Int(bytes[at: index])
            guard length <= Int(UInt32.max) else { throw .lengthTooLarge }
            index += 1
        }
        guard length <= end - index else { throw .truncated }
        cursor = index + length
        return (tag, ByteRange(start: index, count: length))
    }

    /// Reads an element that must have this tag; the place of its contents.
    @inlinable @_lifetime(self: copy self)
    public mutating func contents(of tag: UInt8) throws(BERError) -> ByteRange {
        let start = cursor
        let (found, contents) = try element()
        guard found == tag else {
            cursor = start
            throw .unexpectedTag(expected: tag, found: found)
        }
        return contents
    }

    /// Reads the next element if it has this tag.
    @inlinable @_lifetime(self: copy self)
    public mutating func contents(ifPresent tag: UInt8) throws(BERError) -> ByteRange? {
        guard nextTag == tag else { return nil }
        return try contents(of: tag)
    }

    /// Reads an INTEGER or ENUMERATED (or one with an implicit tag) of at most eight octets.
    /// Redundant leading octets are accepted, as OpenLDAP's library does.
    @inlinable @_lifetime(self: copy self)
    public mutating func integer(_ tag: UInt8 = BERTag.integer) throws(BERError) -> Int {
        try Self.integer(bytes, contents(of: tag))
    }

    /// The value of an INTEGER's contents.
    @inlinable
    public static func integer(_ bytes: RawSpan, _ contents: ByteRange) throws(BERError) -> Int {
        guard contents.count >= 1, contents.count <= 8, contents.upperBound <= bytes.byteCount else { throw .integerOutOfRange }
        var value = Int(Int8(bitPattern: bytes[at: contents.lowerBound]))
        var index = contents.lowerBound + 1
        while index < contents.upperBound {
            value = value << 8 | Int(bytes[at: index])
            index += 1
        }
        return value
    }

    /// Reads a BOOLEAN. BER lets any non-zero octet mean TRUE; RFC 4511 section 5.1 asks senders for 0xFF.
    @inlinable @_lifetime(self: copy self)
    public mutating func boolean(_ tag: UInt8 = BERTag.boolean) throws(BERError) -> Bool {
        let range = try contents(of: tag)
        guard range.count == 1 else { throw .badBoolean }
        return bytes[at: range.lowerBound] != 0
    }

    /// Demands that nothing follows.
    @inlinable public func finish() throws(BERError) {
        guard isAtEnd else { throw .trailingBytes }
    }
}
