import BER

/// CertificateListAssertion (X.509 section 11.3.6, RFC 4523 appendix A.6), and the exact one (appendix A.5): a revocation list matches when all
/// components that are there match.
struct RevocationListAssertion: Sendable {
    /// In canonical form.
    private(set) var issuer: [UInt8]?
    /// Only in exact assertions.
    private(set) var thisUpdate: Times?
    private(set) var distributionPoint: DistributionPointName?
    private var minCRLNumber: [UInt8]?
    private var maxCRLNumber: [UInt8]?
    private var reasonFlags: [Int]?
    private var dateAndTime: Times?
    private var authorityKeyIdentifier: AuthorityKeyIdentifier?

    private static let reasons = [
        "unused", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise",
    ]

    init?(_ written: GSERValue, _ schema: Schema) {
        guard var parts = GSERSequence(written) else { return nil }
        do {
            issuer = try parts.take("issuer") { $0.name(schema) }
            minCRLNumber = try parts.take("minCRLNumber") { $0.integer }
            maxCRLNumber = try parts.take("maxCRLNumber") { $0.integer }
            reasonFlags = try parts.take("reasonFlags") { $0.ones(Self.reasons) }
            dateAndTime = try parts.take("dateAndTime") { $0.time }
            distributionPoint = try parts.take("distributionPoint") { DistributionPointName($0, schema) }
            authorityKeyIdentifier = try parts.take("authorityKeyIdentifier") { AuthorityKeyIdentifier($0, schema) }
        } catch {
            return nil
        }
        guard parts.isEmpty else { return nil }
    }

    /// An exact assertion: issuer, time, and the distribution point if it is asked for.
    init?(exact written: GSERValue, _ schema: Schema) {
        guard var parts = GSERSequence(written) else { return nil }
        do {
            guard let issuer = try parts.take("issuer", { $0.name(schema) }), let thisUpdate = try parts.take("thisUpdate", { $0.time }) else { return nil }
            self.issuer = issuer
            self.thisUpdate = thisUpdate
            distributionPoint = try parts.take("distributionPoint") { DistributionPointName($0, schema) }
        } catch {
            return nil
        }
        guard parts.isEmpty else { return nil }
    }

    /// Whether a list matches; Undefined where one of its fields cannot be read, or not be compared, that the answer depends on.
    func matches(_ value: RawSpan, _ schema: Schema) -> Bool? {
        guard let fields = try? RevocationListFields(value) else { return nil }
        let head = Bool?.unless(issuer) { schema.isName(value, fields.issuer, $0) }
            .and(.unless(thisUpdate) { !$0.isBefore(fields.thisUpdate) && !fields.thisUpdate.isBefore($0) })
        guard head != false, needsBody else { return head }
        guard let (nextUpdate, extensions) = fields.body(value) else { return nil }
        return head
            .and(.unless(dateAndTime) { time in !time.isBefore(fields.thisUpdate) && nextUpdate.map { time.isBefore($0) } ?? false })
            .and(.unless(minCRLNumber) { least in Self.number(extensions, value) { !DERInteger.isLess($0, least) } })
            .and(.unless(maxCRLNumber) { most in Self.number(extensions, value) { !DERInteger.isLess(most, $0) } })
            .and(.unless(reasonFlags) { Self.reasons($0, extensions, value) })
            .and(.unless(distributionPoint) { $0.matches(extensions, value, schema) })
            .and(.unless(authorityKeyIdentifier) { $0.matches(extensions, value, schema) })
    }

    private var needsBody: Bool {
        dateAndTime != nil || minCRLNumber != nil || maxCRLNumber != nil || reasonFlags != nil || distributionPoint != nil || authorityKeyIdentifier != nil
    }

    /// What holds of the list's number; no match without one.
    private static func number(_ extensions: X509Extensions, _ value: RawSpan, _ holds: ([UInt8]) -> Bool) -> Bool? {
        extensions.judge(.crlNumber, value, missing: false) { place in
            var reader = BERReader(value, place)
            let number = value.slice(try reader.contents(of: BERTag.integer))
            return number.isEmpty ? nil : holds(DERInteger.shortest(number.array))
        }
    }

    /// Whether the list is about one of the reasons: it is about all if it does not say.
    private static func reasons(_ asked: [Int], _ extensions: X509Extensions, _ value: RawSpan) -> Bool? {
        extensions.judge(.issuingDistributionPoint, value, missing: true) { place in
            guard let field = try IssuingDistributionPoint(value, place).reasons else { return true }
            var result: Bool? = false
            for bit in asked { result = result.or(DERBitString.has(bit, value.slice(field))) }
            return result
        }
    }
}
