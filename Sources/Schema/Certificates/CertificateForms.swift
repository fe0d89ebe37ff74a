import BER
import LDAP

/// Canonical forms of what RFC 4523's exact rules compare, for values in DER and for assertions in GSER (RFC 3641).
///
/// An assertion that names certificate or list wholly has the form of the value; others are questions (``ComponentAssertion``) and have
/// none. Values that are not built like what they should be are compared octet by octet.
extension Schema {
    /// certificateExactMatch: the number of octets of the serial number, the serial number, the issuer in canonical form. Assertions are
    /// `{ serialNumber 12, issuer rdnSequence:"cn=CA" }`, and slapd's older `12$cn=CA`.
    func appendCertificate(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        if Syntax.isSequence(value) {
            if !append(certificate: value, nil, into: &out) { out.append(value) }
            return true
        }
        if let written = GSERValue(value) {
            guard let assertion = CertificateAssertion(exact: written, self), let serial = assertion.serialNumber, let issuer = assertion.issuer else { return false }
            out.append(UInt8(truncatingIfNeeded: serial.count))
            out.append(contentsOf: serial + issuer)
            return true
        }
        var dollar = 0
        while dollar < value.byteCount, value[at: dollar] != UInt8(ascii: "$") { dollar += 1 }
        guard dollar < value.byteCount, let serial = DERInteger.contents(decimal: value.extracting(0..<dollar).array) else { return false }
        out.append(UInt8(truncatingIfNeeded: serial.count))
        out.append(contentsOf: serial)
        return normalize(value.extracting((dollar + 1)..<value.byteCount), by: .distinguishedNameMatch, into: &out)
    }

    /// certificatePairExactMatch: of each certificate whether it is there, the length of its canonical form, and that.
    func appendCertificatePair(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        guard Syntax.isSequence(value) else { return false }
        let start = out.count
        guard let pair = CertificatePair(value) else {
            out.append(value)
            return true
        }
        for place in [pair.issuedTo, pair.issuedBy] {
            var form: [UInt8] = []
            guard let place else {
                out.append(0)
                continue
            }
            guard append(certificate: value, place, into: &form) else {
                out.removeLast(out.count - start)
                out.append(value)
                return true
            }
            out.append(1)
            for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: form.count >> shift)) }
            out.append(contentsOf: form)
        }
        return true
    }

    /// certificateListExactMatch: the time of the list in canonical form, a NUL, the issuer in canonical form.
    func appendCertificateList(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        if Syntax.isSequence(value) {
            guard let fields = try? RevocationListFields(value) else {
                out.append(value)
                return true
            }
            fields.thisUpdate.append(into: &out)
            out.append(0)
            appendName(der: value, fields.issuer, into: &out)
            return true
        }
        guard let written = GSERValue(value), let assertion = RevocationListAssertion(exact: written, self), assertion.distributionPoint == nil,
            let time = assertion.thisUpdate, let issuer = assertion.issuer
        else { return false }
        time.append(into: &out)
        out.append(0)
        out.append(contentsOf: issuer)
        return true
    }

    /// algorithmIdentifierMatch: the algorithm identifier in DER.
    func appendSupportedAlgorithm(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        guard Syntax.isSequence(value) else { return false }
        if let place = AlgorithmIdentifier.place(value) { out.append(value.slice(place)) } else { out.append(value) }
        return true
    }

    /// False, with nothing appended, for one that cannot be read.
    private func append(certificate value: RawSpan, _ place: ByteRange?, into out: inout [UInt8]) -> Bool {
        guard let fields = try? CertificateFields(value, place) else { return false }
        let serial = DERInteger.shortest(value.slice(fields.serial).array)
        guard serial.count < 255 else { return false }
        out.append(UInt8(serial.count))
        out.append(contentsOf: serial)
        appendName(der: value, fields.issuer, into: &out)
        return true
    }

    /// A name in DER: in canonical form if this schema knows its types, else as it is.
    private func appendName(der value: RawSpan, _ place: ByteRange, into out: inout [UInt8]) {
        if let name = DistinguishedName(der: value, place), let canonical = canonicalForm(name) {
            out.append(contentsOf: canonical)
        } else {
            out.append(value.slice(place))
        }
    }
}
