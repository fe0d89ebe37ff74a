import BER
import LDAP
import Schema
import SeededRandom
import Testing

/// Whatever stands in schema files and values: it is read or refused; canonical forms agree with comparing.
struct SchemaFuzzingTests {
    @Test func definitions() throws {
        let corpus = try #require(Corpus("definitions.schema", byLine: false))
        let base = try ["system", "core"].map { try SchemaSource(path: Fixture.root + "/schema/\($0).schema") }
        var random = SeededGenerator(seed: 4512)
        for _ in 0..<Corpus.rounds(40) {
            do throws(SchemaError) {
                _ = try Schema(base + [SchemaSource(name: "fuzz", text: corpus.mutation(using: &random))])
            } catch { #expect(!error.reason.isEmpty) }
        }
    }

    /// Group 7: every syntax and every rule, whatever the value.
    @Test func values() throws {
        let corpus = try #require(Corpus("values.txt", byLine: true))
        let schema = Fixture.schema
        var random = SeededGenerator(seed: 4517)
        var scratch: [UInt8] = []
        for _ in 0..<Corpus.rounds(400) {
            let value = corpus.mutation(using: &random)
            for syntax in Syntax.allCases { _ = syntax.validate(value.rawSpan, schema: schema) }
            for rule in MatchingRule.allCases {
                guard let canonical = schema.canonical(value, rule) else { continue }
                #expect(schema.equals(value.rawSpan, normalized: canonical.rawSpan, by: rule, scratch: &scratch), "\(value) by \(rule)")
            }
        }
    }

    /// Group 15: superiors in circles and numbers that clash are named.
    @Test(arguments: [
        ("attributetype ( 1.2.1 NAME 'a' SUP b )\nattributetype ( 1.2.2 NAME 'b' SUP a )", "superior"),
        ("attributetype ( 1.2.1 NAME 'a' SUP name )\nattributetype ( 1.2.1 NAME 'b' SUP name )", "1.2.1"),
        ("objectclass ( 1.2.1 NAME 'a' SUP a )", "superior"), ("attributetype ( 1.2.1 NAME 'a' SUP name", "found"),
    ])
    func mistakes(_ text: String, _ expected: String) throws {
        let base = try ["system", "core"].map { try SchemaSource(path: Fixture.root + "/schema/\($0).schema") }
        let error = #expect(throws: SchemaError.self) { try Schema(base + [SchemaSource(name: "fuzz", text: text)]) }
        #expect(error?.reason.contains(expected) == true, "\(error?.reason ?? "")")
    }
}
