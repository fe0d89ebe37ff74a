import BER

/// The fields of a certificate revocation list in DER that rules look at (RFC 5280 section 5.1).
struct RevocationListFields {
    /// Contents of the SEQUENCE of the name.
    let issuer: ByteRange
    let thisUpdate: Times
    /// What follows the time.
    private let rest: ByteRange

    init(_ value: RawSpan) throws(BERError) {
        var outer = BERReader(value)
        var signed = BERReader(value, try outer.contents(of: BERTag.sequence))
        var reader = BERReader(value, try signed.contents(of: BERTag.sequence))
        // Version, algorithm of the signature.
        _ = try reader.contents(ifPresent: BERTag.integer)
        _ = try reader.contents(of: BERTag.sequence)
        issuer = try reader.contents(of: BERTag.sequence)
        let update = try reader.element()
        guard let time = Times(update.tag, value.slice(update.contents)) else { throw .integerOutOfRange }
        thisUpdate = time
        rest = ByteRange(start: reader.position, count: reader.end - reader.position)
    }

    /// When the next list comes, if it is said, and the extensions; nil when what follows the time is damaged.
    func body(_ value: RawSpan) -> (nextUpdate: Times?, extensions: X509Extensions)? {
        do {
            var reader = BERReader(value, rest)
            var nextUpdate: Times?
            if reader.nextTag == 0x17 || reader.nextTag == 0x18 {
                let update = try reader.element()
        guard let time = Times(update.tag, value.slice(update.contents)) else { return nil }
                nextUpdate = time
            }
            // The certificates that are revoked.
            _ = try reader.contents(ifPresent: BERTag.sequence)
            return (nextUpdate, try X509Extensions(reader.contents(ifPresent: BERTag.contextConstructed(0)), value))
        } catch {
            return nil
        }
    }
}
