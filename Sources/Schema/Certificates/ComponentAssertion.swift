import BER

/// An assertion of RFC 4523's rules that asks for some components of a value: a question, not a value in another form, so that no canonical
/// form serves it.
///
/// Text is GSER (RFC 3641); nested and long text is refused (``GSERValue``). Work on a value is bounded by its length.
public struct ComponentAssertion: Sendable {
    private enum Kind: Sendable {
        case certificate(CertificateAssertion)
        case pair(issuedTo: CertificateAssertion?, issuedBy: CertificateAssertion?)
        case revocationList(RevocationListAssertion)
        case algorithm(AlgorithmIdentifier)
    }

    private let kind: Kind

    /// Nil when the rule has no such assertions, or the text is none: a filter item is then Undefined.
    public init?(_ text: RawSpan, by rule: MatchingRule, _ schema: Schema) {
        switch rule.form {
        case .certificateComponents, .certificatePair, .certificatePairComponents, .certificateList, .certificateListComponents, .algorithmIdentifier: break
        default: return nil
        }
        guard let written = GSERValue(text) else { return nil }
        switch rule {
        case .certificateMatch:
            guard let assertion = CertificateAssertion(written, schema) else { return nil }
            kind = .certificate(assertion)
        case .certificatePairExactMatch, .certificatePairMatch:
            let read: (GSERValue) -> CertificateAssertion? = { component in
                rule == .certificatePairMatch ? CertificateAssertion(component, schema) : CertificateAssertion(exact: component, schema)
            }
            guard var parts = GSERSequence(written) else { return nil }
            do {
                let issuedTo = try parts.take("issuedToThisCAAssertion", read)
                let issuedBy = try parts.take("issuedByThisCAAssertion", read)
                guard parts.isEmpty, issuedTo != nil || issuedBy != nil else { return nil }
                kind = .pair(issuedTo: issuedTo, issuedBy: issuedBy)
            } catch {
                return nil
            }
        case .certificateListExactMatch, .certificateListMatch:
            let assertion =
                rule == .certificateListMatch ? RevocationListAssertion(written, schema) : RevocationListAssertion(exact: written, schema)
            guard let assertion else { return nil }
            kind = .revocationList(assertion)
        case .algorithmIdentifierMatch:
            guard let assertion = AlgorithmIdentifier(written, schema) else { return nil }
            kind = .algorithm(assertion)
        default: return nil
        }
    }

    /// Whether a value, in DER, has what is asked for; nil: Undefined, because a field that the answer depends on cannot be read or compared.
    public func matches(_ value: RawSpan, _ schema: Schema) -> Bool? {
        switch kind {
        case .certificate(let assertion): return assertion.matches(value, nil, schema)
        case .pair(let issuedTo, let issuedBy):
            guard let pair = CertificatePair(value) else { return nil }
            func judge(_ assertion: CertificateAssertion?, _ place: ByteRange?) -> Bool? {
                .unless(assertion) { assertion in place.map { assertion.matches(value, $0, schema) } ?? false }
            }
            return judge(issuedTo, pair.issuedTo).and(judge(issuedBy, pair.issuedBy))
        case .revocationList(let assertion): return assertion.matches(value, schema)
        case .algorithm(let assertion): return assertion.matches(value)
        }
    }
}

extension Schema {
    /// Whether a text is an assertion of a rule: what a compare or a filter item may ask.
    public func isAssertion(_ text: RawSpan, by rule: MatchingRule) -> Bool {
        var canonical: [UInt8] = []
        return normalize(text, by: rule, into: &canonical) || ComponentAssertion(text, by: rule, self) != nil
    }
}

/// Where the two certificates of a CertificatePair stand: the contents of their SEQUENCEs.
struct CertificatePair {
    /// Issued to this authority.
    let issuedTo: ByteRange?
    /// Issued by this authority.
    let issuedBy: ByteRange?

    init?(_ value: RawSpan) {
        do {
            var outer = BERReader(value)
            var fields = BERReader(value, try outer.contents(of: BERTag.sequence))
            let to = try fields.contents(ifPresent: BERTag.contextConstructed(0))
            let by = try fields.contents(ifPresent: BERTag.contextConstructed(1))
            try fields.finish()
            func certificate(_ field: ByteRange) throws(BERError) -> ByteRange {
                var reader = BERReader(value, field)
                return try reader.contents(of: BERTag.sequence)
            }
            issuedTo = if let to { try certificate(to) } else { nil }
            issuedBy = if let by { try certificate(by) } else { nil }
        } catch {
            return nil
        }
    }
}
