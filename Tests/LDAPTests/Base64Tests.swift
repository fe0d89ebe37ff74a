import BER
import LDAP
import SeededRandom
import Testing

/// RFC 4648 section 4.
@Suite struct Base64Tests {
    private func decode(_ string: String) -> [UInt8]? { Base64.decode(Array(string.utf8).rawSpan) }

    @Test func section10Vectors() {
        for (plain, encoded) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64.encode(Array(plain.utf8)) == encoded)
            #expect(decode(encoded) == Array(plain.utf8))
        }
    }

    @Test func malformed() {
        for string in ["Z", "Zg", "Zg=", "Zg===", "=", "====", "Zm9v=", "Zh==", "Zm9=", "Z=9v", "Zm 9", "Zm9*", "Zg==Zg==", "Zm9v\n", "é123"] {
            #expect(decode(string) == nil, "\(string)")
        }
        var bytes: [UInt8] = [1]
        let text = Array("Zm9vZm9*".utf8)
        let isDecoded = Base64.decode(text.rawSpan, into: &bytes)
        #expect(!isDecoded && bytes == [1])
    }

    @Test func everythingSurvivesARoundTrip() {
        var generator = SeededGenerator(seed: 12)
        for count in 0..<300 {
            let bytes = generator.bytes(count)
            #expect(decode(Base64.encode(bytes)) == bytes)
        }
        for _ in 0..<20_000 { _ = decode(text(generator.mutated(Array("Zm9vYmFyZm9v".utf8)))) }
    }
}
