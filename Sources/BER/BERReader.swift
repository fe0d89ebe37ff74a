/// Reads tag-length-value elements (X.690, restricted as RFC 4511 section 5.1 asks) out of borrowed bytes.
///
/// Not supported, and refused with a ``BERError``: indefinite lengths, lengths of more than four octets, tag numbers above 30.
/// The reader never looks outside the bytes it was given; every length is checked before use.
public struct BERReader: ~Escapable {
    /// All the bytes; places are counted from their beginning.
    public let bytes: RawSpan
    /// Where the next element begins.
    public private(set) var position: Int
    /// Where reading stops (exclusive).
    public let end: Int

    @inlinable @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.init(bytes, ByteRange(start: 0, count: bytes.byteCount))
    }

    /// Reads only inside a place of the bytes, as returned by another reader of the same bytes.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan, _ range: ByteRange) {
        self.bytes = bytes
        let upper = min(range.upperBound, bytes.byteCount)
        self.position = min(range.lowerBound, upper)
        self.end = upper
    }

    public var isAtEnd: Bool { position >= end }

    /// The tag octet of the next element, nil at the end.
    public var nextTag: UInt8? { position < end ? bytes[at: position] : nil }

    /// Reads one element of any tag: its tag octet and the place of its contents.
    @_lifetime(self: copy self)
    public mutating func element() throws(BERError) -> (tag: UInt8, contents: ByteRange) {
        guard end - position >= 2 else { throw .truncated }
        let tag = bytes[at: position]
        guard tag & 0x1f != 0x1f else { throw .highTagNumber }
        var index = position + 1
        let first = bytes[at: index]
        index += 1
        var length = Int(first)
        if first >= 0x80 {
            let octets = Int(first & 0x7f)
            guard octets != 0 else { throw .indefiniteLength }
            guard octets <= 4 else { throw .lengthTooLarge }
            guard end - index >= octets else { throw .truncated }
            length = 0
            for _ in 0..<octets {
                length = length << 8 | Int(bytes[at: index])
                index += 1
            }
        }
        guard length <= end - index else { throw .truncated }
        position = index + length
        return (tag, ByteRange(start: index, count: length))
    }

    /// Reads an element that must have this tag; the place of its contents.
    @_lifetime(self: copy self)
    public mutating func contents(of tag: UInt8) throws(BERError) -> ByteRange {
        let (found, contents) = try element()
        guard found == tag else { throw .unexpectedTag(expected: tag, found: found) }
        return contents
    }

    /// Reads the next element if it has this tag.
    @_lifetime(self: copy self)
    public mutating func contents(ifPresent tag: UInt8) throws(BERError) -> ByteRange? {
        guard nextTag == tag else { return nil }
        return try contents(of: tag)
    }

    /// Reads an INTEGER or ENUMERATED (or one with an implicit tag) of at most eight octets.
    @_lifetime(self: copy self)
    public mutating func integer(_ tag: UInt8 = BERTag.integer) throws(BERError) -> Int {
        let range = try contents(of: tag)
        guard range.count >= 1, range.count <= 8 else { throw .integerOutOfRange }
        var value = Int(Int8(bitPattern: bytes[at: range.lowerBound]))
        for index in (range.lowerBound + 1)..<max(range.upperBound, range.lowerBound + 1) {
            value = value << 8 | Int(bytes[at: index])
        }
        return value
    }

    /// Reads a BOOLEAN. BER lets any non-zero octet mean TRUE; RFC 4511 section 5.1 asks senders for 0xFF.
    @_lifetime(self: copy self)
    public mutating func boolean(_ tag: UInt8 = BERTag.boolean) throws(BERError) -> Bool {
        let range = try contents(of: tag)
        guard range.count == 1 else { throw .badBoolean }
        return bytes[at: range.lowerBound] != 0
    }

    /// Demands that nothing follows.
    public func finish() throws(BERError) {
        guard isAtEnd else { throw .trailingBytes }
    }
}
