import BER
import LDAP

/// `distributionPoint` of an assertion on revocation lists (RFC 5280 section 5.2.5).
enum DistributionPointName: Sendable {
    case fullName([GeneralName])
    /// A level of a name below the issuer, in canonical form.
    case nameRelativeToIssuer([UInt8])

    init?(_ written: GSERValue, _ schema: Schema) {
        switch written {
        case .choice("fullName", let names):
            guard let names = GeneralName.list(names, schema) else { return nil }
            self = .fullName(names)
        case .choice("nameRelativeToCRLIssuer", .string(let text)):
            var canonical: [UInt8] = []
            guard let name = try? RelativeDistinguishedName(parsing: text.rawSpan), (try? schema.normalizeRDN(name, into: &canonical)) != nil else { return nil }
            self = .nameRelativeToIssuer(canonical)
        default: return nil
        }
    }

    /// Whether a list's issuing distribution point has one of the names; no match without the extension.
    func matches(_ extensions: X509Extensions, _ value: RawSpan, _ schema: Schema) -> Bool? {
        extensions.judge(.issuingDistributionPoint, value, missing: false) { place in
            guard let field = try IssuingDistributionPoint(value, place).name else { return false }
            var reader = BERReader(value, field)
            let (tag, contents) = try reader.element()
            switch (tag, self) {
            case (BERTag.contextConstructed(0), .fullName(let names)):
                let stored = try DERGeneralName.list(value, contents)
                var result: Bool? = false
                // Both lists come from outside.
                guard names.count * stored.count <= Self.maximumComparisons else { return nil }
                for name in names {
                    for other in stored { result = result.or(name.equals(other, value, schema)) }
                }
                return result
            case (BERTag.contextConstructed(1), .nameRelativeToIssuer(let name)):
                guard let stored = RelativeDistinguishedName(der: value, contents) else { return nil }
                return schema.canonicalForm(DistinguishedName(rdns: [stored])) == name
            default: return false
            }
        }
    }

    private static let maximumComparisons = 65_536
}

/// The parts of an issuing distribution point that rules look at.
struct IssuingDistributionPoint {
    /// Contents of the field, which holds one of the alternatives.
    let name: ByteRange?
    /// Contents of the BIT STRING `onlySomeReasons`.
    let reasons: ByteRange?

    init(_ value: RawSpan, _ place: ByteRange) throws(BERError) {
        var outer = BERReader(value, place)
        var fields = BERReader(value, try outer.contents(of: BERTag.sequence))
        name = try fields.contents(ifPresent: BERTag.contextConstructed(0))
        // Whether it is of users or authorities alone.
        _ = try fields.contents(ifPresent: BERTag.context(1))
        _ = try fields.contents(ifPresent: BERTag.context(2))
        reasons = try fields.contents(ifPresent: BERTag.context(3))
    }
}
