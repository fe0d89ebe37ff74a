public import BER

/// An attribute description (RFC 4512 section 2.5): a type, and options such as `binary` or `lang-de`. Places in the bytes it was read from.
public struct AttributeDescription: Sendable, Hashable {
    /// Short name or dotted OID.
    public var type: ByteRange
    /// Without their semicolons, in the order given.
    public var options: [ByteRange]

    /// nil if the bytes are not an attribute description. Allocates only for options.
    public init?(parsing bytes: RawSpan) {
        let end = Self.endOfType(bytes)
        guard Self.isType(bytes.extracting(0..<end)) else { return nil }
        type = ByteRange(start: 0, count: end)
        options = []
        var index = end
        while index < bytes.byteCount {
            // Here stands a semicolon.
            let start = index + 1
            index = start
            while index < bytes.byteCount, bytes[at: index].isKeyCharacter { index += 1 }
            guard index > start, index == bytes.byteCount || bytes[at: index] == 0x3b else { return nil }
            options.append(ByteRange(start: start, count: index - start))
        }
    }

    /// Whether the bytes are an attribute description. Allocates nothing.
    public static func isValid(_ bytes: RawSpan) -> Bool {
        let end = endOfType(bytes)
        guard isType(bytes.extracting(0..<end)) else { return false }
        var index = end
        while index < bytes.byteCount {
            let start = index + 1
            index = start
            while index < bytes.byteCount, bytes[at: index].isKeyCharacter { index += 1 }
            guard index > start, index == bytes.byteCount || bytes[at: index] == 0x3b else { return false }
        }
        return true
    }

    /// Where the type ends: at the first semicolon or at the end. Checks nothing.
    @inlinable
    public static func endOfType(_ bytes: RawSpan) -> Int {
        var index = 0
        while index < bytes.byteCount, bytes[at: index] != 0x3b { index += 1 }
        return index
    }

    /// Whether the bytes are an `oid` (RFC 4512 section 1.4): a short name (a letter, then letters, digits, hyphens) or a dotted number.
    public static func isType(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount > 0 else { return false }
        guard bytes[at: 0].isASCIILetter else { return NumericOID.isValid(bytes) }
        var index = 1
        while index < bytes.byteCount {
            guard bytes[at: index].isKeyCharacter else { return false }
            index += 1
        }
        return true
    }
}
