import BER

/// A value in GSER (RFC 3641), read without knowing its type: what the assertions of RFC 4523 are written in.
///
/// Limits: text of 64 KiB, sixteen values inside each other; what goes beyond is not read. Neither are the types that no assertion has:
/// REAL, EMBEDDED PDV, relative object identifiers.
indirect enum GSERValue: Sendable {
    /// In two's complement, as short as can be.
    case integer([UInt8])
    /// A word without quotes: an identifier, `TRUE`, `NULL`, or an object identifier's numbers or name.
    case word(String)
    /// Text in quotes, in which a quote is written twice.
    case string([UInt8])
    /// `'0A'H`: the value of each digit.
    case hexadecimal([UInt8])
    /// `'0101'B`: zeros and ones.
    case bits([UInt8])
    /// `alternative:value`.
    case choice(String, GSERValue)
    /// `{ name value, … }` or `{ value, … }`.
    case components([Component])

    struct Component: Sendable {
        /// Nil in a SEQUENCE OF, and for a bit of a list of bits.
        let name: String?
        let value: GSERValue
    }

    static let maximumLength = 65_536
    static let maximumDepth = 16

    /// Reads a whole text; nil when it is not GSER.
    init?(_ text: RawSpan) {
        guard text.byteCount <= Self.maximumLength else { return nil }
        var reader = GSERReader(bytes: text.array)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }
}

/// Runs over GSER text. Spaces between parts say nothing.
private struct GSERReader {
    let bytes: [UInt8]
    var position = 0

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpaces() {
        while next == UInt8(ascii: " ") { position += 1 }
    }

    private mutating func skip(_ byte: Character) -> Bool {
        guard next == byte.asciiValue else { return false }
        position += 1
        return true
    }

    var isAtEnd: Bool {
        mutating get {
            skipSpaces()
            return position == bytes.count
        }
    }

    mutating func value(depth: Int) -> GSERValue? {
        guard depth < GSERValue.maximumDepth else { return nil }
        skipSpaces()
        switch next {
        case UInt8(ascii: "{"): return components(depth)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "'"): return digits()
        case let byte? where CharacterClass.isLetter(byte):
            let word = word()
            guard skip(":") else { return .word(word) }
            return value(depth: depth + 1).map { .choice(word, $0) }
        case let byte? where CharacterClass.isDigit(byte) || byte == UInt8(ascii: "-"): return number()
        default: return nil
        }
    }

    /// Letters, digits and hyphens (RFC 3641 section 3, identifier).
    private mutating func word() -> String {
        let start = position
        while let byte = next, CharacterClass.isLetter(byte) || CharacterClass.isDigit(byte) || byte == UInt8(ascii: "-") { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// An INTEGER, or an object identifier in numbers.
    private mutating func number() -> GSERValue? {
        let start = position
        while let byte = next, CharacterClass.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") { position += 1 }
        let text = Array(bytes[start..<position])
        if text.rawSpan.isNumericOID { return .word(String(decoding: text, as: UTF8.self)) }
        return DERInteger.contents(decimal: text).map { .integer($0) }
    }

    private mutating func string() -> [UInt8]? {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: "\"") {
                guard next == byte else { return text }
                position += 1
            }
            text.append(byte)
        }
        return nil
    }

    /// `'…'H` and `'…'B`.
    private mutating func digits() -> GSERValue? {
        position += 1
        let start = position
        while let byte = next, CharacterClass.isHexDigit(byte) { position += 1 }
        let text = bytes[start..<position]
        guard skip("'") else { return nil }
        if skip("H") { return .hexadecimal(text.map(CharacterClass.hexValue)) }
        guard skip("B"), text.allSatisfy({ $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") }) else { return nil }
        return .bits(text.map { $0 - UInt8(ascii: "0") })
    }

    private mutating func components(_ depth: Int) -> GSERValue? {
        position += 1
        var found: [GSERValue.Component] = []
        skipSpaces()
        if skip("}") { return .components([]) }
        while true {
            skipSpaces()
            let start = position
            var name: String?
            if let byte = next, CharacterClass.isLetter(byte) {
                let word = word()
                if next == UInt8(ascii: " ") {
                    skipSpaces()
                    if next != UInt8(ascii: ","), next != UInt8(ascii: "}") { name = word }
                }
                if name == nil { position = start }
            }
            guard let value = value(depth: depth + 1) else { return nil }
            found.append(GSERValue.Component(name: name, value: value))
            skipSpaces()
            if skip(",") { continue }
            return skip("}") ? .components(found) : nil
        }
    }
}
