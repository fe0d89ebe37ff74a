import BER
import LDAP
import Testing

/// Controls and extended operations: RFC 2696, 3062, 3296, 3909, 4527, 4528, 4532.
@Suite struct ControlTests {
    @Test func rfc2696_PagedResults() throws {
        let control = PagedResults(size: 1000, cookie: [9, 8]).control(isCritical: true)
        #expect(control.oid == "1.2.840.113556.1.4.319" && control.isCritical)
        #expect(try PagedResults(decoding: control) == PagedResults(size: 1000, cookie: [9, 8]))
        for value: [UInt8]? in [nil, [], [0x30, 0x00], element(0x30, integer(-1), octets("")), element(0x30, integer(1)),
            element(0x30, integer(1), octets(""), octets("")), element(0x30, integer(1), octets("")) + [0],
        ] {
            #expect(code { _ = try PagedResults(decoding: Control(oid: PagedResults.oid, value: value)) } == .protocolError)
        }
    }

    @Test func controlsWithoutValue() throws {
        for value: [UInt8]? in [nil, []] {
            let expected: ResultCode? = value == nil ? nil : .protocolError
            #expect(code { _ = try ManageDsaIT(decoding: Control(oid: ManageDsaIT.oid, value: value)) } == expected)
            #expect(code { _ = try TreeDelete(decoding: Control(oid: TreeDelete.oid, value: value)) } == expected)
            #expect(code { _ = try RealAttributesOnly(decoding: Control(oid: RealAttributesOnly.oid, value: value)) } == expected)
            #expect(code { _ = try VirtualAttributesOnly(decoding: Control(oid: VirtualAttributesOnly.oid, value: value)) } == expected)
        }
        #expect(TreeDelete().control().isCritical && !ManageDsaIT().control().isCritical)
    }

    @Test func effectiveRights() throws {
        for rights in [
            EffectiveRights(name: nil), EffectiveRights(name: bytes("cn=a")), EffectiveRights(name: []),
            EffectiveRights(name: bytes("cn=a"), attributes: [bytes("cn"), bytes("sn")]), EffectiveRights(name: nil, attributes: [bytes("cn")]),
        ] {
            #expect(try EffectiveRights(decoding: rights.control()) == rights)
        }
        for value in [bytes("DN: cn=a"), octets("dn:cn=a"), element(0x30, octets("dn:cn=a"))] {
            #expect(try EffectiveRights(decoding: Control(oid: EffectiveRights.oid, value: value)).name == bytes("cn=a"))
        }
        for value in [bytes("cn=a"), bytes("u:a"), octets("a"), [0x30], [0x04, 0x05, 0x64], element(0x30), element(0x30, integer(1)),
            element(0x30, octets("dn:"), integer(1)), octets("dn:") + [0],
        ] {
            #expect(code { _ = try EffectiveRights(decoding: Control(oid: EffectiveRights.oid, value: value)) } == .protocolError)
        }
    }

    @Test func rfc4528_Assertion() throws {
        let filter = try Filter("(&(cn=a)(sn=b))")
        #expect(try Assertion(decoding: Assertion(filter).control()).filter == filter)
        #expect(code { _ = try Assertion(decoding: Control(oid: Assertion.oid)) } == .protocolError)
        #expect(code { _ = try Assertion(decoding: Control(oid: Assertion.oid, value: element(0x87) + [0])) } == .protocolError)
    }

    @Test func rfc4527_PreAndPostRead() throws {
        #expect(try PreRead(decoding: PreRead(attributes: [bytes("cn"), bytes("*")]).control()).attributes == [bytes("cn"), bytes("*")])
        #expect(try PostRead(decoding: PostRead(attributes: []).control()).attributes == [])
        let entry = SearchResultEntry(name: bytes("cn=a"), attributes: [PartialAttribute("cn", ["a", "b"])])
        #expect(try PreRead.entry(decoding: PreRead.response(entry)) == entry)
        #expect(try PostRead.entry(decoding: PostRead.response(entry)) == entry)
        #expect(PostRead.response(entry).value?.first == 0x64)
        #expect(code { _ = try PreRead(decoding: Control(oid: PreRead.oid, value: octets("cn"))) } == .protocolError)
    }

    @Test func rfc3062_PasswordModify() throws {
        let request = PasswordModify(userIdentity: bytes("uid=a"), newPassword: bytes("secret"))
        #expect(try PasswordModify(decoding: request.request) == request)
        #expect(try PasswordModify(decoding: ExtendedRequest(name: PasswordModify.oid)) == PasswordModify())
        let value = PasswordModify.responseValue(generatedPassword: bytes("new"))
        #expect(try PasswordModify.generatedPassword(decoding: value) == bytes("new"))
        let wrongOrder = element(0x30, element(0x82), element(0x80))
        #expect(code { _ = try PasswordModify(decoding: ExtendedRequest(name: PasswordModify.oid, value: wrongOrder)) } == .protocolError)
    }

    @Test func rfc3909_Cancel() throws {
        #expect(try Cancel(decoding: Cancel(messageID: 77).request).messageID == 77)
        #expect(code { _ = try Cancel(decoding: ExtendedRequest(name: Cancel.oid)) } == .protocolError)
    }

    @Test func rfc4532_WhoAmI() throws {
        #expect(WhoAmI.responseValue(authorizedDN: []) == [])
        #expect(WhoAmI.responseValue(authorizedDN: bytes("cn=a")) == bytes("dn:cn=a"))
        #expect(code { _ = try WhoAmI(decoding: ExtendedRequest(name: WhoAmI.oid, value: [])) } == .protocolError)
        _ = try WhoAmI(decoding: ExtendedRequest(name: WhoAmI.oid))
    }
}
