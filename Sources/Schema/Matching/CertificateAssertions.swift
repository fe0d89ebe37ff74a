import BER
import LDAP

/// What certificates and revocation lists are compared by (RFC 4523 sections 2.4 and 2.5): serial number and issuer, issuer and date.
///
/// A value is a certificate in DER; an assertion is GSER text (RFC 3641) such as
/// `{ serialNumber 12, issuer rdnSequence:"cn=CA" }`, or slapd's older `12$cn=CA`. Both get the same canonical form. Values that are
/// not built like certificates are compared octet by octet.
extension Schema {
    /// certificateExactMatch: the number of octets of the serial number, the serial number, the issuer in canonical form.
    func appendCertificate(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        if Syntax.isSequence(value) {
            guard let parts = CertificateParts(certificate: value), let serial = parts.serial, serial.count < 255 else {
                out.append(value)
                return true
            }
            out.append(UInt8(serial.count))
            out.append(contentsOf: serial)
            appendIssuer(parts.issuer, value, into: &out)
            return true
        }
        guard let assertion = CertificateAssertion(exact: value), let serial = assertion.serial,
            let issuer = try? DistinguishedName(parsing: assertion.issuer.rawSpan)
        else { return false }
        out.append(UInt8(truncatingIfNeeded: serial.count))
        out.append(contentsOf: serial)
        return (try? normalizeDN(issuer, into: &out)) != nil
    }

    /// certificateListExactMatch: the time of the list in canonical form, a NUL, the issuer in canonical form.
    func appendCertificateList(_ value: RawSpan, into out: inout [UInt8]) -> Bool {
        if Syntax.isSequence(value) {
            guard let parts = CertificateParts(list: value), let time = parts.time else {
                out.append(value)
                return true
            }
            time.append(into: &out)
            out.append(0)
            appendIssuer(parts.issuer, value, into: &out)
            return true
        }
        guard let assertion = CertificateAssertion(exact: value), let time = assertion.time,
            let issuer = try? DistinguishedName(parsing: assertion.issuer.rawSpan)
        else { return false }
        time.append(into: &out)
        out.append(0)
        return (try? normalizeDN(issuer, into: &out)) != nil
    }

    /// A name in DER: in canonical form if this schema knows its types, else as it is.
    private func appendIssuer(_ place: ByteRange, _ value: RawSpan, into out: inout [UInt8]) {
        let start = out.count
        if let name = DistinguishedName(der: value, place), (try? normalizeDN(name, into: &out)) != nil { return }
        out.removeLast(out.count - start)
        out.append(value.slice(place))
    }
}

/// The fields of a certificate (RFC 5280 section 4.1) or of a revocation list (section 5.1) that rules look at.
private struct CertificateParts {
    /// Contents of the INTEGER, as short as they can be.
    var serial: [UInt8]?
    /// Contents of the SEQUENCE of the issuer's name.
    var issuer: ByteRange
    /// `thisUpdate` of a list.
    var time: Times?

    init?(certificate value: RawSpan) {
        do {
            var outer = BERReader(value)
            var signed = BERReader(value, try outer.contents(of: BERTag.sequence))
            var reader = BERReader(value, try signed.contents(of: BERTag.sequence))
            _ = try reader.contents(ifPresent: BERTag.contextConstructed(0))
            let number = try reader.contents(of: BERTag.integer)
            _ = try reader.contents(of: BERTag.sequence)
            issuer = try reader.contents(of: BERTag.sequence)
            var octets = value.slice(number).array
            while octets.count > 1, octets[0] == 0 && octets[1] < 0x80 || octets[0] == 0xff && octets[1] >= 0x80 { octets.removeFirst() }
            guard !octets.isEmpty else { return nil }
            serial = octets
        } catch {
            return nil
        }
    }

    init?(list value: RawSpan) {
        do {
            var outer = BERReader(value)
            var signed = BERReader(value, try outer.contents(of: BERTag.sequence))
            var reader = BERReader(value, try signed.contents(of: BERTag.sequence))
            _ = try reader.contents(ifPresent: BERTag.integer)
            _ = try reader.contents(of: BERTag.sequence)
            issuer = try reader.contents(of: BERTag.sequence)
            let (tag, contents) = try reader.element()
            switch tag {
            case 0x17: time = Times(utcTime: value.slice(contents))
            case 0x18: time = Times(generalizedTime: value.slice(contents))
            default: return nil
            }
        } catch {
            return nil
        }
    }
}

/// `{ serialNumber 12, issuer rdnSequence:"cn=CA" }`, `{ issuer rdnSequence:"cn=CA", thisUpdate utcTime:"300101000000Z" }`, in any order,
/// and `12$cn=CA`.
private struct CertificateAssertion {
    var serial: [UInt8]?
    /// In string form.
    var issuer: [UInt8] = []
    var time: Times?

    /// Serial numbers have twenty octets at most (RFC 5280 section 4.1.2.2); some issuers did not know.
    private static let maximumOctets = 128

    init?(exact text: RawSpan) {
        guard !text.isEmpty else { return nil }
        if text[at: 0] != UInt8(ascii: "{") {
            var dollar = 0
            while dollar < text.byteCount, text[at: dollar] != UInt8(ascii: "$") { dollar += 1 }
            guard dollar < text.byteCount, let number = Self.number(text.extracting(0..<dollar).array) else { return nil }
            serial = number
            issuer = text.extracting((dollar + 1)..<text.byteCount).array
            return
        }
        var scanner = Scanner(bytes: text.array, position: 1)
        var hasIssuer = false
        while true {
            let name = scanner.word()
            switch name {
            case "serialNumber":
                guard serial == nil else { return nil }
                if let hexadecimal = scanner.hexadecimal() {
                    serial = hexadecimal
                } else if let number = Self.number(Array(scanner.word().utf8)) {
                    serial = number
                }
                guard serial != nil else { return nil }
            case "issuer":
                scanner.skip("rdnSequence:")
                guard !hasIssuer, let name = scanner.quoted() else { return nil }
                issuer = name
                hasIssuer = true
            case "thisUpdate":
                let isUTC = scanner.skip("utcTime:")
                if !isUTC { scanner.skip("generalTime:") }
                guard time == nil, let written = scanner.quoted() else { return nil }
                time = isUTC ? Times(utcTime: written.rawSpan) : Times(generalizedTime: written.rawSpan) ?? Times(utcTime: written.rawSpan)
                guard time != nil else { return nil }
            default: return nil
            }
            if scanner.skip(",") { continue }
            guard scanner.skip("}"), scanner.isAtEnd, hasIssuer else { return nil }
            return
        }
    }

    /// A decimal number as an INTEGER's contents: two's complement, as short as can be.
    private static func number(_ text: [UInt8]) -> [UInt8]? {
        guard let (isNegative, start) = Numbers.digits(text.rawSpan), text.count <= 2 * maximumOctets else { return nil }
        // Little-endian while it grows.
        var octets: [UInt8] = [0]
        for digit in text[start...] {
            var carry = Int(digit &- 0x30)
            for index in octets.indices {
                carry += Int(octets[index]) * 10
                octets[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { octets.append(UInt8(truncatingIfNeeded: carry)) }
        }
        if (octets.last ?? 0) >= 0x80 { octets.append(0) }
        if isNegative {
            var carry = 1
            for index in octets.indices {
                carry += Int(~octets[index])
                octets[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            while octets.count > 1, octets[octets.count - 1] == 0xff, octets[octets.count - 2] >= 0x80 { octets.removeLast() }
        }
        return octets.count <= maximumOctets ? octets.reversed() : nil
    }

    /// Runs over GSER text. Spaces between parts say nothing.
    private struct Scanner {
        let bytes: [UInt8]
        var position: Int

        private mutating func skipSpaces() {
            while position < bytes.count, bytes[position] == 0x20 { position += 1 }
        }

        var isAtEnd: Bool {
            mutating get {
                skipSpaces()
                return position == bytes.count
            }
        }

        /// Letters, digits and hyphens.
        mutating func word() -> String {
            skipSpaces()
            let start = position
            while position < bytes.count, lowercase(bytes[position]) &- 0x61 < 26 || CharacterClass.isDigit(bytes[position]) || bytes[position] == 0x2d {
                position += 1
            }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        @discardableResult mutating func skip(_ text: String) -> Bool {
            skipSpaces()
            guard bytes[position...].starts(with: text.utf8) else { return false }
            position += text.utf8.count
            return true
        }

        /// A string in quotes, in which a quote is written twice.
        mutating func quoted() -> [UInt8]? {
            guard skip("\"") else { return nil }
            var text: [UInt8] = []
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                if byte == UInt8(ascii: "\"") {
                    guard position < bytes.count, bytes[position] == byte else { return text }
                    position += 1
                }
                text.append(byte)
            }
            return nil
        }

        /// `'0A'H`: octets of a number that is not negative.
        mutating func hexadecimal() -> [UInt8]? {
            let start = position
            guard skip("'") else { return nil }
            var octets: [UInt8] = []
            while position + 1 < bytes.count, CharacterClass.isHexDigit(bytes[position]), CharacterClass.isHexDigit(bytes[position + 1]),
                octets.count < CertificateAssertion.maximumOctets
            {
                octets.append(CharacterClass.hexValue(bytes[position]) << 4 | CharacterClass.hexValue(bytes[position + 1]))
                position += 2
            }
            guard skip("'H"), !octets.isEmpty else {
                position = start
                return nil
            }
            while octets.count > 1, octets[0] == 0, octets[1] < 0x80 { octets.removeFirst() }
            if octets[0] >= 0x80 { octets.insert(0, at: 0) }
            return octets
        }
    }
}
