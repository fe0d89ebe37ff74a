import BER

/// CertificateAssertion (X.509 section 11.3.2, RFC 4523 appendix A.2): a certificate matches when all components that are there match.
///
/// The exact assertion (appendix A.1) is one with a serial number and an issuer and nothing else.
struct CertificateAssertion: Sendable {
    /// In two's complement, as short as can be.
    private(set) var serialNumber: [UInt8]?
    /// In canonical form.
    private(set) var issuer: [UInt8]?
    private var subjectKeyIdentifier: [UInt8]?
    private var authorityKeyIdentifier: AuthorityKeyIdentifier?
    private var certificateValid: Times?
    private var privateKeyValid: Times?
    private var subjectPublicKeyAlgorithm: [UInt8]?
    private var keyUsage: [Int]?
    private var subjectAltName: AlternativeNameType?
    private var policy: [[UInt8]]?
    private var pathToName: [UInt8]?
    private var subject: [UInt8]?
    private var nameConstraints: AssertedNameConstraints?

    static let keyUsages = [
        "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly",
    ]

    /// AltNameType: which kind of alternative name there must be.
    private enum AlternativeNameType: Sendable {
        case builtIn(GeneralName.Form)
        case other([UInt8])

        init?(_ written: GSERValue, _ schema: Schema) {
            switch written {
            case .choice("builtinNameForm", .word(let word)):
                guard let form = GeneralName.Form(word), form != .otherName else { return nil }
                self = .builtIn(form)
            case .choice("otherNameForm", let type):
                guard let type = type.objectIdentifier(schema) else { return nil }
                self = .other(type)
            default: return nil
            }
        }
    }

    init?(_ written: GSERValue, _ schema: Schema) {
        guard var parts = GSERSequence(written) else { return nil }
        do {
            serialNumber = try parts.take("serialNumber") { $0.integer }
            issuer = try parts.take("issuer") { $0.name(schema) }
            subjectKeyIdentifier = try parts.take("subjectKeyIdentifier") { $0.octets }
            authorityKeyIdentifier = try parts.take("authorityKeyIdentifier") { AuthorityKeyIdentifier($0, schema) }
            certificateValid = try parts.take("certificateValid") { $0.time }
            privateKeyValid = try parts.take("privateKeyValid") { $0.text.flatMap { Times(generalizedTime: $0.rawSpan) } }
            subjectPublicKeyAlgorithm = try parts.take("subjectPublicKeyAlgID") { $0.objectIdentifier(schema) }
            keyUsage = try parts.take("keyUsage") { $0.ones(Self.keyUsages) }
            subjectAltName = try parts.take("subjectAltName") { AlternativeNameType($0, schema) }
            policy = try parts.take("policy") { Self.policies($0, schema) }
            pathToName = try parts.take("pathToName") { $0.name(schema) }
            subject = try parts.take("subject") { $0.name(schema) }
            nameConstraints = try parts.take("nameConstraints") { AssertedNameConstraints($0, schema) }
        } catch {
            return nil
        }
        guard parts.isEmpty else { return nil }
    }

    /// An exact assertion; nil when it has not both of its components, or others.
    init?(exact written: GSERValue, _ schema: Schema) {
        guard case .components(let components) = written, components.count == 2 else { return nil }
        self.init(written, schema)
        guard serialNumber != nil, issuer != nil else { return nil }
    }

    private static func policies(_ written: GSERValue, _ schema: Schema) -> [[UInt8]]? {
        guard let elements = written.elements, elements.count <= maximumPolicies else { return nil }
        let policies = elements.compactMap { $0.objectIdentifier(schema) }
        return policies.count == elements.count ? policies : nil
    }

    private static let maximumPolicies = 256
    /// anyPolicy, 2.5.29.32.0.
    private static let anyPolicy: [UInt8] = [0x55, 0x1d, 0x20, 0x00]

    /// Whether a certificate matches; Undefined where one of its fields cannot be read, or not be compared, that the answer depends on.
    /// - Parameter place: contents of the certificate's SEQUENCE; nil: the value is a certificate.
    func matches(_ value: RawSpan, _ place: ByteRange?, _ schema: Schema) -> Bool? {
        guard let fields = try? CertificateFields(value, place) else { return nil }
        let head = Bool?.unless(serialNumber) { DERInteger.shortest(value.slice(fields.serial).array) == $0 }
            .and(.unless(issuer) { schema.isName(value, fields.issuer, $0) })
        guard head != false, needsBody else { return head }
        guard let body = fields.body(value) else { return nil }
        return head
            .and(.unless(certificateValid) { !$0.isBefore(body.notBefore) && !body.notAfter.isBefore($0) })
            .and(.unless(subjectPublicKeyAlgorithm) { value.slice(body.keyAlgorithm).elementsEqual($0.rawSpan) })
            .and(.unless(subject) { schema.isName(value, body.subject, $0) })
            .and(matches(body.extensions, value, schema))
            .and(.unless(nameConstraints) { $0.hold(body, value, schema) })
    }

    private var needsBody: Bool {
        certificateValid != nil || subjectPublicKeyAlgorithm != nil || subject != nil || subjectKeyIdentifier != nil || authorityKeyIdentifier != nil
            || privateKeyValid != nil || keyUsage != nil || subjectAltName != nil || policy != nil || pathToName != nil || nameConstraints != nil
    }

    private func matches(_ extensions: X509Extensions, _ value: RawSpan, _ schema: Schema) -> Bool? {
        Bool?.unless(subjectKeyIdentifier) { asked in
            extensions.judge(.subjectKeyIdentifier, value, missing: false) { place in
                var reader = BERReader(value, place)
                return value.slice(try reader.contents(of: BERTag.octetString)).elementsEqual(asked.rawSpan)
            }
        }
        .and(.unless(keyUsage) { asked in
            extensions.judge(.keyUsage, value, missing: true) { place in
                var reader = BERReader(value, place)
                let bits = value.slice(try reader.contents(of: X509Tag.bitString))
                var result: Bool? = true
                for bit in asked { result = result.and(DERBitString.has(bit, bits)) }
                return result
            }
        })
        .and(.unless(privateKeyValid) { asked in extensions.judge(.privateKeyUsagePeriod, value, missing: true) { try Self.isIn($0, value, asked) } })
        .and(.unless(subjectAltName) { asked in extensions.judge(.subjectAltName, value, missing: false) { try Self.has(asked, value, $0) } })
        .and(.unless(policy) { asked in extensions.judge(.certificatePolicies, value, missing: false) { try Self.hasPolicy(asked, value, $0) } })
        .and(.unless(authorityKeyIdentifier) { $0.matches(extensions, value, schema) })
        .and(.unless(pathToName) { asked in extensions.judge(.nameConstraints, value, missing: true) { try NameConstraints.allow(asked, value, $0, schema) } })
    }

    /// Whether a time is in a private key's period, either end of which may be missing (X.509 section 8.2.2.5).
    private static func isIn(_ place: ByteRange, _ value: RawSpan, _ time: Times) throws -> Bool? {
        var outer = BERReader(value, place)
        var fields = BERReader(value, try outer.contents(of: BERTag.sequence))
        var result: Bool? = true
        if let first = try fields.contents(ifPresent: BERTag.context(0)) {
            result = result.and(Times(generalizedTime: value.slice(first)).map { !time.isBefore($0) })
        }
        if let last = try fields.contents(ifPresent: BERTag.context(1)) {
            result = result.and(Times(generalizedTime: value.slice(last)).map { !$0.isBefore(time) })
        }
        return result
    }

    private static func has(_ type: AlternativeNameType, _ value: RawSpan, _ place: ByteRange) throws -> Bool? {
        var outer = BERReader(value, place)
        for name in try DERGeneralName.list(value, outer.contents(of: BERTag.sequence)) {
            switch type {
            case .builtIn(let form): if name.form == form { return true }
            case .other(let wanted):
                guard name.form == .otherName else { continue }
                var reader = BERReader(value, name.contents)
                if value.slice(try reader.contents(of: X509Tag.objectIdentifier)).elementsEqual(wanted.rawSpan) { return true }
            }
        }
        return false
    }

    /// Whether one of the policies is there, or either side has the special one that stands for all.
    private static func hasPolicy(_ asked: [[UInt8]], _ value: RawSpan, _ place: ByteRange) throws -> Bool? {
        var outer = BERReader(value, place)
        var list = BERReader(value, try outer.contents(of: BERTag.sequence))
        var isFound = asked.contains(anyPolicy)
        while !list.isAtEnd {
            var information = BERReader(value, try list.contents(of: BERTag.sequence))
            let policy = value.slice(try information.contents(of: X509Tag.objectIdentifier))
            if policy.elementsEqual(anyPolicy.rawSpan) { isFound = true }
            for identifier in asked where policy.elementsEqual(identifier.rawSpan) { isFound = true }
        }
        return isFound
    }
}
