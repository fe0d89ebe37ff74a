import Schema
import Testing

/// String preparation, step by step.
struct RFC4518StringPreparationTests {
    let schema = Fixture.schema

    private func folded(_ text: String) -> String? { schema.text(text, .caseIgnoreMatch) }
    private func exact(_ text: String) -> String? { schema.text(text, .caseExactMatch) }
    /// Scalar by scalar: `==` on strings would not see normalisation.
    private func scalars(_ text: String?) -> [UInt32] { (text ?? "").unicodeScalars.map(\.value) }

    @Test func section2_2_mapping() {
        #expect(exact("a\u{ad}b") == "ab")
        #expect(exact("a\u{200b}\u{200d}\u{feff}b\u{fe0f}") == "ab")
        #expect(exact("a\u{1}\u{7f}b") == "ab")
        #expect(exact("a\tb\nc\rd") == "a b c d")
        #expect(exact("a\u{a0}\u{2003}\u{3000}b") == "a b")
        #expect(exact("a\u{85}é") == "a é")
        #expect(exact("a\u{85}b") == "a b")
    }

    @Test func section2_2_caseFolding() {
        #expect(folded("Straße") == "strasse")
        #expect(schema.matches("STRASSE", "straße", .caseIgnoreMatch))
        #expect(schema.matches("GROẞ", "gross", .caseIgnoreMatch))
        #expect(scalars(folded("İstanbul")) == scalars("i\u{307}stanbul"))
        #expect(schema.matches("ΟΔΥΣΣΕΎΣ", "Οδυσσεύς", .caseIgnoreMatch))
        #expect(folded("ς") == "σ")
        #expect(folded("ИВАНОВА") == "иванова")
        #expect(folded("ﬃ") == "ffi")
        #expect(folded("Ｆｕｌｌ　Ｗｉｄｔｈ") == "full width")
        #expect(folded("\u{212a}elvin") == "kelvin")
        #expect(folded("ᾳ") == folded("ΑΙ"))
        #expect(folded("Ꭰ") == folded("ꭰ"))
        #expect(folded("田中") == "田中")
        #expect(folded("ǅ") == "dž")
    }

    @Test func section2_3_normalisation() {
        #expect(scalars(exact("e\u{301}")) == [0xe9])
        #expect(scalars(exact("é")) == [0xe9])
        #expect(scalars(exact("\u{1e69}")) == scalars(exact("s\u{307}\u{323}")))
        #expect(scalars(exact("s\u{323}\u{307}")) == [0x1e69])
        #expect(scalars(exact("한")) == [0xd55c])
        #expect(scalars(exact("\u{1112}\u{1161}\u{11ab}")) == [0xd55c])
        #expect(scalars(exact("カ\u{3099}")) == [0x30ac])
        #expect(scalars(exact("ｶﾞ")) == [0x30ac])
        #expect(exact("①²½") == "121⁄2")
        #expect(scalars(exact("\u{2126}")) == [0x3a9])
        // Composition exclusion.
        #expect(scalars(exact("\u{958}")) == [0x915, 0x93c])
        // Blocked: the second mark has the class of the first.
        #expect(scalars(exact("a\u{30d}\u{301}")) == [0x61, 0x30d, 0x301])
        #expect(scalars(exact("a\u{323}\u{301}")) == [0x1ea1, 0x301])
    }

    @Test func section2_4_prohibitedStandForThemselves() {
        #expect(exact("a\u{e000}\u{fffd}") == "a\u{e000}\u{fffd}")
        #expect(exact("😀 ") == "😀")
    }

    @Test func section2_6_1_spaces() {
        #expect(folded("  É  a  ") == "é a")
        #expect(folded("\u{3000}\u{a0}") == " ")
        // A combining mark takes its space with it.
        #expect(scalars(exact("a  \u{301}b")) == [0x61, 0x20, 0x20, 0x301, 0x62])
        #expect(scalars(exact("¨")) == [0x20, 0x308])
    }

    @Test func malformedUTF8IsNotValid() {
        let bad: [[UInt8]] = [
            [0x80], [0xc3], [0xc3, 0x28], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80],
            [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0x61, 0xe2, 0x82], [0xf0, 0x9f, 0x98],
        ]
        for bytes in bad {
            #expect(schema.canonical(bytes, .caseIgnoreMatch) == nil, "\(bytes)")
            #expect(schema.canonical([0x61] + bytes + [0x61], .caseExactMatch) == nil, "\(bytes)")
            #expect(!bytes.isDirectoryString)
        }
        #expect(([0xf4, 0x8f, 0xbf, 0xbf] as [UInt8]).isDirectoryString)
    }

    @Test func foldingThatGrows() {
        let grown = folded(String(repeating: "\u{fdfa}", count: 1000)) ?? ""
        #expect(grown.utf8.count > 30_000)
    }

    @Test func manyCombiningMarks() {
        let marks = (0..<50_000).map { $0 % 2 == 0 ? "\u{301}" : "\u{323}" }.joined()
        #expect(scalars(exact("a" + marks)).prefix(3) == [0x1ea1, 0x323, 0x323])
    }

    /// Case mappings that the standard library knows must fold together.
    @Test func agreesWithTheStandardLibrary() {
        for value in UInt32(0xc0)..<0x2_0000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(scalar)
            guard scalar.properties.changesWhenLowercased, let age = scalar.properties.age, age.major <= 14 else { continue }
            #expect(scalars(folded(text)) == scalars(folded(scalar.properties.lowercaseMapping)), "U+\(String(value, radix: 16))")
        }
    }
}

extension [UInt8] {
    fileprivate var isDirectoryString: Bool { Syntax.directoryString.validate(span.bytes, schema: nil) }
}
