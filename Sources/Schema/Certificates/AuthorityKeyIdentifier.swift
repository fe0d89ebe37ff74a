import BER

/// `authorityKeyIdentifier` of an assertion (RFC 5280 section 4.2.1.1).
struct AuthorityKeyIdentifier: Sendable {
    private let keyIdentifier: [UInt8]?
    private let issuer: [GeneralName]?
    private let serialNumber: [UInt8]?

    init?(_ written: GSERValue, _ schema: Schema) {
        guard var parts = GSERSequence(written) else { return nil }
        do {
            keyIdentifier = try parts.take("keyIdentifier") { $0.octets }
            issuer = try parts.take("authorityCertIssuer") { GeneralName.list($0, schema) }
            serialNumber = try parts.take("authorityCertSerialNumber") { $0.integer }
        } catch {
            return nil
        }
        guard parts.isEmpty else { return nil }
    }

    /// Whether the extension has all that is asked for, and it agrees; no match without the extension (X.509 sections 11.3.2 and 11.3.6).
    func matches(_ extensions: X509Extensions, _ value: RawSpan, _ schema: Schema) -> Bool? {
        extensions.judge(.authorityKeyIdentifier, value, missing: false) { place in
            var outer = BERReader(value, place)
            var fields = BERReader(value, try outer.contents(of: BERTag.sequence))
            let key = try fields.contents(ifPresent: BERTag.context(0))
            let names = try fields.contents(ifPresent: BERTag.contextConstructed(1))
            let serial = try fields.contents(ifPresent: BERTag.context(2))
            let storedNames = try names.map { try DERGeneralName.list(value, $0) }
            return Bool?.unless(keyIdentifier) { asked in key.map { value.slice($0).elementsEqual(asked.rawSpan) } ?? false }
                .and(.unless(serialNumber) { asked in serial.map { DERInteger.shortest(value.slice($0).array) == asked } ?? false })
                .and(.unless(issuer) { asked in Self.equal(asked, storedNames ?? [], value, schema) })
        }
    }

    /// Whether two lists hold the same names in the same order.
    private static func equal(_ asked: [GeneralName], _ stored: [DERGeneralName], _ value: RawSpan, _ schema: Schema) -> Bool? {
        guard asked.count == stored.count else { return false }
        var result: Bool? = true
        for (name, other) in zip(asked, stored) { result = result.and(name.equals(other, value, schema)) }
        return result
    }
}
