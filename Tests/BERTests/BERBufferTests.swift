import BER
import SeededRandom
import Testing

@Suite struct BERBufferTests {
    /// The same elements, written from inside out.
    private indirect enum Element {
        case primitive(UInt8, [UInt8])
        case constructed(UInt8, [Element])

        var encoded: [UInt8] {
            switch self {
            case .primitive(let tag, let contents): Self.wrap(tag, contents)
            case .constructed(let tag, let elements): Self.wrap(tag, elements.flatMap(\.encoded))
            }
        }

        static func wrap(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
            let count = contents.count
            if count < 0x80 { return [tag, UInt8(count)] + contents }
            var octets: [UInt8] = []
            var rest = count
            while rest > 0 {
                octets.insert(UInt8(rest & 0xff), at: 0)
                rest >>= 8
            }
            return [tag, 0x80 | UInt8(octets.count)] + octets + contents
        }

        func write(_ buffer: inout BERBuffer) {
            switch self {
            case .primitive(let tag, let contents): buffer.append(tag, contents: contents)
            case .constructed(let tag, let elements):
                let mark = buffer.begin(tag)
                for element in elements { element.write(&buffer) }
                buffer.end(mark)
            }
        }

        static func random(_ generator: inout SeededGenerator, depth: Int) -> Element {
            if depth == 0 || generator.below(3) == 0 {
                let count = [0, 1, 127, 128, 255, 256, 70_000][generator.below(depth == 0 ? 7 : 4)]
                return .primitive(0x80 | UInt8(generator.below(31)), generator.bytes(count))
            }
            return .constructed(
                0xa0 | UInt8(generator.below(31)), (0..<generator.below(5)).map { _ in random(&generator, depth: depth - 1) })
        }

        func check(_ reader: inout BERReader) throws {
            switch self {
            case .primitive(let tag, let contents):
                let place = try reader.contents(of: tag)
                let found = reader.bytes.slice(place).array
                #expect(found == contents)
            case .constructed(let tag, let elements):
                let place = try reader.contents(of: tag)
                var inner = BERReader(reader.bytes, place)
                for element in elements { try element.check(&inner) }
                try inner.finish()
            }
        }
    }

    @Test func nestedElementsSurviveARoundTrip() throws {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<100 {
            let element = Element.random(&generator, depth: 5)
            var buffer = BERBuffer(capacity: 0)
            element.write(&buffer)
            let bytes = buffer.bytes.array
            #expect(bytes == element.encoded)
            var reader = BERReader(bytes.rawSpan)
            try element.check(&reader)
            try reader.finish()
        }
    }

    @Test func lengthArithmetic() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_215, 16_777_216] {
            var buffer = BERBuffer()
            buffer.appendHeader(0x30, length: length)
            #expect(buffer.count == 1 + BERBuffer.lengthOctets(length))
            #expect(BERBuffer.elementSize(length) == buffer.count + length)
        }
    }

    @Test func stringsBooleansAndSingleBytes() {
        var buffer = BERBuffer(capacity: 1)
        buffer.append(string: "Grüße, and a string that is longer than a small one")
        buffer.append(boolean: true)
        buffer.append(BERTag.context(4), boolean: false)
        buffer.append(0x05)
        buffer.append(0x00)
        let text = Array("Grüße, and a string that is longer than a small one".utf8)
        #expect(buffer.bytes.array == [0x04, UInt8(text.count)] + text + [0x01, 0x01, 0xff, 0x84, 0x01, 0x00, 0x05, 0x00])
    }

    @Test func truncateAndRemoveAll() {
        var buffer = BERBuffer(capacity: 64)
        buffer.append([UInt8](repeating: 7, count: 100_000))
        buffer.truncate(to: 3)
        #expect(buffer.bytes.array == [7, 7, 7])
        buffer.removeAll()
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
        buffer.append([1, 2])
        #expect(buffer.bytes.array == [1, 2])
    }

    private func copy(_ bytes: [UInt8], _ place: ByteRange) -> [UInt8] { bytes.rawSpan.slice(place).array }

    @Test func placesOutsideGiveNoBytes() {
        let bytes: [UInt8] = [1, 2, 3]
        #expect(copy(bytes, ByteRange(start: 1, count: 2)) == [2, 3])
        #expect(copy(bytes, ByteRange(start: 2, count: 2)) == [])
        #expect(copy(bytes, ByteRange(start: 4, count: 0)) == [])
    }
}
