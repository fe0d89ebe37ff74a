import Schema
import Testing

/// Which values are valid (RFC 4517 section 3.3).
struct RFC4517SyntaxTests {
    let schema = Fixture.schema

    private func check(_ syntax: Syntax, valid: [String], invalid: [String]) {
        for value in valid { #expect(schema.isValid(value, syntax), "\(value) for \(syntax.name)") }
        for value in invalid { #expect(!schema.isValid(value, syntax), "\(value) for \(syntax.name)") }
    }

    @Test func strings() {
        check(.directoryString, valid: ["This is a value of Directory String containing #!%#@.", "日本", " "], invalid: [""])
        check(.ia5String, valid: ["", "a@b"], invalid: ["ö"])
        check(.printableString, valid: ["This is a PrintableString value", "a'()+,-./:?= "], invalid: ["", "a@b", "a*", "ä"])
        check(.countryString, valid: ["US", "de"], invalid: ["", "U", "USA", "ä"])
        check(.numericString, valid: ["15 079 672 281", "0"], invalid: ["", "1-2", "a"])
        check(.telephoneNumber, valid: ["+1 512 315 0280", "+1-512-315-0280"], invalid: ["", "+1 512 315 0280 ;x"])
        check(.facsimileTelephoneNumber, valid: ["+61 3 9896 7801", "+81 3 347 7418$fineResolution"], invalid: [""])
        check(.postalAddress, valid: ["1234 Main St.$Anytown, CA 12345$USA", "\\241,000,000 Sweepstakes$PO Box 1000000"],
              invalid: ["", "$", "a$$b", "a$", "a\\", "a\\25"])
        check(.deliveryMethod, valid: ["any", "telephone $ videotex"], invalid: ["", "fax", "any $"])
    }

    @Test func numbersAndTimes() {
        check(.boolean, valid: ["TRUE", "FALSE"], invalid: ["true", "", "YES"])
        check(.integer, valid: ["1321", "0", "-5"], invalid: ["", "-0", "007", "1e3", " 1"])
        check(.bitString, valid: ["'0101111101'B", "''B"], invalid: ["0101", "'2'B", ""])
        check(.generalizedTime, valid: ["199412161032Z", "199412160532-0500"], invalid: ["", "9412161032Z"])
        check(.utcTime, valid: ["9412161032Z", "941216103200Z", "9412161032-0500"], invalid: ["", "94121610Z", "199412161032Z"])
    }

    @Test func names() {
        check(.distinguishedName, valid: ["", "UID=jsmith,DC=example,DC=net", "OU=Sales+CN=J. Smith,DC=example,DC=net"],
              invalid: ["foo", "nosuchtype=a", "c=Germany", "cn="])
        let withoutSchema = Syntax.distinguishedName.validate(Array("nosuchtype=a".utf8).span.bytes, schema: nil)
        #expect(withoutSchema)
        check(.nameAndOptionalUID, valid: ["1.3.6.1.4.1.1466.0=#04024869,o=test,c=GB#'0101'B".replacingUnknownType, "o=test,c=GB"], invalid: ["x#'0101'B"])
        check(.oid, valid: ["1.2.3.4", "cn", "a-b"], invalid: ["", "1", "1.", ".1", "a_b", "-a"])
        check(.uuid, valid: ["597ae2f6-16a6-1027-98f4-d28b5365dc14"], invalid: ["", "597ae2f6-16a6-1027-98f4-d28b5365dc1g"])
        check(.csn, valid: ["20240101000000.000000Z#000000#000#000000"], invalid: ["", "20241301000000.000000Z#000000#000#000000"])
    }

    @Test func others() {
        check(.certificate, valid: ["\u{30}\u{3}\u{2}\u{1}\u{1}"], invalid: ["", "x", "\u{30}\u{4}\u{2}\u{1}\u{1}", "\u{30}\u{0}"])
        check(.nisNetgroupTriple, valid: ["(a,b,c)", "(,,)"], invalid: ["", "(a,b)", "a,b,c"])
        check(.bootParameter, valid: ["root=server:/x"], invalid: ["", "=a:b", "root=server"])
        check(.authPassword, valid: ["SHA1$c2FsdA==$aGFzaA=="], invalid: ["", "SHA1$a"])
        check(.octetString, valid: ["", "anything"], invalid: [])
    }

    @Test func oidsAreUnique() {
        var seen: Set<String> = []
        for syntax in Syntax.allCases {
            #expect(seen.insert(syntax.oid).inserted)
            #expect(Syntax.withOID(syntax.oid) == syntax)
        }
    }
}

extension String {
    /// RFC 4517's example has a type that no schema knows.
    var replacingUnknownType: String {
        hasPrefix("1.3.6.1.4.1.1466.0=#04024869,") ? "cn=Hi," + dropFirst("1.3.6.1.4.1.1466.0=#04024869,".count) : self
    }
}
