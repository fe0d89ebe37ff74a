import BER
import Testing

/// X.690 section 8.1 (identifier and length octets) as RFC 4511 section 5.1 restricts it.
@Suite struct X690_8_1_ElementTests {
    private func element(_ bytes: [UInt8]) throws(BERError) -> (tag: UInt8, contents: ByteRange) {
        var reader = BERReader(bytes.rawSpan)
        return try reader.element()
    }

    @Test func shortForm() throws {
        let (tag, contents) = try element([0x04, 0x02, 0x48, 0x69])
        #expect(tag == BERTag.octetString)
        #expect(contents == ByteRange(start: 2, count: 2))
    }

    @Test func longFormWithLeadingZerosIsAccepted() throws {
        for bytes: [UInt8] in [
            [0x04, 0x81, 0x01, 0x41], [0x04, 0x82, 0x00, 0x01, 0x41], [0x04, 0x84, 0, 0, 0, 1, 0x41],
            [0x04, 0x85, 0, 0, 0, 0, 1, 0x41], [0x04, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 0x41],
        ] {
            let contents = try element(bytes).contents
            #expect(contents == ByteRange(start: bytes.count - 1, count: 1))
        }
    }

    @Test func indefiniteLengthIsRefused() {
        #expect(throws: BERError.indefiniteLength) { try element([0x30, 0x80, 0, 0]) }
    }

    @Test func lengthsTooLargeAreRefused() {
        #expect(throws: BERError.lengthTooLarge) { try element([0x30, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x41]) }
        #expect(throws: BERError.lengthTooLarge) { try element([0x30, 0xff] + [UInt8](repeating: 0, count: 200)) }
        #expect(throws: BERError.lengthTooLarge) { try element([0x30, 0x88] + [UInt8](repeating: 0xff, count: 8)) }
        #expect(throws: BERError.lengthTooLarge) { try element([0x30, 0x85, 1, 0, 0, 0, 0, 0x41]) }
    }

    @Test func lyingLengthsAreRefused() {
        for bytes: [UInt8] in [
            [], [0x04], [0x04, 0x01], [0x04, 0x05, 1, 2, 3, 4], [0x04, 0x82], [0x04, 0x82, 0x01], [0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            #expect(throws: BERError.truncated) { try element(bytes) }
        }
    }

    @Test func highTagNumbersAreRefused() {
        #expect(throws: BERError.highTagNumber) { try element([0x1f, 0x81, 0x01, 0x00]) }
        #expect(throws: BERError.highTagNumber) { try element([0xff, 0x01, 0x00]) }
    }

    @Test func aReaderStaysInsideItsPlace() throws {
        let bytes: [UInt8] = [0x30, 0x04, 0x04, 0x00, 0x04, 0x01, 0x43]
        var outer = BERReader(bytes.rawSpan)
        let contents = try outer.contents(of: BERTag.sequence)
        var inner = BERReader(bytes.rawSpan, contents)
        _ = try inner.element()
        // One byte is left of the container; the element would go on behind it.
        var error: BERError?
        do { _ = try inner.element() } catch let caught { error = caught }
        #expect(error == .truncated)
        try BERReader(bytes.rawSpan, ByteRange(start: 90, count: 5)).finish()
    }

    @Test func wrongTagLeavesTheReaderInPlace() throws {
        let bytes: [UInt8] = [0x04, 0x01, 0x41]
        var reader = BERReader(bytes.rawSpan)
        var error: BERError?
        do { _ = try reader.contents(of: BERTag.integer) } catch let caught { error = caught }
        #expect(error == .unexpectedTag(expected: 0x02, found: 0x04))
        #expect(reader.position == 0)
        let absent = try reader.contents(ifPresent: BERTag.integer)
        #expect(absent == nil)
        let present = try reader.contents(ifPresent: BERTag.octetString)
        #expect(present == ByteRange(start: 2, count: 1))
        try reader.finish()
        let none = try reader.contents(ifPresent: BERTag.octetString)
        #expect(none == nil)
    }

    @Test func trailingBytes() throws {
        let bytes: [UInt8] = [0x05, 0x00, 0x00]
        var reader = BERReader(bytes.rawSpan)
        _ = try reader.element()
        var error: BERError?
        do { try reader.finish() } catch let caught { error = caught }
        #expect(error == .trailingBytes)
    }
}
