import BER
import LDAP
import Testing

/// RFC 4511 sections 4.1.9, 4.2.2, 4.4.1, 4.5.2, 4.5.3, 4.12, 4.13.
@Suite struct RFC4511_4_ResponseTests {
    @Test func results() throws {
        let pdu = written {
            $0.appendResult(
                messageID: 7, tag: OperationTag.searchResultDone, code: .referral, matchedDN: bytes("dc=x"), message: "elsewhere",
                referrals: ["ldap://a/", "ldap://b/"], controls: [PagedResults(size: 0).control()])
        }
        let (envelope, controls) = try open(pdu)
        let result = try LDAPResult(decoding: pdu.rawSpan, envelope.contents)
        #expect(envelope.messageID == 7 && envelope.operation == 0x65)
        #expect(result.code == .referral && result.matchedDN == bytes("dc=x") && result.message == "elsewhere")
        #expect(result.referrals == ["ldap://a/", "ldap://b/"])
        #expect(try PagedResults(decoding: controls[0]) == PagedResults(size: 0))
    }

    @Test func theCommonAnswerIsExact() {
        #expect(
            written { $0.appendResult(messageID: 2, tag: OperationTag.searchResultDone, code: .success) }
                == [0x30, 0x0c, 0x02, 0x01, 0x02, 0x65, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00])
    }

    @Test func bindExtendedAndIntermediate() throws {
        let bind = written { $0.appendBindResult(messageID: 1, code: .saslBindInProgress, serverCredentials: [1, 2]) }
        #expect(try LDAPResult(decoding: bind.rawSpan, try open(bind).envelope.contents).serverCredentials == [1, 2])
        let extended = written { $0.appendExtendedResult(messageID: 1, code: .success, name: "1.2", value: [3]) }
        let result = try LDAPResult(decoding: extended.rawSpan, try open(extended).envelope.contents)
        #expect(result.name == "1.2" && result.value == [3])
        let intermediate = written { $0.appendIntermediateResponse(messageID: 1, name: "1.3", value: [4]) }
        let response = try IntermediateResponse(decoding: intermediate.rawSpan, try open(intermediate).envelope.contents)
        #expect(response.name == "1.3" && response.value == [4])
        let notice = written { $0.appendNoticeOfDisconnection(code: .protocolError, message: "broken") }
        let (envelope, _) = try open(notice)
        #expect(envelope.messageID == 0 && envelope.operation == OperationTag.extendedResponse)
        #expect(try LDAPResult(decoding: notice.rawSpan, envelope.contents).name == "1.3.6.1.4.1.1466.20036")
        let reference = written { $0.appendSearchReference(messageID: 1, urls: ["ldap://a", "ldap://b"]) }
        #expect(try SearchResultReference(decoding: reference.rawSpan, try open(reference).envelope.contents).urls == ["ldap://a", "ldap://b"])
        let error = written { $0.appendResult(messageID: 1, tag: 0x69, error: LDAPError(.busy, "später", matchedDN: [0x61])) }
        let failure = try LDAPResult(decoding: error.rawSpan, try open(error).envelope.contents)
        #expect(failure.code == .busy && failure.message == "später" && failure.matchedDN == [0x61])
    }

    @Test func unknownFieldsOfAResultAreSkipped() throws {
        let contents = [integer(0, 0x0a), octets(""), octets(""), element(0x9e, [1])].flatMap { $0 }
        #expect(try LDAPResult(decoding: contents.rawSpan, ByteRange(start: 0, count: contents.count)).code == .success)
    }

    /// The layout writes byte for byte what the nested encoder writes, across all lengths of length fields.
    @Test func entryLayoutEqualsTheEncoder() {
        let control = Control(oid: "1.2.3", value: [1])
        for messageID in [1, 127, 128, 70_000, 0x7fff_ffff] {
            for nameCount in [0, 1, 120, 127, 128, 300] {
                for valueCount in [0, 100, 115, 127, 128, 255, 256, 65_500, 65_536] {
                    for controls in [[], [control]] {
                        let entry = SearchResultEntry(
                            name: [UInt8](repeating: 0x61, count: nameCount),
                            attributes: [
                                PartialAttribute(description: bytes("cn"), values: [[UInt8](repeating: 0x62, count: valueCount)])
                            ])
                        let expected = written { entry.encode(messageID: messageID, controls: controls, into: &$0) }
                        let value = element(BERTag.octetString, entry.attributes[0].values[0])
                        let attributes = element(0x30, octets("cn"), element(0x31, value))
                        let tail = written { $0.append(controls: controls) }
                        let layout = SearchEntryLayout(
                            messageID: messageID, name: nameCount, attributes: attributes.count, controls: tail.count)
                        let found = written {
                            layout.begin(into: &$0)
                            $0.append(entry.name)
                            layout.beginAttributes(into: &$0)
                            $0.append(attributes)
                            $0.append(tail)
                        }
                        #expect(found == expected)
                        #expect(layout.size == expected.count)
                    }
                }
            }
        }
    }
}
