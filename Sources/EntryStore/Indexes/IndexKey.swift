import BER
import Schema

/// Keys of the index database: attribute number, kind, value in canonical form, and (in the database, not here) the block number.
///
/// A value ends with 00 01, its zero octets are written 00 FF, so that keys sort as values do and none is the beginning of another.
/// A value too long is cut, and ends with 00 02 and a digest: then the key only names candidates.
enum IndexKey {
    enum Kind: UInt8 {
        case presence = 1
        case value = 2
        /// One to three neighbouring octets anywhere in the value.
        case piece = 3
        /// The value's first one to three octets.
        case beginning = 4
        /// Pseudo attribute 0: entries directly below an entry.
        case children = 5
        /// Pseudo attribute 0: entries anywhere below an entry.
        case descendants = 6
    }

    /// Longest canonical value that goes into a key whole (when it holds no zero octets).
    static let valueLimit = 400

    static func begin(_ attribute: AttributeID, _ kind: Kind, _ out: inout [UInt8]) {
        out.append(UInt8(truncatingIfNeeded: attribute.rawValue >> 8))
        out.append(UInt8(truncatingIfNeeded: attribute.rawValue))
        out.append(kind.rawValue)
    }

    /// Whether a key is that of a value of an equality index.
    static func isOfValue(_ key: RawSpan) -> Bool { key.byteCount > 3 && key[at: 2] == Kind.value.rawValue }

    static func presence(_ attribute: AttributeID) -> ShortKey {
        ShortKey(word: prefix(attribute, .presence) | 1 << 24, count: 5)
    }

    static func appendPresence(_ attribute: AttributeID, to out: inout [UInt8]) { presence(attribute).append(to: &out) }

    /// The first three octets of a key.
    private static func prefix(_ attribute: AttributeID, _ kind: Kind) -> UInt64 {
        UInt64(attribute.rawValue) << 48 | UInt64(kind.rawValue) << 40
    }

    /// The keys of neighbouring octets, none of them zero, while a value is walked through.
    struct Pieces {
        private let prefix: UInt64
        /// The last octets, the newest lowest.
        private var window: UInt64 = 0

        init(_ attribute: AttributeID, _ kind: Kind) { prefix = IndexKey.prefix(attribute, kind) }

        @inline(__always)
        mutating func append(_ octet: UInt8) { window = window << 8 | UInt64(octet) }

        /// The keys of the last one, two and three octets, each ended by 00 01.
        var one: ShortKey { ShortKey(word: prefix | (window & 0xff) << 32 | 1 << 16, count: 6) }
        var two: ShortKey { ShortKey(word: prefix | (window & 0xffff) << 24 | 1 << 8, count: 7) }
        var three: ShortKey { ShortKey(word: prefix | (window & 0xff_ffff) << 16 | 1, count: 8) }

        /// The key of the last one to three octets.
        func longest(_ length: Int) -> ShortKey { length == 1 ? one : length == 2 ? two : three }
    }

    /// The key of a canonical value. False if the value was cut.
    @discardableResult
    static func appendValue(_ attribute: AttributeID, _ value: RawSpan, to out: inout [UInt8]) -> Bool {
        begin(attribute, .value, &out)
        return appendEscaped(value, to: &out)
    }

    /// The key under which an index of some kinds has a canonical value: false if others may be there too.
    @discardableResult
    static func append(_ attribute: AttributeID, _ value: RawSpan, _ kinds: IndexDefinition.Kinds, to out: inout [UInt8]) -> Bool {
        guard kinds.contains(.hour) else { return appendValue(attribute, value, to: &out) }
        appendValue(attribute, value.extracting(0..<min(value.byteCount, hourOctets)), to: &out)
        return false
    }

    /// Of a canonical time or change sequence number: its date and hour.
    private static let hourOctets = 10

    /// Whether two values have the same key in an index by the hour, or both have none, as far as can be told without their canonical forms: those of the
    /// server's own stamps are what they look like. False says nothing.
    static func haveSameHour(_ a: RawSpan, _ b: RawSpan) -> Bool {
        guard a.byteCount == b.byteCount, isStamp(a), isStamp(b) else { return false }
        return a.extracting(0..<hourOctets).elementsEqual(b.extracting(0..<hourOctets))
    }

    /// Whether a value is `YYYYMMDDhhmmssZ` or `YYYYMMDDhhmmss.ffffffZ#cccccc#rrr#mmmmmm`, if there is such a day and hour.
    private static func isStamp(_ value: RawSpan) -> Bool {
        let count = value.byteCount
        guard count == 15 || count == 40 else { return false }
        func isDigit(_ place: Int) -> Bool { 0x30...0x39 ~= value[at: place] }
        for place in 0..<14 where !isDigit(place) { return false }
        guard value[at: 10] <= 0x35, value[at: 12] <= 0x35 else { return false }
        if count == 15 { return value[at: 14] == UInt8(ascii: "Z") }
        guard value[at: 14] == UInt8(ascii: "."), value[at: 21] == UInt8(ascii: "Z") else { return false }
        for place in 15..<21 where !isDigit(place) { return false }
        for place in 22..<40 {
            switch place {
            case 22, 29, 33: if value[at: place] != UInt8(ascii: "#") { return false }
            default: if !isDigit(place), !(0x61...0x66 ~= value[at: place]) { return false }
            }
        }
        return true
    }

    static func appendEscaped(_ value: RawSpan, to out: inout [UInt8]) -> Bool {
        if value.byteCount <= valueLimit, !value.containsZero {
            out.append(value)
            out.append(0)
            out.append(1)
            return true
        }
        let start = out.count
        for index in 0..<value.byteCount {
            let byte = value[at: index]
            out.append(byte)
            if byte == 0 { out.append(0xff) }
            if out.count - start > valueLimit {
                out.append(0)
                out.append(2)
                Digest.append(value, to: &out)
                return false
            }
        }
        out.append(0)
        out.append(1)
        return true
    }

    static func appendPiece(_ attribute: AttributeID, _ kind: Kind, _ piece: RawSpan, to out: inout [UInt8]) {
        begin(attribute, kind, &out)
        _ = appendEscaped(piece, to: &out)
    }

    static func appendScope(_ kind: Kind, _ id: EntryID, to out: inout [UInt8]) {
        begin(AttributeID(rawValue: 0), kind, &out)
        out.appendBigEndian(id.rawValue)
    }
}
