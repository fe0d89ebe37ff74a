import BER
import Schema
import SeededRandom
import Testing

/// The rules of RFC 4523 whose assertions ask for components: X.509 sections 11.3.2 to 11.3.7 say what they mean, RFC 4523 appendix A how
/// they are written.
struct RFC4523ComponentTests {
    /// Serial number 300, issuer CN=Test CA,O=Example Ltd,C=IT, subject CN=Somebody,OU=People,O=Example Ltd,C=IT, an RSA key, valid from
    /// 20261127061513Z to 20361124061513Z, its key from 20250101000000Z to 20260101000000Z; key usage digitalSignature and keyCertSign; names
    /// of all forms but x400Address and ediPartyName; name constraints: O=Example Ltd,C=IT without OU=Secret.
    static let certificate = RFC4523CertificateTests.decode("MIIDmDCCAz2gAwIBAgICASwwCgYIKoZIzj0EAwIwNTELMAkGA1UEBhMCSVQxFDASBgNVBAoMC0V4YW1wbGUgTHRkMRAwDgYDVQQDDAdUZXN0IENBMB4XDTI2MTEyNzA2MTUxM1oXDTM2MTEyNDA2MTUxM1owRzELMAkGA1UEBhMCSVQxFDASBgNVBAoMC0V4YW1wbGUgTHRkMQ8wDQYDVQQLDAZQZW9wbGUxETAPBgNVBAMMCFNvbWVib2R5MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQD0A568yeHymgAT0ZbYrWG/TlQxGyu51EdxW7vLd+FGPqINnHw3ZxIpb74+bYGAFyMkkYEdATBg0F5IySY3Tp2yviyR4OKU3iVn7JG8An8brIJ6QodcAO9vKzKqHZhAk4xKCVdhgTzmBLvJUjPiZkZb6UO5i1seUJ+8iEyO/ICndwIDAQABo4IB4jCCAd4wDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAoQwDQYDVR0OBAYEBAECAwQwXgYDVR0jBFcwVYAUXiq4BHEF+PDEDRwfrd6lepuGq5ShOaQ3MDUxCzAJBgNVBAYTAklUMRQwEgYDVQQKDAtFeGFtcGxlIEx0ZDEQMA4GA1UEAwwHVGVzdCBDQYICEAAwHwYDVR0gBBgwFjAKBggrBgEEAc4PATAIBgZngQwBAgEwgYsGA1UdEQSBgzCBgIIQbWFpbC5leGFtcGxlLmNvbYEQdXNlckBFeGFtcGxlLmNvbYcECgECA4YZaHR0cHM6Ly93d3cuZXhhbXBsZS5jb20veKQfMB0xCzAJBgNVBAYTAklUMQ4wDAYDVQQKDAVPdGhlcogDKgMEoBMGCCsGAQQBzg8CoAcMBWhlbGxvMHAGA1UdHgRpMGegKTAnpCUwIzELMAkGA1UEBhMCSVQxFDASBgNVBAoMC0V4YW1wbGUgTHRkoTowOKQ2MDQxCzAJBgNVBAYTAklUMRQwEgYDVQQKDAtFeGFtcGxlIEx0ZDEPMA0GA1UECwwGU2VjcmV0MCsGA1UdEAQkMCKADzIwMjUwMTAxMDAwMDAwWoEPMjAyNjAxMDEwMDAwMDBaMAoGCCqGSM49BAMCA0kAMEYCIQC+CRJU65IWk8llYzYzPz9cMWviLRRF6Ksl0GIirtAbiwIhAMgUuDAbP4Cnl+ufFd6h5b3dfOdnhoUhgctKHp7wLSvO")
    /// Of the same issuer, 20261127062556Z to 20261227062556Z, number 3000, for two reasons, with two distribution points.
    static let list = RFC4523CertificateTests.decode("MIIBQDCB6AIBATAKBggqhkjOPQQDAjA1MQswCQYDVQQGEwJJVDEUMBIGA1UECgwLRXhhbXBsZSBMdGQxEDAOBgNVBAMMB1Rlc3QgQ0EXDTI2MTEyNzA2MjU1NloXDTI2MTIyNzA2MjU1NlqggYEwfzAfBgNVHSMEGDAWgBTtGDLAGpuLDk6JOhDDJ2WtkyoecDBPBgNVHRwBAf8ERTBDoD2gO4YYaHR0cDovL2V4YW1wbGUuY29tL2EuY3JspB8wHTELMAkGA1UEBhMCSVQxDjAMBgNVBAMMBVBvaW50gwIFYDALBgNVHRQEBAICC7gwCgYIKoZIzj0EAwIDRwAwRAIgD02rIVgSsReUbK2jAxcsYKw2XlJRWvZlKFRBxUcaVn0CIFVffjWAVxn7yZaydKHr3tqUw9DmLn20YYE0Y5gHGY1X")
    static let keyIdentifier = "'5E2AB8047105F8F0C40D1C1FADDEA57A9B86AB94'H"

    private let schema = Fixture.schema

    private func read(_ text: String, _ rule: MatchingRule) -> ComponentAssertion? {
        ComponentAssertion(Array(text.utf8).rawSpan, by: rule, schema)
    }

    private func judge(_ assertion: String, _ value: [UInt8], _ rule: MatchingRule) throws -> Bool? {
        let assertion = try #require(read(assertion, rule), "\(assertion)")
        return assertion.matches(value.rawSpan, schema)
    }

    @Test(arguments: [
        ("{ }", true), ("{}", true), ("{ serialNumber 300 }", true), ("{ serialNumber '012C'H }", true), ("{ serialNumber 301 }", false), ("{ serialNumber -300 }", false),
        (#"{ issuer rdnSequence:"cn=test ca,o=Example  Ltd,c=it" }"#, true), (#"{ issuer rdnSequence:"cn=Test CA,c=IT" }"#, false),
        (#"{ serialNumber 300, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#, true),
        ("{ subjectKeyIdentifier '01020304'H }", true), ("{ subjectKeyIdentifier '010203'H }", false),
        ("{ authorityKeyIdentifier { keyIdentifier \(RFC4523ComponentTests.keyIdentifier) } }", true), ("{ authorityKeyIdentifier { } }", true),
        ("{ authorityKeyIdentifier { keyIdentifier '00'H } }", false), ("{ authorityKeyIdentifier { authorityCertSerialNumber 4096 } }", true),
        ("{ authorityKeyIdentifier { authorityCertSerialNumber 300 } }", false),
        (#"{ authorityKeyIdentifier { authorityCertIssuer { directoryName:rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }, authorityCertSerialNumber 4096 } }"#, true),
        (#"{ authorityKeyIdentifier { authorityCertIssuer { directoryName:rdnSequence:"cn=Test CB" } } }"#, false),
        (#"{ authorityKeyIdentifier { authorityCertIssuer { dNSName:"x" } } }"#, false),
        (#"{ certificateValid utcTime:"261127061513Z" }"#, true), (#"{ certificateValid utcTime:"261127061512Z" }"#, false),
        (#"{ certificateValid generalizedTime:"20361124061513Z" }"#, true), (#"{ certificateValid generalizedTime:"20361124061513.5Z" }"#, false),
        (#"{ privateKeyValid "20250601000000Z" }"#, true), (#"{ privateKeyValid "20241231235959Z" }"#, false), (#"{ privateKeyValid "20260101000001Z" }"#, false),
        ("{ subjectPublicKeyAlgID 1.2.840.113549.1.1.1 }", true), ("{ subjectPublicKeyAlgID 1.2.840.10045.2.1 }", false),
        ("{ keyUsage { digitalSignature } }", true), ("{ keyUsage { keyCertSign, digitalSignature } }", true), ("{ keyUsage { } }", true),
        ("{ keyUsage { digitalSignature, cRLSign } }", false), ("{ keyUsage '100001'B }", true), ("{ keyUsage '84'H }", true), ("{ keyUsage '000000001'B }", false),
        ("{ subjectAltName builtinNameForm:dNSName }", true), ("{ subjectAltName builtinNameForm:rfc822Name }", true), ("{ subjectAltName builtinNameForm:iPAddress }", true),
        ("{ subjectAltName builtinNameForm:registeredId }", true), ("{ subjectAltName builtinNameForm:uniformResourceIdentifier }", true),
        ("{ subjectAltName builtinNameForm:directoryName }", true), ("{ subjectAltName builtinNameForm:x400Address }", false),
        ("{ subjectAltName builtinNameForm:ediPartyName }", false), ("{ subjectAltName otherNameForm:1.3.6.1.4.1.9999.2 }", true),
        ("{ subjectAltName otherNameForm:1.3.6.1.4.1.9999.1 }", false),
        ("{ policy { 1.3.6.1.4.1.9999.1 } }", true), ("{ policy { 1.2.3, 2.23.140.1.2.1 } }", true), ("{ policy { 1.2.3 } }", false), ("{ policy { 2.5.29.32.0 } }", true),
        (#"{ pathToName rdnSequence:"cn=x,o=Example Ltd,c=IT" }"#, true), (#"{ pathToName rdnSequence:"o=example ltd,c=IT" }"#, true),
        (#"{ pathToName rdnSequence:"cn=x,ou=Secret,o=Example Ltd,c=IT" }"#, false), (#"{ pathToName rdnSequence:"o=Other,c=IT" }"#, false),
        (#"{ subject rdnSequence:"cn=Somebody,ou=People,o=Example Ltd,c=IT" }"#, true), (#"{ subject rdnSequence:"cn=Somebody" }"#, false),
        (#"{ serialNumber 300, keyUsage { digitalSignature }, subject rdnSequence:"cn=Nobody" }"#, false),
    ] as [(String, Bool)])
    func certificateMatch(_ assertion: String, _ matches: Bool) throws {
        #expect(try judge(assertion, Self.certificate, .certificateMatch) == matches)
    }

    /// The subject, cn=Somebody, and the alternative names, o=Other among them, in the name space of the assertion (RFC 5280 section 4.2.1.10).
    @Test(arguments: [
        (#"{ permittedSubtrees { { base directoryName:rdnSequence:"c=IT" } } }"#, true), (#"{ permittedSubtrees { { base directoryName:rdnSequence:"" } } }"#, true),
        (#"{ permittedSubtrees { { base directoryName:rdnSequence:"o=Example Ltd,c=IT" } } }"#, false),
        (#"{ permittedSubtrees { { base directoryName:rdnSequence:"o=Example Ltd,c=IT" }, { base directoryName:rdnSequence:"o=Other,c=IT" } } }"#, true),
        (#"{ permittedSubtrees { { base directoryName:rdnSequence:"c=IT", minimum 1, maximum 3 } } }"#, true),
        (#"{ permittedSubtrees { { base directoryName:rdnSequence:"c=IT", minimum 2 } } }"#, false),
        (#"{ permittedSubtrees { { base directoryName:rdnSequence:"c=IT", maximum 2 } } }"#, false),
        (#"{ excludedSubtrees { { base directoryName:rdnSequence:"ou=Secret,c=IT" } } }"#, true),
        (#"{ excludedSubtrees { { base directoryName:rdnSequence:"ou=People,o=Example Ltd,c=IT" } } }"#, false),
        (#"{ permittedSubtrees { { base dNSName:"EXAMPLE.com" } } }"#, true), (#"{ permittedSubtrees { { base dNSName:"ample.com" } } }"#, false),
        (#"{ permittedSubtrees { { base dNSName:"mail.example.com" } } }"#, true), (#"{ excludedSubtrees { { base dNSName:".example.com" } } }"#, false),
        (#"{ permittedSubtrees { { base rfc822Name:"example.com" } } }"#, true), (#"{ permittedSubtrees { { base rfc822Name:".example.com" } } }"#, false),
        (#"{ permittedSubtrees { { base rfc822Name:"user@example.COM" } } }"#, true), (#"{ permittedSubtrees { { base rfc822Name:"User@example.com" } } }"#, false),
        (#"{ permittedSubtrees { { base uniformResourceIdentifier:".example.com" } } }"#, true), (#"{ permittedSubtrees { { base uniformResourceIdentifier:"example.com" } } }"#, false),
        ("{ permittedSubtrees { { base iPAddress:'0A000000FF000000'H } } }", true), ("{ excludedSubtrees { { base iPAddress:'0A000000FF000000'H } } }", false),
        ("{ permittedSubtrees { { base iPAddress:'0A000000FFFF0000'H } } }", false),
        (#"{ permittedSubtrees { { base x400Address:"/G=x" } } }"#, true),
        // Subtrees of these forms mean nothing here, and distances mean something in directory names only.
        ("{ permittedSubtrees { { base registeredID:1.2.3 } } }", nil), (#"{ excludedSubtrees { { base otherName:{ type-id 1.2.3, value "x" } } } }"#, nil),
        (#"{ permittedSubtrees { { base dNSName:"example.com", minimum 1 } } }"#, nil),
        (#"{ permittedSubtrees { { base registeredID:1.2.3 }, { base dNSName:"example.org" } } }"#, false),
    ] as [(String, Bool?)])
    func nameConstraints(_ constraints: String, _ matches: Bool?) throws {
        #expect(try judge("{ nameConstraints \(constraints) }", Self.certificate, .certificateMatch) == matches)
    }

    /// A certificate without extensions: some components then never match, some always do.
    @Test(arguments: [
        ("{ subjectKeyIdentifier '01'H }", false), ("{ authorityKeyIdentifier { } }", false), ("{ keyUsage { cRLSign } }", true),
        (#"{ privateKeyValid "20250601000000Z" }"#, true), ("{ subjectAltName builtinNameForm:dNSName }", false), ("{ policy { 2.5.29.32.0 } }", false),
        (#"{ pathToName rdnSequence:"cn=x" }"#, true), (#"{ nameConstraints { permittedSubtrees { { base dNSName:"x" } } } }"#, true),
    ] as [(String, Bool)])
    func missingExtensions(_ assertion: String, _ matches: Bool) throws {
        let name = Self.element(0x30, Self.element(0x31, Self.element(0x30, [0x06, 3, 0x55, 4, 3, 0x0c, 1, 0x58])))
        let time = Self.element(0x17, Array("260102030405Z".utf8))
        let algorithm = Self.element(0x30, [0x06, 3, 0x2a, 3, 4])
        let signed = Self.element(0x30, [0x02, 1, 1] + algorithm + name + Self.element(0x30, time + time) + name + Self.element(0x30, algorithm + [0x03, 1, 0]))
        let certificate = Self.element(0x30, signed + algorithm + [0x03, 1, 0])
        #expect(try judge(assertion, certificate, .certificateMatch) == matches)
        #expect(try judge("{ subjectPublicKeyAlgID 1.2.3.4 }", certificate, .certificateMatch) == true)
    }

    private static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        let length: [UInt8] = contents.count < 0x80 ? [UInt8(contents.count)] : [0x82, UInt8(contents.count >> 8), UInt8(contents.count & 0xff)]
        return [tag] + length + contents
    }

    /// What cannot be read decides nothing, unless the answer does not depend on it.
    @Test func damagedExtension() throws {
        var certificate = Self.certificate
        // The BIT STRING of the key usage.
        let place = try #require((0..<certificate.count - 4).first { certificate[$0..<$0 + 4] == [0x03, 0x02, 0x02, 0x84] })
        certificate[place] = 0x04
        #expect(try judge("{ keyUsage { digitalSignature } }", certificate, .certificateMatch) == nil)
        #expect(try judge("{ serialNumber 300, keyUsage { digitalSignature } }", certificate, .certificateMatch) == nil)
        #expect(try judge("{ serialNumber 1, keyUsage { digitalSignature } }", certificate, .certificateMatch) == false)
        #expect(try judge("{ serialNumber 300 }", certificate, .certificateMatch) == true)
        #expect(try judge("{ serialNumber 300 }", [0x30, 0x03, 0x02, 1, 1], .certificateMatch) == nil)
    }

    @Test(arguments: [
        ("{ issuedToThisCAAssertion { serialNumber 300 } }", true), ("{ issuedToThisCAAssertion { serialNumber 301 } }", false),
        ("{ issuedByThisCAAssertion { keyUsage { digitalSignature } } }", true),
        ("{ issuedToThisCAAssertion { serialNumber 300 }, issuedByThisCAAssertion { serialNumber 300 } }", false),
    ] as [(String, Bool)])
    func certificatePairMatch(_ assertion: String, _ matches: Bool) throws {
        let pair = Self.element(0x30, Self.element(0xa0, Self.certificate) + Self.element(0xa1, RFC4523CertificateTests.certificate))
        #expect(try judge(assertion, pair, .certificatePairMatch) == matches)
        // The other one is not there.
        #expect(try judge("{ issuedByThisCAAssertion { } }", Self.element(0x30, Self.element(0xa0, Self.certificate)), .certificatePairMatch) == false)
    }

    @Test func certificatePairExactMatch() throws {
        let first = #"{ serialNumber 300, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#
        let second = #"{ serialNumber 17357386176853808775, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#
        let pair = Self.element(0x30, Self.element(0xa0, Self.certificate) + Self.element(0xa1, RFC4523CertificateTests.certificate))
        #expect(try judge("{ issuedToThisCAAssertion \(first) }", pair, .certificatePairExactMatch) == true)
        #expect(try judge("{ issuedToThisCAAssertion \(first), issuedByThisCAAssertion \(second) }", pair, .certificatePairExactMatch) == true)
        #expect(try judge("{ issuedToThisCAAssertion \(second) }", pair, .certificatePairExactMatch) == false)
        for none in ["{ }", "{ issuedToThisCAAssertion { serialNumber 300 } }", "{ issuedToThisCAAssertion { keyUsage { } } }"] {
            #expect(read(none, .certificatePairExactMatch) == nil, "\(none)")
        }
        // Values: the same certificates, the same pair.
        let canonical = try #require(schema.canonical(pair, .certificatePairExactMatch))
        let other = Self.element(0x30, Self.element(0xa1, RFC4523CertificateTests.certificate))
        #expect(schema.canonical(other, .certificatePairExactMatch) != canonical)
        #expect(schema.canonical(first, .certificatePairExactMatch) == nil)
    }

    @Test(arguments: [
        ("{ }", true), (#"{ issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#, true), (#"{ issuer rdnSequence:"cn=Test CA" }"#, false),
        ("{ minCRLNumber 3000 }", true), ("{ minCRLNumber 3001 }", false), ("{ maxCRLNumber 3000 }", true), ("{ maxCRLNumber 2999 }", false),
        ("{ minCRLNumber 0, maxCRLNumber 99999999999999999999999999 }", true), ("{ minCRLNumber 99999999999999999999999999 }", false),
        ("{ reasonFlags { keyCompromise } }", true), ("{ reasonFlags { superseded, cACompromise } }", true), ("{ reasonFlags { superseded } }", false),
        ("{ reasonFlags '01'B }", true), ("{ reasonFlags '1'B }", false),
        (#"{ dateAndTime utcTime:"261127062556Z" }"#, true), (#"{ dateAndTime utcTime:"261127062555Z" }"#, false), (#"{ dateAndTime utcTime:"261227062555Z" }"#, true),
        (#"{ dateAndTime generalizedTime:"20261227062556Z" }"#, false),
        (#"{ distributionPoint fullName:{ uniformResourceIdentifier:"http://example.com/a.crl" } }"#, true),
        (#"{ distributionPoint fullName:{ uniformResourceIdentifier:"http://x", directoryName:rdnSequence:"cn=point,c=IT" } }"#, true),
        (#"{ distributionPoint fullName:{ uniformResourceIdentifier:"http://example.com/b.crl" } }"#, false),
        (#"{ distributionPoint nameRelativeToCRLIssuer:"cn=Point" }"#, false),
        ("{ authorityKeyIdentifier { keyIdentifier 'ED1832C01A9B8B0E4E893A10C32765AD932A1E70'H } }", true), ("{ authorityKeyIdentifier { authorityCertSerialNumber 1 } }", false),
    ] as [(String, Bool)])
    func certificateListMatch(_ assertion: String, _ matches: Bool) throws {
        #expect(try judge(assertion, Self.list, .certificateListMatch) == matches)
    }

    /// RFC 4523 appendix A.5: an exact assertion may name the distribution point.
    @Test func certificateListExactMatch() throws {
        let head = #"issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT", thisUpdate utcTime:"261127062556Z""#
        let point = #"distributionPoint fullName:{ uniformResourceIdentifier:"http://example.com/"#
        #expect(schema.canonical("{ \(head) }", .certificateListExactMatch) == schema.canonical(Self.list, .certificateListExactMatch))
        #expect(try judge("{ \(head), \(point)a.crl\" } }", Self.list, .certificateListExactMatch) == true)
        #expect(try judge("{ \(head), \(point)b.crl\" } }", Self.list, .certificateListExactMatch) == false)
        #expect(read("{ \(point)a.crl\" } }", .certificateListExactMatch) == nil)
        #expect(read("{ \(head) }", .certificateListMatch) == nil)
    }

    /// SupportedAlgorithm: the algorithm, and what it is meant for.
    @Test(arguments: [
        ("{ algorithm 1.2.840.113549.1.1.1 }", [], true), ("{ algorithm 1.2.840.113549.1.1.1, parameters NULL }", [], false),
        ("{ algorithm 1.2.840.113549.1.1.1, parameters NULL }", [5, 0], true), ("{ algorithm 1.2.840.113549.1.1.1 }", [5, 0], false),
        ("{ algorithm 1.2.840.113549.1.1.2 }", [], false), ("{ algorithm 1.2.840.113549.1.1.1, parameters 12 }", [2, 1, 12], true),
        ("{ algorithm 1.2.840.113549.1.1.1, parameters 12 }", [2, 1, 13], false), ("{ algorithm 1.2.840.113549.1.1.1, parameters 12 }", [5, 0], false),
        ("{ algorithm 1.2.840.113549.1.1.1, parameters 1.2.3 }", [6, 2, 0x2a, 3], true), ("{ algorithm 1.2.840.113549.1.1.1, parameters 1.2.3 }", [0x30, 0], false),
        ("{ algorithm 1.2.840.113549.1.1.1, parameters TRUE }", [1, 1, 0xff], true), ("{ algorithm 1.2.840.113549.1.1.1, parameters FALSE }", [1, 1, 0xff], false),
        ("{ algorithm 1.2.840.113549.1.1.1, parameters 'AB'H }", [4, 1, 0xab], true), ("{ algorithm 1.2.840.113549.1.1.1, parameters 'AB'H }", [3, 2, 0, 0xab], true),
        ("{ algorithm 1.2.840.113549.1.1.1, parameters '101'B }", [3, 2, 5, 0xa0], true), ("{ algorithm 1.2.840.113549.1.1.1, parameters '101'B }", [3, 2, 4, 0xa0], false),
        (#"{ algorithm 1.2.840.113549.1.1.1, parameters "x""y" }"#, [0x0c, 3, 0x78, 0x22, 0x79], true), (#"{ algorithm 1.2.840.113549.1.1.1, parameters "x" }"#, [0x13, 1, 0x79], false),
        // Only the type's definition would tell.
        ("{ algorithm 1.2.840.113549.1.1.1, parameters { a 1 } }", [0x30, 3, 2, 1, 1], nil), ("{ algorithm 1.2.840.113549.1.1.1, parameters a:1 }", [2, 1, 1], nil),
        ("{ algorithm 1.2.840.113549.1.1.1, parameters 12 }", [0x80, 1, 12], nil), (#"{ algorithm 1.2.840.113549.1.1.1, parameters "cn=x" }"#, [0x30, 0], nil),
        ("{ algorithm 1.2.840.113549.1.1.2, parameters { a 1 } }", [0x30, 0], false),
    ] as [(String, [UInt8], Bool?)])
    func algorithmIdentifierMatch(_ assertion: String, _ parameters: [UInt8], _ matches: Bool?) throws {
        let identifier = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] + parameters
        let value = Self.element(0x30, Self.element(0x30, identifier) + [0xa0, 4, 3, 2, 7, 0x80])
        #expect(try judge(assertion, value, .algorithmIdentifierMatch) == matches)
        #expect(schema.canonical(value, .algorithmIdentifierMatch) == identifier)
    }

    @Test(arguments: [
        "", "{", "{ serialNumber }", "{ serialNumber 1", "{ serialNumber 1, }", "{ serialNumber 1 } x", "{ serialNumber 01 }", "{ serialNumber 1.2 }", "{ serialNumber -0 }",
        "{ serialNumber 1, serialNumber 1 }", "{ noSuchComponent 1 }", "{ 1 }", "{ serialNumber '0'H }", "{ serialNumber ''H }", "{ serialNumber '01'X }",
        #"{ issuer "no name" }"#, #"{ issuer rdnSequence:"noSuchType=x" }"#, #"{ issuer rdnSequence:"cn=x }"#, #"{ certificateValid utcTime:"261327061513Z" }"#,
        "{ keyUsage { noSuchUsage } }", "{ keyUsage { digitalSignature keyCertSign } }", "{ keyUsage '2'B }", "{ policy { } }", "{ policy 1.2 }", "{ policy { noSuchName } }",
        "{ subjectAltName dNSName }", "{ subjectAltName builtinNameForm:otherName }", "{ subjectAltName builtinNameForm:noSuchForm }", "{ subjectPublicKeyAlgID 3.1 }",
        "{ subjectPublicKeyAlgID 1.40 }", "{ nameConstraints { permittedSubtrees { } } }", "{ nameConstraints { permittedSubtrees { { minimum 1 } } } }",
        #"{ nameConstraints { permittedSubtrees { { base dNSName:"x", minimum -1 } } } }"#, #"{ nameConstraints { permittedSubtrees { { base dNSName:"x", maximum 99999999999999 } } } }"#,
        "{ serialNumber " + String(repeating: "9", count: 1000) + " }", String(repeating: "{ ", count: 100_000), "{ pathToName " + String(repeating: "a:", count: 30_000) + "1 }",
        #"{ subject rdnSequence:""# + String(repeating: "x", count: 70_000) + #"" }"#, "{ subjectPublicKeyAlgID 2." + String(repeating: "9", count: 100) + " }",
    ])
    func assertionsThatAreNone(_ assertion: String) {
        #expect(read(assertion, .certificateMatch) == nil)
        let isAssertion = schema.isAssertion(Array(assertion.utf8).rawSpan, by: .certificateMatch)
        #expect(!isAssertion)
    }

    /// RFC 4523 section 3; algorithmIdentifierMatch has the number that X.509 gives it.
    @Test func published() {
        let rules: [(MatchingRule, String, Syntax, String)] = [
            (.certificateExactMatch, "2.5.13.34", .certificate, "1.3.6.1.1.15.1"), (.certificateMatch, "2.5.13.35", .certificate, "1.3.6.1.1.15.2"),
            (.certificatePairExactMatch, "2.5.13.36", .certificatePair, "1.3.6.1.1.15.3"), (.certificatePairMatch, "2.5.13.37", .certificatePair, "1.3.6.1.1.15.4"),
            (.certificateListExactMatch, "2.5.13.38", .certificateList, "1.3.6.1.1.15.5"), (.certificateListMatch, "2.5.13.39", .certificateList, "1.3.6.1.1.15.6"),
            (.algorithmIdentifierMatch, "2.5.13.40", .supportedAlgorithm, "1.3.6.1.1.15.7"),
        ]
        for (rule, oid, values, assertions) in rules {
            #expect(rule.oid == oid)
            #expect(rule.syntax.oid == assertions)
            #expect(schema.matchingRuleDescriptions.contains("( \(oid) NAME '\(rule.name)' SYNTAX \(assertions) )"))
            #expect(schema.ldapSyntaxDescriptions.contains { $0.hasPrefix("( \(assertions) DESC") })
            #expect(schema.matchingRuleUseDescriptions.contains { $0.hasPrefix("( \(oid) NAME") })
            for type in schema.attributeTypes where type.syntax == values && !type.isRemoved { #expect(rule.applies(to: type)) }
        }
    }

    /// RFC 4523 section 4.
    @Test func rulesOfAttributes() throws {
        for (name, rule) in [
            ("userCertificate", .certificateExactMatch), ("cACertificate", .certificateExactMatch), ("crossCertificatePair", .certificatePairExactMatch),
            ("certificateRevocationList", .certificateListExactMatch), ("authorityRevocationList", .certificateListExactMatch),
            ("deltaRevocationList", .certificateListExactMatch), ("supportedAlgorithms", .algorithmIdentifierMatch),
        ] as [(String, MatchingRule)] {
            let type = try #require(schema.attributeType(named: name))
            #expect(schema[type].equality == rule, "\(name)")
        }
    }

    /// Group 7: values and assertions with octets changed, cut and doubled.
    @Test func mutations() throws {
        let pair = Self.element(0x30, Self.element(0xa0, Self.certificate) + Self.element(0xa1, RFC4523CertificateTests.certificate))
        let algorithm = Self.element(0x30, Self.element(0x30, [0x06, 3, 0x2a, 3, 4, 0x04, 2, 1, 2]))
        let exact = #"{ serialNumber 300, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }"#
        let whole = #"""
            { serialNumber 300, issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT", subjectKeyIdentifier '01020304'H, authorityKeyIdentifier { authorityCertIssuer { \#
            directoryName:rdnSequence:"cn=Test CA,o=Example Ltd,c=IT" }, authorityCertSerialNumber 4096 }, certificateValid utcTime:"270101000000Z", privateKeyValid \#
            "20250601000000Z", subjectPublicKeyAlgID 1.2.840.113549.1.1.1, keyUsage { digitalSignature }, subjectAltName otherNameForm:1.3.6.1.4.1.9999.2, policy { 2.23.140.1.2.1 }, \#
            pathToName rdnSequence:"cn=x,o=Example Ltd,c=IT", subject rdnSequence:"cn=Somebody,ou=People,o=Example Ltd,c=IT", nameConstraints { permittedSubtrees { { base \#
            dNSName:"example.com" }, { base iPAddress:'0A000000FF000000'H } }, excludedSubtrees { { base rfc822Name:"x@y" }, { base uniformResourceIdentifier:"z" } } } }
            """#
        let list = #"""
            { issuer rdnSequence:"cn=Test CA,o=Example Ltd,c=IT", minCRLNumber 1, maxCRLNumber 9999, reasonFlags { keyCompromise }, dateAndTime utcTime:"261201000000Z", \#
            distributionPoint fullName:{ directoryName:rdnSequence:"cn=point,c=IT" }, authorityKeyIdentifier { keyIdentifier 'ED1832C01A9B8B0E4E893A10C32765AD932A1E70'H } }
            """#
        let cases: [(MatchingRule, String, [UInt8])] = [
            (.certificateMatch, whole, Self.certificate), (.certificatePairMatch, "{ issuedToThisCAAssertion \(whole), issuedByThisCAAssertion { } }", pair),
            (.certificatePairExactMatch, "{ issuedToThisCAAssertion \(exact) }", pair), (.certificateListMatch, list, Self.list),
            (.algorithmIdentifierMatch, "{ algorithm 1.2.3.4, parameters '0102'H }", algorithm),
        ]
        for (rule, text, value) in cases { #expect(try judge(text, value, rule) == true, "\(rule)") }
        var random = SeededGenerator(seed: 4523)
        func mutation(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...8, using: &random)))
                case 1: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 12)], at: place)
                default: bytes[place] = Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : bytes[place] ^ 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            return bytes
        }
        for (rule, text, value) in cases {
            let assertion = try #require(read(text, rule))
            for _ in 0..<Corpus.rounds(4000) {
                let damaged = mutation(value)
                _ = assertion.matches(damaged.rawSpan, schema)
                _ = schema.canonical(damaged, rule)
                guard let other = ComponentAssertion(mutation(Array(text.utf8)).rawSpan, by: rule, schema) else { continue }
                _ = other.matches(value.rawSpan, schema)
            }
        }
    }
}
