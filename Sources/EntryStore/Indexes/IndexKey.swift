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

    static func appendPresence(_ attribute: AttributeID, to out: inout [UInt8]) {
        begin(attribute, .presence, &out)
        out.append(0)
        out.append(1)
    }

    /// The key of a canonical value. False if the value was cut.
    @discardableResult
    static func appendValue(_ attribute: AttributeID, _ value: RawSpan, to out: inout [UInt8]) -> Bool {
        begin(attribute, .value, &out)
        return appendEscaped(value, to: &out)
    }

    static func appendEscaped(_ value: RawSpan, to out: inout [UInt8]) -> Bool {
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
