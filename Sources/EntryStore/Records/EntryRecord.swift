import BER

/// An entry as it lies in the database: a table of attributes sorted by number, then each attribute's values as finished BER
/// (the `SET OF` of a PartialAttribute, RFC 4511 section 4.1.7), ready to be copied into an answer.
///
/// Layout, little-endian: version (1 byte), flags (1), RDN length (2), attribute count (4), parent id (8); then per attribute its
/// number and where its values begin, 2 + 2 bytes (4 + 4 in a record beyond 64 KiB); the RDN as spelled (RFC 4514 string); the values.
/// Attribute names are not here, only their numbers: without them most entries of a mail system fit an LMDB page together with
/// another, which halves the file. The full name is not here either: it is the parent's name below this RDN, so that renaming a
/// subtree touches one record.
public struct EntryRecord: ~Escapable {
    static let version: UInt8 = 1
    @usableFromInline static let headerSize = 16

    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Of object class `alias` (RFC 4512 section 2.6).
        public static let alias = Flags(rawValue: 1)
        /// Of object class `referral` (RFC 3296).
        public static let referral = Flags(rawValue: 2)
        /// Of object class `subentry` (RFC 3672).
        public static let subentry = Flags(rawValue: 4)
        /// The table has places of four bytes.
        static let wide = Flags(rawValue: 128)
    }

    public let bytes: RawSpan
    public let attributeCount: Int
    /// Bytes per attribute in the table: 4, or 8.
    @usableFromInline let stride: Int

    /// Nil if the bytes are no record of this version.
    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerSize, bytes[at: 0] == Self.version else { return nil }
        let count = Int(bytes.number32(4))
        let stride = Flags(rawValue: bytes[at: 1]).contains(.wide) ? 8 : 4
        guard count <= (bytes.byteCount - Self.headerSize) / stride else { return nil }
        self.bytes = bytes
        self.stride = stride
        attributeCount = count
    }

    public var flags: Flags { Flags(rawValue: bytes[at: 1]) }
    public var parent: EntryID { EntryID(rawValue: UInt64(bytes.number32(8)) | UInt64(bytes.number32(12)) << 32) }

    /// The RDN as spelled when the entry was named, in RFC 4514 string form.
    public var rdn: RawSpan {
        @_lifetime(copy self) get {
            bytes.slice(ByteRange(start: Self.headerSize + attributeCount * stride, count: Int(bytes.number32(0) >> 16)))
        }
    }

    @inlinable @inline(__always)
    func number(at index: Int) -> UInt32 {
        let place = Self.headerSize + index * stride
        return stride == 4 ? bytes.number32(place) & 0xffff : bytes.number32(place)
    }

    @inlinable public func attributeID(at index: Int) -> AttributeID { AttributeID(rawValue: UInt16(truncatingIfNeeded: number(at: index))) }

    @inlinable func offset(at index: Int) -> Int {
        guard index < attributeCount else { return bytes.byteCount }
        let place = Self.headerSize + index * stride
        return Int(stride == 4 ? bytes.number32(place) >> 16 : bytes.number32(place + 4))
    }

    /// Where the values of an attribute lie in ``bytes``: a finished `SET OF` OCTET STRING.
    @inlinable public func valuesRange(at index: Int) -> ByteRange {
        let start = offset(at: index)
        return ByteRange(start: start, count: max(0, offset(at: index + 1) - start))
    }

    /// Where the operational attributes begin: all before are user attributes.
    @inlinable public var firstOperational: Int { lowerBound(0x8000) }

    /// Where an attribute stands in the table.
    @inlinable public func index(of id: AttributeID) -> Int? {
        let index = lowerBound(UInt32(id.rawValue))
        return index < attributeCount && attributeID(at: index) == id ? index : nil
    }

    /// The first place at or after one whose attribute's number is not below another; the number of attributes if there is none.
    @inlinable public func lowerBound(of id: AttributeID, from low: Int = 0) -> Int { lowerBound(UInt32(id.rawValue), from: low) }

    /// Calls `body` with the numbers and the places of the values of neighbouring attributes.
    @inlinable public func forEachPlace(in range: Range<Int>, _ body: (AttributeID, ByteRange) -> Void) {
        var start = offset(at: range.lowerBound)
        for index in range {
            let end = offset(at: index + 1)
            body(attributeID(at: index), ByteRange(start: start, count: max(0, end - start)))
            start = end
        }
    }

    @inlinable func lowerBound(_ id: UInt32, from first: Int = 0) -> Int {
        var low = max(0, first)
        var high = attributeCount
        if stride == 4 {
            while low < high {
                let middle = (low + high) >> 1
                // Sound: the table of `attributeCount` places lies inside the bytes, as was checked when the record was made.
                let number = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: Self.headerSize + middle * 4, as: UInt16.self)
                if UInt32(UInt16(littleEndian: number)) < id { low = middle + 1 } else { high = middle }
            }
            return low
        }
        while low < high {
            let middle = (low + high) >> 1
            if number(at: middle) < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The values of the attribute at a place of the table.
    @_lifetime(copy self)
    public func values(at index: Int) -> AttributeValues { AttributeValues(bytes.slice(valuesRange(at: index))) }

    /// The values that lie at a place of ``valuesRange(at:)``.
    @_lifetime(copy self)
    public func values(in range: ByteRange) -> AttributeValues { AttributeValues(bytes.slice(range)) }

    /// Whether just one value lies there. Only of short ones, as most are, this is seen: false tells nothing.
    @inlinable public func isOneValue(_ range: ByteRange) -> Bool {
        let start = Int(range.lowerBound)
        guard range.count >= 4, range.upperBound <= bytes.byteCount else { return false }
        // The lengths of the set and of its first value, in one octet each.
        let (set, value) = (bytes[at: start + 1], bytes[at: start + 3])
        return set < 0x80 && set == value &+ 2 && Int(set) + 2 == Int(range.count)
    }

    /// The values of an attribute; none if the entry does not have it.
    @_lifetime(copy self)
    public func values(of id: AttributeID) -> AttributeValues {
        guard let index = index(of: id) else { return AttributeValues(noneOf: bytes) }
        return values(at: index)
    }

    public func contains(_ id: AttributeID) -> Bool { index(of: id) != nil }

    /// Whether the attribute at a place of the table has values, all of which can be read.
    func areValuesWhole(at index: Int) -> Bool {
        var values = values(at: index)
        if values.isAtEnd { return false }
        while values.next() != nil {}
        return values.isAtEnd
    }
}

/// Walks through a finished `SET OF` OCTET STRING.
public struct AttributeValues: ~Escapable {
    private var reader: BERReader

    @_lifetime(copy set)
    init(_ set: RawSpan) {
        var outer = BERReader(set)
        // Records are made by us; if one is damaged it reads as having no values, and `check` reports it.
        let values = (try? outer.contents(of: BERTag.set)) ?? .empty
        reader = BERReader(set, values)
    }

    /// No values.
    @_lifetime(copy bytes)
    init(noneOf bytes: RawSpan) { reader = BERReader(bytes, .empty) }

    /// The next value, nil after the last.
    @_lifetime(copy self) @_lifetime(self: copy self)
    public mutating func next() -> RawSpan? {
        guard let (_, contents) = try? reader.element() else { return nil }
        return reader.bytes.slice(contents)
    }

    public var isAtEnd: Bool { reader.isAtEnd }
}

extension RawSpan {
    /// A little-endian 32-bit number; the place is checked.
    @inlinable @inline(__always)
    func number32(_ offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset <= byteCount - 4)
        // Sound: the place was just checked; any four bytes are a UInt32.
        return UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    }
}
