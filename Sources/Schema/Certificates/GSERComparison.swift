import BER

/// Comparing GSER of a type that is not known with DER, whose tag tells the type.
extension GSERValue {
    /// Whether both are the same value. Undefined where only the type's definition would tell: of the parts of a SEQUENCE, a CHOICE, and
    /// names of numbers.
    func equals(_ tag: UInt8, _ contents: RawSpan) -> Bool? {
        switch self {
        case .word("NULL"): return tag == BERTag.null ? true : Self.isKnown(tag) ? false : nil
        case .word("TRUE"), .word("FALSE"):
            guard tag == BERTag.boolean else { return Self.isKnown(tag) ? false : nil }
            return contents.byteCount == 1 && (contents[at: 0] != 0) == (self.isTrue)
        case .word(let word):
            let text = Array(word.utf8)
            guard text.rawSpan.isNumericOID, let identifier = DERObjectIdentifier.contents(dotted: text) else { return nil }
            guard tag == X509Tag.objectIdentifier else { return Self.isKnown(tag) ? false : nil }
            return contents.elementsEqual(identifier.rawSpan)
        case .integer(let number):
            guard tag == BERTag.integer else { return Self.isKnown(tag) ? false : nil }
            return DERInteger.shortest(contents.array) == number
        case .hexadecimal(let digits):
            switch tag {
            case BERTag.octetString: return octets.map { contents.elementsEqual($0.rawSpan) } ?? false
            case X509Tag.bitString: return Self.isBits(contents, digits.count * 4) { digits[$0 / 4] & 8 >> UInt8($0 % 4) != 0 }
            default: return Self.isKnown(tag) ? false : nil
            }
        case .bits(let bits):
            guard tag == X509Tag.bitString else { return Self.isKnown(tag) ? false : nil }
            return Self.isBits(contents, bits.count) { bits[$0] == 1 }
        case .string(let text):
            // Times are strings as well.
            if tag == X509Tag.utcTime || tag == X509Tag.generalizedTime { return contents.elementsEqual(text.rawSpan) }
            guard let stored = DERString.utf8(tag, contents) else {
                // A name is a string in GSER, and a SEQUENCE in DER.
                return tag != BERTag.sequence && tag != BERTag.set && Self.isKnown(tag) ? false : nil
            }
            return stored == text
        case .choice, .components: return nil
        }
    }

    private var isTrue: Bool {
        if case .word("TRUE") = self { true } else { false }
    }

    /// Whether a tag tells the type: one of the universal ones from BOOLEAN to OBJECT IDENTIFIER, SEQUENCE, SET, a string.
    private static func isKnown(_ tag: UInt8) -> Bool {
        (0x01...0x06).contains(tag) || tag == BERTag.sequence || tag == BERTag.set || DERString.utf8(tag, RawSpan()) != nil
    }

    private static func isBits(_ contents: RawSpan, _ count: Int, _ bit: (Int) -> Bool) -> Bool {
        guard !contents.isEmpty, (contents.byteCount - 1) * 8 - Int(contents[at: 0]) == count else { return false }
        return (0..<count).allSatisfy { DERBitString.has($0, contents) == bit($0) }
    }
}
