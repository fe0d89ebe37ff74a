import BER
import SeededRandom
import Testing

/// Whatever the bytes: an error or elements inside their container, never a trap.
@Suite struct BERFuzzTests {
    private func walk(_ reader: inout BERReader, depth: Int) -> Int {
        var count = 0
        while let (tag, contents) = try? reader.element() {
            count += 1
            if contents.upperBound > reader.end { Issue.record("element outside its container") }
            _ = try? BERReader.integer(reader.bytes, contents)
            if tag & 0x20 != 0, depth > 0 {
                var inner = BERReader(reader.bytes, contents)
                count += walk(&inner, depth: depth - 1)
            }
        }
        return count
    }

    @Test func mutatedElements() {
        var generator = SeededGenerator(seed: 3)
        var buffer = BERBuffer()
        let outer = buffer.begin(BERTag.sequence)
        buffer.append(integer: 77)
        let inner = buffer.begin(0x63)
        buffer.append(string: "dc=example,dc=com")
        buffer.append(BERTag.enumerated, integer: 2)
        buffer.append(boolean: true)
        buffer.append(0x87, contents: [UInt8](repeating: 0x41, count: 300))
        buffer.end(inner)
        buffer.end(outer)
        let valid = buffer.bytes.array
        var elements = 0
        for _ in 0..<20_000 {
            let bytes = generator.mutated(valid)
            var reader = BERReader(bytes.rawSpan)
            elements += walk(&reader, depth: 8)
        }
        #expect(elements > 20_000)
    }

    @Test func randomBytes() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            let bytes = generator.bytes(generator.below(40))
            var reader = BERReader(bytes.rawSpan)
            _ = walk(&reader, depth: 8)
        }
    }
}
