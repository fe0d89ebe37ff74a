import BER
import LDAP
import Testing

/// RFC 4511 section 4.1.1 (LDAPMessage) and 4.1.11 (controls).
@Suite struct RFC4511_4_1_MessageTests {
    private func envelopeCode(_ pdu: [UInt8]) -> ResultCode? { code { _ = try LDAPEnvelope(decoding: pdu.rawSpan) } }
    private func frame(_ bytes: [UInt8], limit: Int = 1000) throws(LDAPError) -> Int? {
        try LDAPEnvelope.frameLength(bytes.rawSpan, limit: limit)
    }

    @Test func frameWithAndWithoutControls() throws {
        let plain = try open(written { UnbindRequest().encode(messageID: 5, into: &$0) })
        #expect(plain.envelope.messageID == 5 && plain.envelope.operation == 0x42 && plain.envelope.contents.isEmpty)
        #expect(plain.envelope.controls == nil)
        let list = [Control(oid: "1.2.3", isCritical: true, value: [1]), Control(oid: "2.5.4", value: []), Control(oid: "0.1")]
        let more = try open(written { DeleteRequest(entry: [0x61]).encode(messageID: 0x7fff_ffff, controls: list, into: &$0) })
        #expect(more.envelope.messageID == 0x7fff_ffff)
        #expect(more.controls == list)
    }

    @Test func messageIDsOutOfRange() {
        for id in [-1, 1 << 31, Int.max, Int.min] {
            #expect(envelopeCode(element(0x30, integer(id), [0x42, 0x00])) == .protocolError)
        }
        #expect(envelopeCode(element(0x30, integer(0), [0x42, 0x00])) == nil)
        #expect(envelopeCode(element(0x30, [0x02, 0x04, 0, 0, 0, 1], [0x42, 0x00])) == nil)
    }

    @Test func trailingBytesAreRefused() {
        let good = element(0x30, integer(1), [0x42, 0x00])
        #expect(envelopeCode(good + [0]) == .protocolError)
        #expect(envelopeCode(element(0x30, integer(1), [0x42, 0x00], [0x05, 0x00])) == .protocolError)
        #expect(envelopeCode(element(0x30, integer(1), [0x42, 0x00], element(0xa0), [0x05, 0x00])) == .protocolError)
        #expect(envelopeCode(element(0x30, integer(1))) == .protocolError)
        #expect(envelopeCode([]) == .protocolError)
    }

    @Test func frameLengths() throws {
        #expect(try frame([]) == nil)
        #expect(try frame([0x30]) == nil)
        #expect(try frame([0x30, 0x05]) == 7)
        #expect(try frame([0x30, 0x82, 0x01]) == nil)
        #expect(try frame([0x30, 0x82, 0x01, 0x00]) == 260)
        #expect(try frame([0x30, 0x85, 0, 0, 0, 0, 3]) == 10)
        #expect(try frame([0x30, 0x84, 0, 0, 0, 0x81]) == 6 + 0x81)
        for bad: [UInt8] in [
            [0x31], [0x00], [0x16, 0x03, 0x01], [0x30, 0x80], [0x30, 0x89], [0x30, 0xff], [0x30, 0x82, 0x03, 0xe8], [0x30, 0x82, 0xff],
            [0x30, 0x84, 0x7f], [0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            #expect(code { _ = try frame(bad) } == .protocolError, "\(bad)")
        }
        #expect(try frame([0x30, 0x82, 0x03, 0xe4]) == 1000)
        #expect(code { _ = try frame([0x30, 0x05], limit: 6) } == .protocolError)
    }

    @Test func aPDUThatComesByteByByteHasOneLength() throws {
        let pdu = written { DeleteRequest(entry: [UInt8](repeating: 0x61, count: 300)).encode(messageID: 9, into: &$0) }
        for count in 0...pdu.count {
            let length = try frame(Array(pdu.prefix(count)))
            #expect(length == (count < 4 ? nil : pdu.count))
        }
    }

    @Test func malformedControls() {
        func controlsCode(_ contents: [UInt8]..., limits: DecodingLimits = .default) -> ResultCode? {
            let bytes = contents.flatMap { $0 }
            return code { _ = try Controls.decode(bytes.rawSpan, ByteRange(start: 0, count: bytes.count), limits: limits) }
        }
        #expect(controlsCode() == nil)
        #expect(controlsCode(element(0x30)) == .protocolError)
        #expect(controlsCode(octets("1.2.3")) == .protocolError)
        for oid in ["", "cn", "1", "1.", ".1", "1..2", "1.02", "1.2 "] {
            #expect(controlsCode(element(0x30, octets(oid))) == .protocolError, "\(oid)")
        }
        #expect(controlsCode(element(0x30, octets("1.2"), [0x01, 0x02, 0, 0])) == .protocolError)
        #expect(controlsCode(element(0x30, octets("1.2"), octets("v"), boolean(true))) == .protocolError)
        #expect(controlsCode(element(0x30, octets("1.2"), octets("v"), octets("w"))) == .protocolError)
        let hundreds = Array(repeating: element(0x30, octets("1.2")), count: 65).flatMap { $0 }
        #expect(controlsCode(hundreds) == .adminLimitExceeded)
        #expect(controlsCode(hundreds, limits: DecodingLimits(controls: 65)) == nil)
    }
}
