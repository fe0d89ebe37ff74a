import BER
@testable import EntryStore
import Schema
import SeededRandom
import Testing

/// Stamps of the same hour are told without their canonical forms; then they have the same key, or neither has one.
struct StampHourTests {
    private func keys(_ value: [UInt8], _ rule: MatchingRule, _ schema: Schema) -> [UInt8] {
        var canonical: [UInt8] = []
        guard schema.normalize(value.span.bytes, by: rule, into: &canonical) else { return [] }
        var key: [UInt8] = []
        IndexKey.append(AttributeID(rawValue: 1), canonical.span.bytes, .hour, to: &key)
        return key
    }

    @Test func stampsOfTheServerAreTold() {
        func same(_ a: String, _ b: String) -> Bool { IndexKey.haveSameHour(Array(a.utf8).span.bytes, Array(b.utf8).span.bytes) }
        #expect(same("20261130125959Z", "20261130120000Z"))
        #expect(!same("20261130125959Z", "20261130130000Z"))
        #expect(same("20261130125959.123456Z#000000#000#000000", "20261130120000.000000Z#00001f#001#000000"))
        #expect(!same("20261130125959.123456Z#000000#000#000000", "20261130120000Z"))
        // A time with an offset may be of another hour.
        #expect(!same("202611301259+0130", "202611301258+0230"))
        #expect(!same("", ""))
    }

    @Test func whatIsTakenForTheSameHourHasTheSameKey() throws {
        let small = try SmallStore()
        var random = SeededGenerator(seed: 7)
        let forms = ["20261130125959Z", "20261130125959.123456Z#00001f#001#000000"].map { Array($0.utf8) }
        let octets = Array("0123456789Z.#+-afA ".utf8)
        var told = 0
        for _ in 0..<200_000 {
            let form = forms[random.below(2)]
            var (a, b) = (form, form)
            for _ in 0..<random.below(4) { a[random.below(a.count)] = octets[random.below(octets.count)] }
            for place in 0..<10 where random.below(8) > 0 { b[place] = a[place] }
            for _ in 0..<random.below(3) { b[10 + random.below(b.count - 10)] = octets[random.below(octets.count)] }
            guard IndexKey.haveSameHour(a.span.bytes, b.span.bytes) else { continue }
            told += 1
            let rule = form.count == 15 ? MatchingRule.generalizedTimeMatch : .csnMatch
            #expect(keys(a, rule, small.schema) == keys(b, rule, small.schema))
        }
        #expect(told > 10_000)
    }
}
