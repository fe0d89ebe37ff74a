import BER

/// Where the fields of a certificate in DER stand that rules look at (RFC 5280 section 4.1): places in the value.
///
/// Read only as far as asked: the exact rules need no more than the head.
struct CertificateFields {
    /// Contents of the INTEGER.
    let serial: ByteRange
    /// Contents of the SEQUENCE of the name.
    let issuer: ByteRange
    /// What follows the issuer.
    private let rest: ByteRange

    /// What stands behind the issuer.
    struct Body {
        let notBefore: Times
        let notAfter: Times
        let subject: ByteRange
        /// Contents of the OBJECT IDENTIFIER of the key's algorithm.
        let keyAlgorithm: ByteRange
        let extensions: X509Extensions
    }

    /// - Parameter place: the contents of the certificate's SEQUENCE; nil: the value is a certificate.
    init(_ value: RawSpan, _ place: ByteRange? = nil) throws(BERError) {
        var outer = BERReader(value)
        let contents = if let place { place } else { try outer.contents(of: BERTag.sequence) }
        var signed = BERReader(value, contents)
        var reader = BERReader(value, try signed.contents(of: BERTag.sequence))
        // Version.
        _ = try reader.contents(ifPresent: BERTag.contextConstructed(0))
        serial = try reader.contents(of: BERTag.integer)
        guard !serial.isEmpty else { throw .integerOutOfRange }
        // Algorithm of the signature.
        _ = try reader.contents(of: BERTag.sequence)
        issuer = try reader.contents(of: BERTag.sequence)
        rest = ByteRange(start: reader.position, count: reader.end - reader.position)
    }

    /// Nil when what follows the issuer is damaged.
    func body(_ value: RawSpan) -> Body? {
        do {
            var reader = BERReader(value, rest)
            var validity = BERReader(value, try reader.contents(of: BERTag.sequence))
            let (first, last) = (try validity.element(), try validity.element())
            guard let notBefore = Times(first.tag, value.slice(first.contents)), let notAfter = Times(last.tag, value.slice(last.contents)) else { return nil }
            let subject = try reader.contents(of: BERTag.sequence)
            var key = BERReader(value, try reader.contents(of: BERTag.sequence))
            var algorithm = BERReader(value, try key.contents(of: BERTag.sequence))
            let identifier = try algorithm.contents(of: X509Tag.objectIdentifier)
            // Unique identifiers of issuer and subject.
            _ = try reader.contents(ifPresent: BERTag.context(1))
            _ = try reader.contents(ifPresent: BERTag.context(2))
            return Body(
                notBefore: notBefore, notAfter: notAfter, subject: subject, keyAlgorithm: identifier,
                extensions: try X509Extensions(reader.contents(ifPresent: BERTag.contextConstructed(3)), value))
        } catch {
            return nil
        }
    }
}

/// Tags that LDAP's own messages do not have.
enum X509Tag {
    static let bitString: UInt8 = 0x03
    static let objectIdentifier: UInt8 = 0x06
    static let utcTime: UInt8 = 0x17
    static let generalizedTime: UInt8 = 0x18
}

/// The extensions of a certificate or revocation list (RFC 5280 section 4.1.2.9): found by going through them.
struct X509Extensions {
    /// What RFC 5280 calls id-ce, and the extension's number below it.
    enum Kind: UInt8 {
        case subjectKeyIdentifier = 14, keyUsage, privateKeyUsagePeriod, subjectAltName, crlNumber = 20
        case issuingDistributionPoint = 28, nameConstraints = 30, certificatePolicies = 32, authorityKeyIdentifier = 35
    }

    /// Contents of the SEQUENCE OF; nil: there are none.
    private let place: ByteRange?

    /// - Parameter field: contents of the field's explicit tag, if it is there.
    init(_ field: ByteRange?, _ value: RawSpan) throws(BERError) {
        guard let field else {
            place = nil
            return
        }
        var inner = BERReader(value, field)
        place = try inner.contents(of: BERTag.sequence)
    }

    /// The place of an extension's value, nil when it is not there.
    func find(_ kind: Kind, _ value: RawSpan) throws(BERError) -> ByteRange? {
        guard let place else { return nil }
        var list = BERReader(value, place)
        while !list.isAtEnd {
            var fields = BERReader(value, try list.contents(of: BERTag.sequence))
            let identifier = value.slice(try fields.contents(of: X509Tag.objectIdentifier))
            // Whether it is critical.
            _ = try fields.contents(ifPresent: BERTag.boolean)
            let contents = try fields.contents(of: BERTag.octetString)
            if identifier.byteCount == 3, identifier[at: 0] == 0x55, identifier[at: 1] == 0x1d, identifier[at: 2] == kind.rawValue { return contents }
        }
        return nil
    }

    /// What `judge` says of an extension that may be missing; Undefined when it is damaged.
    func judge(_ kind: Kind, _ value: RawSpan, missing: Bool, _ judge: (ByteRange) throws -> Bool?) -> Bool? {
        do {
            guard let place = try find(kind, value) else { return missing }
            return try judge(place)
        } catch {
            return nil
        }
    }
}

extension Times {
    /// A Time (RFC 5280 section 4.1.2.5) by its tag and contents.
    init?(_ tag: UInt8, _ contents: RawSpan) {
        switch tag {
        case X509Tag.utcTime: self.init(utcTime: contents)
        case X509Tag.generalizedTime: self.init(generalizedTime: contents)
        default: return nil
        }
    }

    /// Whether it is earlier than another.
    func isBefore(_ other: Times) -> Bool {
        func order(_ time: Times) -> [Int] { [time.year, time.month, time.day, time.hour, time.minute, time.second, time.fraction] }
        return order(self).lexicographicallyPrecedes(order(other))
    }
}
