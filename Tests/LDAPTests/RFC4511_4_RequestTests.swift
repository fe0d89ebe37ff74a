import BER
import LDAP
import SeededRandom
import Testing

/// RFC 4511 sections 4.2 to 4.12: requests survive a round trip; malformed ones are a protocol error.
@Suite struct RFC4511_4_RequestTests {
    private func roundTrip<Request: Equatable>(
        _ request: Request, _ encode: (Request, inout BERBuffer) -> Void, _ decode: (RawSpan, ByteRange) throws -> Request
    ) throws {
        let pdu = written { encode(request, &$0) }
        let envelope = try LDAPEnvelope(decoding: pdu.rawSpan)
        #expect(envelope.messageID == 3)
        #expect(try decode(pdu.rawSpan, envelope.contents) == request)
    }

    @Test func section4_2_Bind() throws {
        for authentication: BindRequest.Authentication in [
            .simple([]), .simple([0, 1, 2]), .sasl(mechanism: "EXTERNAL", credentials: nil), .sasl(mechanism: "PLAIN", credentials: [0]),
            .unknown(0x89),
        ] {
            try roundTrip(
                BindRequest(name: bytes("cn=a"), authentication: authentication), { $0.encode(messageID: 3, into: &$1) },
                { try BindRequest(decoding: $0, $1) })
        }
    }

    @Test func section4_5_Search() throws {
        let request = SearchRequest(
            base: bytes("dc=x"), scope: .subordinateSubtree, dereference: .always, sizeLimit: 5, timeLimit: 6, typesOnly: true,
            filter: try Filter("(&(cn=a)(!(sn=b*c*d)))"), attributes: ["cn", "1.1", "@person"])
        let pdu = written { request.encode(messageID: 3, into: &$0) }
        let decoded = try SearchRequest(decoding: pdu.rawSpan, try LDAPEnvelope(decoding: pdu.rawSpan).contents)
        #expect(text(decoded.bytes, decoded.baseObject) == "dc=x")
        #expect(decoded.scope == .subordinateSubtree && decoded.dereference == .always && decoded.typesOnly)
        #expect(decoded.sizeLimit == 5 && decoded.timeLimit == 6)
        #expect(decoded.filter.description == "(&(cn=a)(!(sn=b*c*d)))")
        #expect(decoded.attributes.map { text(decoded.bytes, $0) } == ["cn", "1.1", "@person"])
        #expect(decoded.bytes == pdu)
    }

    @Test func section4_6_Modify() throws {
        try roundTrip(
            ModifyRequest(
                object: bytes("cn=a"),
                changes: [
                    .init(.add, PartialAttribute("a", ["1", "2"])), .init(.delete, PartialAttribute("b", [])),
                    .init(.replace, PartialAttribute("c", [])), .init(.increment, PartialAttribute("d", ["-1"])),
                ]), { $0.encode(messageID: 3, into: &$1) }, { try ModifyRequest(decoding: $0, $1) })
    }

    @Test func sections4_7_to_4_12() throws {
        try roundTrip(
            AddRequest(entry: bytes("cn=a"), attributes: [PartialAttribute("cn", ["a"]), PartialAttribute("b", ["", "x"])]),
            { $0.encode(messageID: 3, into: &$1) }, { try AddRequest(decoding: $0, $1) })
        try roundTrip(DeleteRequest(entry: bytes("cn=a")), { $0.encode(messageID: 3, into: &$1) }, { try DeleteRequest(decoding: $0, $1) })
        for newSuperior: [UInt8]? in [nil, [], bytes("dc=n")] {
            try roundTrip(
                ModifyDNRequest(entry: bytes("cn=a"), newRDN: bytes("cn=b"), deleteOldRDN: true, newSuperior: newSuperior),
                { $0.encode(messageID: 3, into: &$1) }, { try ModifyDNRequest(decoding: $0, $1) })
        }
        try roundTrip(
            CompareRequest(entry: bytes("cn=a"), description: bytes("sn"), assertionValue: [0xff]),
            { $0.encode(messageID: 3, into: &$1) }, { try CompareRequest(decoding: $0, $1) })
        try roundTrip(AbandonRequest(messageID: 70_000), { $0.encode(messageID: 3, into: &$1) }, { try AbandonRequest(decoding: $0, $1) })
        for value: [UInt8]? in [nil, [], [1]] {
            try roundTrip(
                ExtendedRequest(name: "1.2.3", value: value), { $0.encode(messageID: 3, into: &$1) },
                { try ExtendedRequest(decoding: $0, $1) })
        }
    }

    @Test func malformedRequests() {
        func refused(_ contents: [UInt8]..., decode: (RawSpan, ByteRange) throws -> Void, line: Int = #line) {
            let bytes = contents.flatMap { $0 }
            let found = code { try decode(bytes.rawSpan, ByteRange(start: 0, count: bytes.count)) }
            #expect(found == .protocolError, "line \(line)")
        }
        let bind = { (pdu: RawSpan, place: ByteRange) throws in _ = try BindRequest(decoding: pdu, place) }
        refused(decode: bind)
        refused(integer(0), octets(""), element(0x80), decode: bind)
        refused(integer(128), octets(""), element(0x80), decode: bind)
        refused(integer(3), octets(""), decode: bind)
        refused(integer(3), octets(""), element(0x80), [0], decode: bind)
        refused(integer(3), octets(""), element(0x80), element(0x80), decode: bind)
        refused(integer(3), octets(""), element(0xa3), decode: bind)
        refused(integer(3), octets(""), element(0xa3, octets("\u{0}A"), octets("a"), octets("b")), decode: bind)
        // A constructed string is not allowed (RFC 4511 section 5.1).
        refused(integer(3), element(0x24, octets("cn=a")), element(0x80), decode: bind)

        let search = { (pdu: RawSpan, place: ByteRange) throws in _ = try SearchRequest(decoding: pdu, place) }
        func searchHead(_ scope: Int = 2, _ dereference: Int = 0, _ size: Int = 0, _ time: Int = 0) -> [UInt8] {
            [octets(""), integer(scope, 0x0a), integer(dereference, 0x0a), integer(size), integer(time), boolean(false)].flatMap { $0 }
        }
        let present = element(0x87, bytes("cn"))
        #expect(code { try search((searchHead() + present + element(0x30)).rawSpan, ByteRange(start: 0, count: 200)) } == nil)
        refused(searchHead(4), present, element(0x30), decode: search)
        refused(searchHead(-1), present, element(0x30), decode: search)
        refused(searchHead(2, 4), present, element(0x30), decode: search)
        refused(searchHead(2, 0, -1), present, element(0x30), decode: search)
        refused(searchHead(2, 0, 0, 1 << 31), present, element(0x30), decode: search)
        refused(searchHead(), present, decode: search)
        refused(searchHead(), present, element(0x30), [0x05, 0x00], decode: search)
        refused(searchHead(), present, element(0x30, integer(1)), decode: search)
        refused(searchHead(), octets("x"), element(0x30), decode: search)

        let modify = { (pdu: RawSpan, place: ByteRange) throws in _ = try ModifyRequest(decoding: pdu, place) }
        func change(_ operation: Int, _ values: [UInt8]...) -> [UInt8] {
            element(0x30, element(0x30, integer(operation, 0x0a), element(0x30, octets("cn"), element(0x31, values.flatMap { $0 }))))
        }
        refused(octets(""), change(4, octets("x")), decode: modify)
        refused(octets(""), change(0), decode: modify)
        refused(octets(""), change(3), decode: modify)
        refused(octets(""), change(3, octets("1"), octets("2")), decode: modify)
        refused(octets(""), change(1, octets("1")), [0], decode: modify)

        let add = { (pdu: RawSpan, place: ByteRange) throws in _ = try AddRequest(decoding: pdu, place) }
        refused(octets(""), element(0x30, element(0x30, octets("cn"), element(0x31))), decode: add)
        refused(octets(""), element(0x30, element(0x30, octets("cn"), element(0x30, octets("a")))), decode: add)

        let abandon = { (pdu: RawSpan, place: ByteRange) throws in _ = try AbandonRequest(decoding: pdu, place) }
        refused(decode: abandon)
        refused([0xff], decode: abandon)
        refused([UInt8](repeating: 1, count: 5), decode: abandon)
        refused([UInt8](repeating: 1, count: 9), decode: abandon)

        let extended = { (pdu: RawSpan, place: ByteRange) throws in _ = try ExtendedRequest(decoding: pdu, place) }
        refused(decode: extended)
        refused(element(0x80, bytes("noOID")), decode: extended)
        refused(element(0x80, bytes("1.2")), element(0x81), element(0x81), decode: extended)

        let compare = { (pdu: RawSpan, place: ByteRange) throws in _ = try CompareRequest(decoding: pdu, place) }
        refused(octets(""), element(0x30, octets("cn")), decode: compare)
        refused(octets(""), element(0x30, octets("cn"), octets("a"), octets("b")), decode: compare)

        let rename = { (pdu: RawSpan, place: ByteRange) throws in _ = try ModifyDNRequest(decoding: pdu, place) }
        refused(octets("a"), octets("b"), decode: rename)
        refused(octets("a"), octets("b"), boolean(true), octets("c"), decode: rename)
    }

    @Test func limits() throws {
        let values = Array(repeating: "x", count: 10)
        let limits = DecodingLimits(attributes: 2, values: 15)
        func addCode(_ attributes: Int) -> ResultCode? {
            let request = AddRequest(entry: [], attributes: (0..<attributes).map { PartialAttribute("a\($0)", values) })
            let pdu = written { request.encode(messageID: 1, into: &$0) }
            return code { _ = try AddRequest(decoding: pdu.rawSpan, try LDAPEnvelope(decoding: pdu.rawSpan).contents, limits: limits) }
        }
        #expect(addCode(1) == nil)
        #expect(addCode(2) == .adminLimitExceeded)
        #expect(addCode(3) == .adminLimitExceeded)
        func searchCode(_ count: Int) throws -> ResultCode? {
            let request = SearchRequest(base: [], filter: try Filter("(a=*)"), attributes: Array(repeating: "cn", count: count))
            let pdu = written { request.encode(messageID: 1, into: &$0) }
            return code { _ = try SearchRequest(decoding: pdu.rawSpan, try LDAPEnvelope(decoding: pdu.rawSpan).contents) }
        }
        #expect(try searchCode(10_000) == nil)
        #expect(try searchCode(100_000) == .adminLimitExceeded)
    }

    @Test func mutatedMessagesNeverTrap() throws {
        var generator = SeededGenerator(seed: 7)
        let controls = [PagedResults(size: 5, cookie: [1]).control(), Assertion(try Filter("(a=b)")).control()]
        let search = SearchRequest(
            base: bytes("dc=x"), filter: try Filter("(&(|(cn=a*b)(sn>=c))(!(x:dn:2.5.13.2:=d))(m=*))"), attributes: ["cn"])
        let modify = ModifyRequest(object: bytes("cn=a"), changes: [.init(.add, PartialAttribute("a", ["1", "2"]))])
        let seeds = [
            written { search.encode(messageID: 1, controls: controls, into: &$0) }, written { modify.encode(messageID: 2, into: &$0) },
            written { AddRequest(entry: [], attributes: [PartialAttribute("a", ["b"])]).encode(messageID: 3, into: &$0) },
            written { BindRequest(name: [], authentication: .sasl(mechanism: "X", credentials: [1])).encode(messageID: 4, into: &$0) },
            written { ModifyDNRequest(entry: [], newRDN: [], deleteOldRDN: false, newSuperior: []).encode(messageID: 5, into: &$0) },
            written { CompareRequest(entry: [], description: [], assertionValue: []).encode(messageID: 6, into: &$0) },
            written { PasswordModify(userIdentity: [1], oldPassword: [2], newPassword: [3]).request.encode(messageID: 7, into: &$0) },
            written { Cancel(messageID: 4).request.encode(messageID: 8, into: &$0) },
            written { $0.appendResult(messageID: 9, tag: 0x65, code: .referral, referrals: ["ldap://x"]) },
            written { SearchResultEntry(name: [], attributes: [PartialAttribute("a", ["b"])]).encode(messageID: 1, into: &$0) },
        ]
        var decoded = 0
        for index in 0..<60_000 {
            let pdu = generator.mutated(seeds[index % seeds.count])
            _ = try? LDAPEnvelope.frameLength(pdu.rawSpan, limit: 1000)
            guard let envelope = try? LDAPEnvelope(decoding: pdu.rawSpan) else { continue }
            if Self.decodeAll(pdu.rawSpan, envelope) { decoded += 1 }
        }
        #expect(decoded > 1000)
    }

    /// Whether the operation decodes; its controls and values are tried as well.
    private static func decodeAll(_ pdu: RawSpan, _ envelope: LDAPEnvelope) -> Bool {
        let place = envelope.contents
        if let list = envelope.controls, let controls = try? Controls.decode(pdu, list) {
            for control in controls {
                _ = try? PagedResults(decoding: control)
                _ = try? Assertion(decoding: control)
                _ = try? PreRead(decoding: control)
                _ = try? PostRead.entry(decoding: control)
            }
        }
        switch envelope.operation {
        case OperationTag.bindRequest: return (try? BindRequest(decoding: pdu, place)) != nil
        case OperationTag.searchRequest:
            guard let request = try? SearchRequest(decoding: pdu, place) else { return false }
            // Every place lies inside the copy, and the filter can be written in both forms.
            _ = request.filter.description
            var buffer = BERBuffer()
            request.encode(messageID: 1, into: &buffer)
            return true
        case OperationTag.modifyRequest: return (try? ModifyRequest(decoding: pdu, place)) != nil
        case OperationTag.addRequest: return (try? AddRequest(decoding: pdu, place)) != nil
        case OperationTag.modifyDNRequest: return (try? ModifyDNRequest(decoding: pdu, place)) != nil
        case OperationTag.compareRequest: return (try? CompareRequest(decoding: pdu, place)) != nil
        case OperationTag.abandonRequest: return (try? AbandonRequest(decoding: pdu, place)) != nil
        case OperationTag.extendedRequest:
            guard let request = try? ExtendedRequest(decoding: pdu, place) else { return false }
            _ = try? PasswordModify(decoding: request)
            _ = try? Cancel(decoding: request)
            return true
        case OperationTag.searchResultEntry: return (try? SearchResultEntry(decoding: pdu, place)) != nil
        default: return (try? LDAPResult(decoding: pdu, place)) != nil
        }
    }
}
