import BER
import SeededRandom
import Testing

/// X.690 sections 8.2 (BOOLEAN), 8.3 (INTEGER) and 8.4 (ENUMERATED).
@Suite struct X690_8_3_IntegerTests {
    private func integer(_ contents: [UInt8]) throws -> Int {
        let bytes = [BERTag.integer, UInt8(contents.count)] + contents
        var reader = BERReader(bytes.rawSpan)
        return try reader.integer()
    }

    @Test func values() throws {
        #expect(try integer([0x00]) == 0)
        #expect(try integer([0x7f]) == 127)
        #expect(try integer([0x00, 0x80]) == 128)
        #expect(try integer([0x80]) == -128)
        #expect(try integer([0xff, 0x7f]) == -129)
        #expect(try integer([0x7f, 0xff, 0xff, 0xff]) == 0x7fff_ffff)
        #expect(try integer([0x7f] + [UInt8](repeating: 0xff, count: 7)) == .max)
        #expect(try integer([0x80] + [UInt8](repeating: 0, count: 7)) == .min)
    }

    @Test func redundantOctetsAreAccepted() throws {
        #expect(try integer([0, 0, 0, 5]) == 5)
        #expect(try integer([0xff, 0xff, 0xff]) == -1)
    }

    @Test func emptyAndTooLongAreRefused() {
        #expect(throws: BERError.integerOutOfRange) { try integer([]) }
        #expect(throws: BERError.integerOutOfRange) { try integer([UInt8](repeating: 0, count: 9)) }
    }

    @Test func minimalForm() {
        for (value, octets) in [
            (0, 1), (127, 1), (128, 2), (-128, 1), (-129, 2), (32767, 2), (32768, 3), (Int.max, 8), (Int.min, 8), (-1, 1),
        ] {
            var buffer = BERBuffer()
            buffer.append(integer: value)
            #expect(buffer.count == 2 + octets)
            #expect(BERBuffer.integerOctets(value) == octets)
        }
    }

    @Test func integersSurviveARoundTrip() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<5000 {
            let value = Int(bitPattern: UInt(generator.next())) >> generator.below(64)
            var buffer = BERBuffer()
            buffer.append(BERTag.enumerated, integer: value)
            let bytes = buffer.bytes.array
            var reader = BERReader(bytes.rawSpan)
            let read = try reader.integer(BERTag.enumerated)
            #expect(read == value)
            try reader.finish()
        }
    }

    @Test func booleans() throws {
        for (octet, expected) in [(UInt8(0), false), (1, true), (0xff, true)] {
            let bytes: [UInt8] = [0x01, 0x01, octet]
            var reader = BERReader(bytes.rawSpan)
            let read = try reader.boolean()
            #expect(read == expected)
        }
        for bytes: [UInt8] in [[0x01, 0x00], [0x01, 0x02, 0, 0]] {
            #expect(throws: BERError.badBoolean) {
                var reader = BERReader(bytes.rawSpan)
                _ = try reader.boolean()
            }
        }
    }
}
