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

    /// RFC 5805 section 2.
    @Test func transactions() throws {
        let end = try EndTransaction(decoding: EndTransaction(commits: false, identifier: [1, 2]).request)
        #expect(!end.commits && end.identifier == [1, 2])
        #expect(try EndTransaction(decoding: EndTransaction(identifier: []).request).commits)
        #expect(throws: LDAPError.self) { try EndTransaction(decoding: ExtendedRequest(name: EndTransaction.oid)) }
        #expect(throws: LDAPError.self) { try StartTransaction(decoding: ExtendedRequest(name: StartTransaction.oid, value: [])) }
        #expect(EndTransaction.Response().value == nil)
        let response = EndTransaction.Response(
            messageID: 7, controls: [.init(messageID: 5, controls: [Control(oid: "1.2.3", value: [1])]), .init(messageID: 6, controls: [Control(oid: "1.2")])])
        #expect(try EndTransaction.Response(decoding: #require(response.value)) == response)
        #expect(throws: LDAPError.self) { try TransactionSpecification(decoding: Control(oid: TransactionSpecification.oid, isCritical: true)) }
        #expect(throws: LDAPError.self) { try TransactionSpecification(decoding: Control(oid: TransactionSpecification.oid, value: [1])) }
        #expect(try TransactionSpecification(decoding: TransactionSpecification(identifier: [9]).control).identifier == [9])
    }

    /// RFC 4370, RFC 3829.
    @Test func identities() throws {
        #expect(try ProxiedAuthorization(decoding: ProxiedAuthorization(authorizationID: [1]).control).authorizationID == [1])
        #expect(throws: LDAPError.self) { try ProxiedAuthorization(decoding: Control(oid: ProxiedAuthorization.oid, isCritical: true)) }
        #expect(AuthorizationIdentity.response(name: []).value == [])
        #expect(AuthorizationIdentity.response(name: Array("cn=x".utf8)).value == Array("dn:cn=x".utf8))
        for oid in [AuthorizationIdentity.oid, NoOperation.oid, PermissiveModify.oid, RelaxRules.oid] {
            let control = Control(oid: oid, value: [])
            #expect(throws: LDAPError.self) {
                switch oid {
                case AuthorizationIdentity.oid: _ = try AuthorizationIdentity(decoding: control)
                case NoOperation.oid: _ = try NoOperation(decoding: control)
                case PermissiveModify.oid: _ = try PermissiveModify(decoding: control)
                default: _ = try RelaxRules(decoding: control)
                }
            }
        }
    }
}
