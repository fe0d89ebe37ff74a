import BER

extension MatchingRule {
    /// Whether two rules bring values into the same canonical form, so that an index made by one serves the other:
    /// `caseIgnoreMatch` and `caseIgnoreOrderingMatch`, for example.
    public func sharesCanonicalForm(with other: MatchingRule) -> Bool { form == other.form }
}

extension Schema {
    /// The number that a canonical integer stands for; nil beyond 64 bits.
    public static func integer(canonical value: RawSpan) -> Int64? {
        guard let sign = value.isEmpty ? nil : value[at: 0] else { return nil }
        if sign == 0x80 { return 0 }
        guard value.byteCount >= 3, value.byteCount <= 22 else { return nil }
        let flip: UInt8 = sign == 0x7f ? 0xff : 0
        var number: Int64 = 0
        for index in 2..<value.byteCount {
            let digit = Int64(value[at: index] ^ flip) - 0x30
            guard (0...9).contains(digit) else { return nil }
            let (tenfold, overflow) = number.multipliedReportingOverflow(by: 10)
            // Gathered as a negative number, because there is one more of them.
            let (next, overflow2) = tenfold.subtractingReportingOverflow(digit)
            guard !overflow, !overflow2 else { return nil }
            number = next
        }
        if flip != 0 { return number }
        return number == .min ? nil : -number
    }
}
