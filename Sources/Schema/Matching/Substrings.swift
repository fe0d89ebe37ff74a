extension Schema {
    /// Where a piece of a substring assertion stands (RFC 4511 section 4.5.1.7.2).
    public enum SubstringPart: Sendable {
        case initial, any, final
    }

    /// Appends the canonical form of a piece of a substring assertion: to be looked for in the canonical form of values.
    ///
    /// Spaces at a cut are kept as one (RFC 4518 section 2.6.1). `rule` is the substrings rule or its equality rule.
    /// False, with nothing appended, when the piece is not valid for the rule or the rule knows no substrings.
    public func normalizeSubstring(
        _ piece: RawSpan, _ part: SubstringPart, by rule: MatchingRule, into out: inout [UInt8]
    ) -> Bool {
        switch rule.form {
        case .caseIgnoreString, .caseExactString, .caseIgnoreIA5, .caseExactIA5, .numericString, .telephoneNumber,
            .caseIgnoreList, .octets:
            break
        default: return false
        }
        let start = out.count
        if append(piece, rule.form, spaces: .part(part), into: &out) { return true }
        out.removeLast(out.count - start)
        return false
    }
}
