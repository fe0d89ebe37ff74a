import Schema
import SeededRandom
import Testing

/// certificateExactMatch and certificateListExactMatch (RFC 4523 sections 2.4 and 2.5).
struct RFC4523CertificateTests {
    /// Serial number 17357386176853808775 (0xf0e1d2c3b4a59687), issuer CN=Test CA,O=Example Ltd,C=IT.
    static let certificate = decode("MIIBtzCCAVygAwIBAgIJAPDh0sO0pZaHMAoGCCqGSM49BAMCMDUxCzAJBgNVBAYTAklUMRQwEgYDVQQKDAtFeGFtcGxlIEx0ZDEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjMwMzIyMDZaGA8yMTI2MTAzMDAzMjIwNlowNTELMAkGA1UEBhMCSVQxFDASBgNVBAoMC0V4YW1wbGUgTHRkMRAwDgYDVQQDDAdUZXN0IENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEFUZO8K2S3RjXKszNfsMgJ+SgR9Wm/jubkvXlMUIYlHWMdvtN6CEKfiRO79h9Jwa5jgNjCPrmij8lxuCS95UWFqNTMFEwHQYDVR0OBBYEFEBsQhkqPvv1JaD2sFwEoWt1Vy7+MB8GA1UdIwQYMBaAFEBsQhkqPvv1JaD2sFwEoWt1Vy7+MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAJ0SAqEN98Yw2MM6SvV7PRYlkWYKOQQnuvtMQPqQWpLeAiEA/agKOEs2Ra+N9c4ldCCq2NWw178fy9fW1lTyBuVbOfU=")

    static func decode(_ base64: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in base64.utf8 {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte + 4
            case UInt8(ascii: "+"): digit = 62
            case UInt8(ascii: "/"): digit = 63
            default: continue
            }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    private let schema = Fixture.schema

    @Test(arguments: [
        #"{ serialNumber 17357386176853808775, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#,
        #"{ issuer rdnSequence:"CN=test  ca, O=EXAMPLE LTD, C=it", serialNumber 17357386176853808775 }"#,
        #"{serialNumber 'F0E1D2C3B4A59687'H,issuer "2.5.4.3=Test CA,o=Example Ltd,c=IT"}"#,
        #"17357386176853808775$cn=Test CA,o=Example Ltd,c=IT"#,
    ])
    func assertionsThatMatch(_ assertion: String) throws {
        let wanted = try #require(schema.canonical(assertion, .certificateExactMatch))
        #expect(schema.canonical(Self.certificate, .certificateExactMatch) == wanted)
    }

    @Test(arguments: [
        #"{ serialNumber 17357386176853808774, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#,
        #"{ serialNumber -1089357896855742841, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#,
        #"{ serialNumber 17357386176853808775, issuer rdnSequence:"cn=Test CB,o=Example Ltd,c=IT" }"#, #"0$cn=x"#,
    ])
    func assertionsThatDoNot(_ assertion: String) throws {
        let wanted = try #require(schema.canonical(assertion, .certificateExactMatch))
        #expect(schema.canonical(Self.certificate, .certificateExactMatch) != wanted)
    }

    @Test(arguments: [
        "", "{", "{}", "12", "$cn=x", "x$cn=x", "1$x", "{ serialNumber 1 }", #"{ issuer rdnSequence:"cn=x" }"#,
        #"{ serialNumber 1, issuer rdnSequence:"cn=x }"#, #"{ serialNumber 1, issuer rdnSequence:"cn=x" } "x"#,
        #"{ serialNumber 1, serialNumber 1, issuer "cn=x" }"#, #"{ serialNumber 'A'H, issuer "cn=x" }"#,
        #"{ serialNumber ''H, issuer "cn=x" }"#, #"{ serialNumber 01, issuer "cn=x" }"#, #"{ serialNumber 1, issuer "noSuchType=x" }"#,
        #"{ serialNumber 1, issuer "cn=x", thisUpdate utcTime:"990230000000Z" }"#,
    ])
    func assertionsThatAreNone(_ assertion: String) {
        #expect(schema.canonical(assertion, .certificateExactMatch) == nil)
    }

    @Test func numbersOfAnySize() {
        for (text, octets) in [
            ("0", [0]), ("127", [127]), ("128", [0, 128]), ("255", [0, 255]), ("256", [1, 0]), ("-1", [255]), ("-128", [128]),
            ("-129", [255, 127]), ("-256", [255, 0]), ("65536", [1, 0, 0]),
        ] as [(String, [UInt8])] {
            let canonical = schema.canonical("\(text)$cn=x", .certificateExactMatch)
            #expect(canonical == [UInt8(octets.count)] + octets + Array("cn=x".utf8), "\(text)")
        }
        #expect(schema.canonical(String(repeating: "9", count: 100_000) + "$cn=x", .certificateExactMatch) == nil)
    }

    /// RFC 5280 section 5.1: version, algorithm, issuer, thisUpdate.
    @Test func revocationLists() throws {
        let name: [UInt8] = [0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 0x58]
        let time: [UInt8] = [0x17, 13] + Array("260102030405Z".utf8)
        let signed: [UInt8] = [0x02, 1, 1, 0x30, 0] + name + time
        let list: [UInt8] = [0x30, UInt8(signed.count + 2), 0x30, UInt8(signed.count)] + signed
        let canonical = try #require(schema.canonical(list, .certificateListExactMatch))
        #expect(schema.canonical(#"{ issuer rdnSequence:"cn=x", thisUpdate utcTime:"260102030405Z" }"#, .certificateListExactMatch) == canonical)
        #expect(schema.canonical(#"{ issuer rdnSequence:"cn=x", thisUpdate "20260102030405Z" }"#, .certificateListExactMatch) == canonical)
        #expect(schema.canonical(#"{ issuer rdnSequence:"cn=y", thisUpdate "20260102030405Z" }"#, .certificateListExactMatch) != canonical)
    }

    @Test func damagedCertificates() {
        var random = SeededGenerator(seed: 4523)
        for _ in 0..<20_000 {
            var bytes = Self.certificate
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<min(bytes.count, 180), using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            _ = schema.canonical(bytes, .certificateExactMatch)
            _ = schema.canonical(bytes, .certificateListExactMatch)
        }
    }
}
