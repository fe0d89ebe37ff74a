import BER

extension Schema {
    /// Whether a stored value equals an assertion that ``normalize(_:by:into:)`` made canonical under the same rule.
    ///
    /// ASCII strings, octets, booleans and plain times are compared as they stand, without writing anything; others are
    /// made canonical in `scratch`, whose contents are lost and whose memory is kept.
    public func equals(
        _ stored: RawSpan, normalized assertion: RawSpan, by rule: MatchingRule, scratch: inout [UInt8]
    ) -> Bool {
        switch rule.form {
        case .caseIgnoreString, .caseIgnoreIA5:
            switch ASCIIStrings.compare(stored, toCanonical: assertion, folding: true) {
            case .equal: return !stored.isEmpty || rule.form == .caseIgnoreIA5
            case .different: return false
            case .notASCII: break
            }
        case .caseExactString, .caseExactIA5:
            switch ASCIIStrings.compare(stored, toCanonical: assertion, folding: false) {
            case .equal: return !stored.isEmpty || rule.form == .caseExactIA5
            case .different: return false
            case .notASCII: break
            }
        case .octets, .boolean, .bitString:
            return stored.elementsEqual(assertion)
        case .generalizedTime:
            // YYYYMMDDHHMMSSZ, as servers write it.
            let count = stored.byteCount
            if count == 15, stored[at: 14] == 0x5a {
                let digits = stored.extracting(0..<14)
                if digits.allBytes(CharacterClass.isDigit) { return digits.elementsEqual(assertion) }
            }
        default: break
        }
        scratch.removeAll(keepingCapacity: true)
        return normalize(stored, by: rule, into: &scratch) && scratch.rawSpan.elementsEqual(assertion)
    }
}
