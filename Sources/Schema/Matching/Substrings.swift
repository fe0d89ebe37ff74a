extension Schema {
    /// Where a piece of a substring assertion stands (RFC 4511 section 4.5.1.7.2).
    public enum SubstringPart: Sendable {
        case initial, any, final
    }

    /// Appends the canonical form of a piece of a substring assertion: to be looked for in the canonical form of values.
    ///
    /// Spaces at a cut are kept as one (RFC 4518 section 2.6.1), but a final piece of nothing else is empty; and pieces of IA5
    /// strings lose those at both ends, as in slapd: clients that complete addresses while somebody types count on it.
    /// `rule` is the substrings rule or its equality rule.
    /// False, with nothing appended, when the piece is not valid for the rule or the rule knows no substrings.
    public func normalizeSubstring(
        _ piece: RawSpan, _ part: SubstringPart, by rule: MatchingRule, into out: inout [UInt8]
    ) -> Bool {
        let spaces: SpaceHandling
        var isEmptyWhenBlank = false
        switch rule.form {
        case .caseIgnoreIA5, .caseExactIA5:
            spaces = .whole
            isEmptyWhenBlank = true
        case .caseIgnoreString, .caseExactString:
            spaces = .part(part)
            isEmptyWhenBlank = part == .final
        case .numericString, .telephoneNumber, .caseIgnoreList, .octets: spaces = .part(part)
        default: return false
        }
        let start = out.count
        guard append(piece, rule.form, spaces: spaces, into: &out) else {
            out.removeLast(out.count - start)
            return false
        }
        if isEmptyWhenBlank, out.count == start + 1, out[start] == 0x20 { out.removeLast() }
        return true
    }
}
