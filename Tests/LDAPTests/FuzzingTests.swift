import BER
import LDAP
import SeededRandom
import Testing

/// Whatever stands in filters, names, URLs and LDIF: it is read or refused, and what was read can be written and read again.
struct FuzzingTests {
    @Test func filters() throws {
        let corpus = try #require(Corpus("filters.txt", byLine: true))
        var random = SeededGenerator(seed: 4515)
        for _ in 0..<Corpus.rounds(5_000) {
            guard let text = String(validating: corpus.mutation(using: &random), as: UTF8.self), let filter = try? Filter(text) else { continue }
            #expect(try Filter(filter.description).description == filter.description, "\(text)")
        }
    }

    @Test func names() throws {
        let corpus = try #require(Corpus("names.txt", byLine: true))
        var random = SeededGenerator(seed: 4514)
        for _ in 0..<Corpus.rounds(5_000) {
            let bytes = corpus.mutation(using: &random)
            guard let name = try? DistinguishedName(parsing: bytes.rawSpan) else { continue }
            let text = name.description
            #expect(try DistinguishedName(text).description == text, "\(text)")
        }
    }

    @Test func records() throws {
        let corpus = try #require(Corpus("records.ldif", byLine: false))
        var random = SeededGenerator(seed: 2849)
        for _ in 0..<Corpus.rounds(500) {
            var reader = LDIFReader(bytes: corpus.mutation(using: &random), lineLimit: 1000, recordLimit: 100_000)
            var record = LDIFRecord()
            do throws(LDIFError) { while try reader.next(&record) {} } catch { #expect(!error.reason.isEmpty) }
        }
    }

    /// Group 4 of the classes of hostile input: depth and width end in an error, not in a deep stack or much memory.
    @Test func deepAndWideFilters() {
        for text in [
            String(repeating: "(!", count: 1_000_000), String(repeating: "(&", count: 200_000) + "(a=b)" + String(repeating: ")", count: 200_000),
            "(|" + String(repeating: "(a=*)", count: 100_000) + ")", "(a=" + String(repeating: "*b", count: 10_000) + ")",
        ] {
            #expect(throws: LDAPError.self) { try Filter(text) }
        }
    }

    /// Group 5: levels, values of one level, and length.
    @Test func longNames() {
        for text in [
            Array(repeating: "cn=x", count: 10_000).joined(separator: ","), Array(repeating: "cn=x", count: 10_000).joined(separator: "+"),
        ] {
            #expect(throws: LDAPError.self) { try DistinguishedName(text) }
        }
        let value = String(repeating: "x", count: 1 << 20)
        #expect((try? DistinguishedName("cn=" + value))?.rdns.first?.values.first?.value.count == 1 << 20)
    }
}
