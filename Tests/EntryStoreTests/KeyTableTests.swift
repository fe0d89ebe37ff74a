@testable import EntryStore
import BER
import SeededRandom
import Testing

/// A key table behaves as a dictionary from byte strings to numbers in order of arrival.
struct KeyTableTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func numbersKeysInOrderOfArrival(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = KeyTable()
        var model: [[UInt8]: Int] = [:]
        for _ in 0..<20_000 {
            // Few octets of few kinds, zeros among them: short keys that differ by their length alone, and long ones with one beginning.
            var key = (0..<random.below(13)).map { _ in [0, 1, 0x61, 0xff][random.below(4)] as UInt8 }
            if random.below(4) == 0 { key = Array("a common beginning".utf8) + key }
            #expect(table.find(key.rawSpan) == model[key])
            let number = model[key] ?? model.count
            model[key] = number
            if random.below(2) == 0, let short = ShortKey(key.rawSpan) {
                #expect(table.insert(short) == number)
            } else {
                #expect(table.insert(key.rawSpan) == number)
            }
        }
        #expect(table.count == model.count)
        for (key, number) in model { #expect(table.key(number).array == key) }
        let sorted = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        // Keys of an index are never one the beginning of another by zeros alone; these may be, and are then ordered by length.
        #expect(table.sorted() == sorted)
    }

    @Test(arguments: [1, 90, 3000]) func anEmptiedTableKnowsNothing(count: Int) {
        var table = KeyTable()
        for turn in 0..<3 {
            // Short keys and long ones.
            let keys = (0..<count).map { Array((($0 % 2 == 0 ? "" : "a key of many octets ") + "\(turn)-\($0)").utf8) }
            for key in keys { #expect(table.find(key.rawSpan) == nil) }
            for (number, key) in keys.enumerated() { #expect(table.insert(key.rawSpan) == number) }
            for (number, key) in keys.enumerated() { #expect(table.find(key.rawSpan) == number && table.key(number).array == key) }
            table.removeAll()
            #expect(table.count == 0)
            for key in keys { #expect(table.find(key.rawSpan) == nil) }
        }
    }

    @Test func aShortKeyIsItsBytes() {
        for bytes in [[], [0], [1, 2, 3], [0, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8]] as [[UInt8]] {
            var out: [UInt8] = []
            ShortKey(bytes.rawSpan)?.append(to: &out)
            #expect(out == bytes)
        }
        #expect(ShortKey([UInt8](repeating: 1, count: 9).rawSpan) == nil)
    }

    /// Pieces put together in a register are the keys that the planner asks for.
    @Test func piecesAreTheirKeys() {
        let attribute = AttributeID(rawValue: 0x8123)
        for kind in [IndexKey.Kind.piece, .beginning] {
            var pieces = IndexKey.Pieces(attribute, kind)
            let value: [UInt8] = [0xff, 0x01, 0x41, 0x80]
            for index in value.indices {
                pieces.append(value[index])
                for length in 1...min(3, index + 1) {
                    var key: [UInt8] = []
                    let piece = Array(value[(index + 1 - length)...index])
                    IndexKey.appendPiece(attribute, kind, piece.rawSpan, to: &key)
                    #expect(pieces.longest(length) == ShortKey(key.rawSpan))
                }
            }
        }
    }
}
