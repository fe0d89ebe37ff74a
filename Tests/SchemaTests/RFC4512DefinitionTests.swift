import Glibc
import Schema
import SeededRandom
import Testing

/// Reading definitions (RFC 4512 section 4.1), and what is said when they are wrong.
struct RFC4512DefinitionTests {
    private let base = """
        attributetype ( 2.5.4.0 NAME 'objectClass' EQUALITY objectIdentifierMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.38 )
        attributetype ( 2.5.4.41 NAME 'name' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch
          SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32768} )
        objectclass ( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )
        """

    private func load(_ texts: String...) throws(SchemaError) -> Schema {
        var sources = [SchemaSource(name: "base", text: base)]
        for (index, text) in texts.enumerated() { sources.append(SchemaSource(name: "file\(index)", text: text)) }
        return try Schema(sources)
    }

    private func error(_ texts: String...) -> SchemaError? {
        do {
            var sources = [SchemaSource(name: "base", text: base)]
            for (index, text) in texts.enumerated() { sources.append(SchemaSource(name: "file\(index)", text: text)) }
            _ = try Schema(sources)
            return nil
        } catch {
            return error
        }
    }

    // MARK: What is read

    @Test func inheritance() throws {
        let schema = try load("attributetype ( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name )\nattributetype ( 1.2.3 NAME 'leaf' SUP cn SINGLE-VALUE )")
        let leaf = try #require(schema.attributeType(named: "LEAF"))
        let name = try #require(schema.attributeType(named: "2.5.4.41"))
        let cn = try #require(schema.attributeType(named: "commonname"))
        #expect(schema[leaf].equality == .caseIgnoreMatch)
        #expect(schema[leaf].substring == .caseIgnoreSubstringsMatch)
        #expect(schema[leaf].syntax == .directoryString)
        #expect(schema[leaf].lengthBound == 32768)
        #expect(schema[leaf].isSingleValue && !schema[cn].isSingleValue)
        #expect(schema.isSubtype(leaf, of: name) && schema.isSubtype(leaf, of: leaf) && !schema.isSubtype(name, of: leaf))
        #expect(schema.subtypes(of: name) == [name, cn, leaf].sorted())
        #expect(schema[cn].nameBytes == Array("cn".utf8))
    }

    @Test func classes() throws {
        let schema = try load(
            """
            objectclass ( 1.1.2 NAME 'b' SUP a STRUCTURAL MAY ( objectClass $ name ) )
            objectclass ( 1.1.1 NAME 'a' SUP top STRUCTURAL MUST ( name ) )
            objectclass ( 1.1.3 NAME 'x' SUP top AUXILIARY )
            """)
        let a = try #require(schema.objectClass(named: "A"))
        let b = try #require(schema.objectClass(named: "1.1.2"))
        let x = try #require(schema.objectClass(named: "x"))
        let top = try #require(schema.objectClass(named: "top"))
        let name = try #require(schema.attributeType(named: "name"))
        #expect(schema.isSubclass(b, of: a) && schema.isSubclass(b, of: top) && !schema.isSubclass(a, of: b) && !schema.isSubclass(x, of: a))
        #expect(schema.superiors(of: b) == [a, b, top].sorted())
        #expect(schema[b].requires(name) && schema[b].allows(name) && !schema[b].allMay.contains(name))
        #expect(!schema[x].allows(name))
    }

    @Test func openLDAPSyntax() throws {
        let schema = try load(
            """
            # comment
            ObjectIdentifier Base 1.2.3
            objectidentifier Attributes Base:1
            attributeType (Attributes:7
            \tNAME 'odd'
            # in the middle
            \tDESC 'it\\27s a \\5C' SYNTAX '1.3.6.1.4.1.1466.115.121.1.27' equality integerMatch
            \tX-ORDERED 'VALUES' X-LIST ( 'a' 'b' ) )
            """)
        let odd = try #require(schema.attributeType(named: "1.2.3.1.7"))
        #expect(schema[odd].description == "it's a \\")
        #expect(schema[odd].values(ofExtension: "X-LIST") == ["a", "b"])
        #expect(schema[odd].definition == "( 1.2.3.1.7 NAME 'odd' DESC 'it\\27s a \\5C' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 X-ORDERED 'VALUES' X-LIST ( 'a' 'b' ) )")
    }

    @Test func ldif() throws {
        let schema = try load(
            "dn: cn=odd,cn=schema,cn=config\r\nobjectClass: olcSchemaConfig\r\ncn: odd\r\nolcAttributeTypes: {0}( 1.2.3.1 NA\r\n ME 'odd' SUP na\r\n me )\r\n"
                + "olcObjectClasses: {0}( 1.2.3.2 NAME 'oddClass' SUP top AUXILIARY MAY odd )\r\n\r\n"
                + "dn: cn=subschema\r\nattributeTypes: ( 1.2.3.3 NAME 'other' SUP name )\r\nmatchingRules: ( ignored )\r\n")
        #expect(schema.attributeType(named: "odd") != nil)
        #expect(schema.attributeType(named: "other") != nil)
        #expect(schema.objectClass(named: "oddclass") != nil)
    }

    @Test func repeatedDefinitionsAgree() throws {
        let schema = try load("attributetype ( 1.2.3 NAME 'a' SUP name X-A '1' )", "attributetype ( 1.2.3 NAME 'A' DESC 'x' SUP NAME X-B '2' )")
        let a = try #require(schema.attributeType(named: "a"))
        #expect(schema[a].extensions.map(\.0) == ["X-A", "X-B"])
        #expect(schema.attributeTypes.count == 3)
    }

    @Test func substitutedSyntax() throws {
        let schema = try load("ldapsyntax ( 1.2.3.4 DESC 'mine' X-SUBST '1.3.6.1.4.1.1466.115.121.1.15' )\nattributetype ( 1.2.3 NAME 'a' SYNTAX 1.2.3.4 )")
        #expect(schema.attributeType(named: "a").map { schema[$0].syntax } == .directoryString)
    }

    // MARK: What is refused

    @Test func errorsNameFileLineAndDefinition() throws {
        let found = try #require(error("# one\n\nattributetype ( 1.2.3\n  NAME 'bad'\n  SUP name\n  BOGUS )"))
        #expect(found.source == "file0" && found.line == 6 && found.definition == "bad")
        #expect(found.description == "file0:6: bad: \"BOGUS\" is not a keyword of an attribute type")
    }

    @Test(arguments: [
        ("attributetype 1.2.3", "expected \"(\""), ("attributetype ( )", "expected an OID"), ("attributetype (", "expected an OID"),
        ("attributetype ( 1.2.3 NAME 'a", "quoted string without an end"), ("attributetype ( 1.2.3 NAME 'a' SUP name", "expected a keyword"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name ) )", "nothing after the definition"),
        ("attributetype ( 1.2.3 NAME 'a b' SUP name )", "is not a name"), ("attributetype ( 1.2.3 NAME '1a' SUP name )", "is not a name"),
        ("attributetype ( 1.2.3 NAME ( 'a' ( 'b' ) ) SUP name )", "wants a list"), ("attributetype ( 1.2.3 NAME 'a' )", "neither SYNTAX nor SUP"),
        ("attributetype ( 1.2.3 NAME 'a' SUP nowhere )", "superior nowhere is not defined"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name SUP name )", "given twice"),
        ("attributetype ( 1.2.3 NAME 'a' SYNTAX 1.2.3.4.5 )", "no such syntax"), ("attributetype ( 1.2.3 NAME 'a' SUP name EQUALITY fooMatch )", "no such matching rule"),
        ("attributetype ( 1.2.3 NAME 'a' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{x} )", "bound"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name USAGE sometimes )", "not a usage"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name NO-USER-MODIFICATION )", "operational"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name USAGE directoryOperation )", "USAGE differs"),
        ("attributetype ( what:1 NAME 'a' SUP name )", "neither an OID nor a known macro"),
        ("attributetype ( 1.2.3 NAME 'name' SUP name )", "name name is taken by 2.5.4.41"),
        ("attributetype ( 2.5.4.41 NAME 'other' SUP name )", "defined differently"),
        ("objectidentifier a 1.2\nobjectidentifier a 1.3", "already stands for"),
        ("objectidentifier a b\nobjectidentifier b a\nattributetype ( a:1 NAME 'x' SUP name )", "neither an OID nor a known macro"),
        ("objectclass ( 1.2.3 NAME 'c' SUP top MUST nothing )", "no such attribute type"),
        ("objectclass ( 1.2.3 NAME 'c' SUP top MUST ( $ name ) )", "list of names"),
        ("objectclass ( 1.2.3 NAME 'c' SUP nowhere )", "superior nowhere"),
        ("objectclass ( 1.2.3 NAME 'c' ABSTRACT AUXILIARY )", "more than one of"),
        ("objectclass ( 1.2.3 NAME 'c' SUP top AUXILIARY )\nobjectclass ( 1.2.4 NAME 'd' SUP c STRUCTURAL )", "does not go with"),
        ("nonsense", "expected attributetype"), ("olcAttributeTypes:: KCA=", "base64"),
    ])
    func refused(_ text: String, _ reason: String) throws {
        let found = try #require(error(text), "\(text)")
        #expect(found.reason.contains(reason), "\(found)")
        #expect(found.source == "file0" && found.line >= 1)
    }

    @Test func loops() throws {
        let types = try #require(error("attributetype ( 1.2.1 NAME 'a' SUP b )", "attributetype ( 1.2.2 NAME 'b' SUP c )\nattributetype ( 1.2.3 NAME 'c' SUP a )"))
        #expect(types.reason.contains("its own superior"))
        #expect(error("attributetype ( 1.2.1 NAME 'a' SUP a )")?.reason.contains("its own superior") == true)
        #expect(error("objectclass ( 1.2.1 NAME 'a' SUP ( top $ b ) )\nobjectclass ( 1.2.2 NAME 'b' SUP a )")?.reason.contains("its own superior") == true)
        let deep = (1...100).map { "attributetype ( 1.2.\($0) NAME 'a\($0)' SUP \($0 == 1 ? "name" : "a\($0 - 1)") )" }
        #expect(error(deep.joined(separator: "\n"))?.reason.contains("more than 64 levels") == true)
        #expect(error(deep.reversed().joined(separator: "\n"))?.reason.contains("more than 64 levels") == true)
    }

    @Test func unreadableFile() {
        #expect {
            try SchemaSource(path: "/nonexistent/file.schema")
        } throws: {
            ($0 as? SchemaError)?.description.contains("/nonexistent/file.schema: cannot be opened: No such file") == true
        }
    }

    /// Mutations of a good file: never a trap, always a schema or an error.
    @Test func mutations() {
        let seed = Array(
            """
            objectidentifier Base 1.2.3
            attributetype ( Base:1 NAME ( 'a' 'b' ) DESC 'it\\27s' SUP name SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32} SINGLE-VALUE X-A ( '1' '2' ) )
            objectclass ( Base:2 NAME 'c' SUP top AUXILIARY MUST ( a $ name ) MAY b )
            olcAttributeTypes: {0}( 1.2.4 NAME 'd' SU
             P name )
            """.utf8)
        let alphabet = Array("()'${}:.\n\r\t #\\\0-\u{ff}1aX ".utf8)
        var generator = SeededGenerator(seed: 4512)
        var loaded = 0
        for _ in 0..<3000 {
            var text = seed
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                let place = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text.remove(at: place)
                case 1: text.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)], at: place)
                case 2: text[place] = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                default: text.insert(contentsOf: text[place..<min(place + 20, text.count)], at: Int.random(in: 0..<text.count, using: &generator))
                }
            }
            do {
                let schema = try Schema([SchemaSource(name: "base", text: base), SchemaSource(name: "mutated", text: text)])
                loaded += 1
                // What is published can be read again.
                let again = schema.attributeTypeDescriptions.map { "attributetype " + $0 } + schema.objectClassDescriptions.map { "objectclass " + $0 }
                let reloaded = try Schema([SchemaSource(name: "published", text: again.joined(separator: "\n"))])
                #expect(reloaded.attributeTypeDescriptions == schema.attributeTypeDescriptions)
                #expect(reloaded.objectClassDescriptions == schema.objectClassDescriptions)
            } catch {
                #expect(!error.reason.isEmpty)
            }
        }
        #expect(loaded > 50)
    }

    @Test func deepAndLongInput() {
        _ = error("attributetype " + String(repeating: "( ", count: 200_000))
        _ = error("attributetype ( 1.2.3 NAME ( " + String(repeating: "'a' ", count: 100_000) + ") SUP name )")
        _ = error("attributetype ( " + String(repeating: "1.", count: 200_000) + "1 NAME 'a' SUP name )")
        _ = error("objectidentifier a a:1\nattributetype ( a NAME 'x' SUP name )")
        #expect(error(String(repeating: "\n", count: 100_000)) == nil)
    }
}
