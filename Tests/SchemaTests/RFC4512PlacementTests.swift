import Schema
import Testing

/// DIT content rules, name forms and DIT structure rules (RFC 4512 sections 4.1.6 and 4.1.7).
struct RFC4512PlacementTests {
    private func load(_ text: String) throws(SchemaError) -> Schema {
        var sources: [SchemaSource] = []
        for name in ["system", "core"] { sources.append(try SchemaSource(path: Fixture.root + "/schema/\(name).schema")) }
        return try Schema(sources + [SchemaSource(name: "rules", text: text)])
    }

    private func reason(_ text: String) -> String? {
        do throws(SchemaError) {
            _ = try load(text)
            return nil
        } catch { return error.reason }
    }

    @Test func bothSyntaxes() throws {
        let schema = try load(
            """
            ditcontentrule ( 2.5.6.6 NAME 'people' DESC 'of people' AUX uidObject MUST description MAY ( title $ l ) NOT seeAlso )
            nameform ( 1.2.3.1 NAME 'personForm' OC person MUST cn MAY ( sn $ userPassword ) )
            nameForms: ( 1.2.3.2 NAME 'unitForm' OC organizationalUnit MUST ou X-ORIGIN 'test' )
            dITStructureRules: ( 1 NAME 'units' FORM unitForm )
            ditstructurerule ( 2 FORM personForm SUP ( 1 2 ) )
            """)
        let rule = try #require(schema.contentRules.first)
        #expect(schema[rule.structuralClass].name == "person" && rule.name == "people")
        #expect(rule.not.map { schema[$0].name } == ["seeAlso"] && rule.may.count == 2 && rule.must.count == 1 && rule.auxiliaries.count == 1)
        #expect(schema.nameForms.map(\.name) == ["personForm", "unitForm"])
        #expect(schema.structureRules.map(\.superiors) == [[], [1, 2]])
        #expect(schema.contentRuleDescriptions == [
            "( 2.5.6.6 NAME 'people' DESC 'of people' AUX uidObject MUST description MAY ( title $ l ) NOT seeAlso )"
        ])
        #expect(schema.nameFormDescriptions[1] == "( 1.2.3.2 NAME 'unitForm' OC organizationalUnit MUST ou X-ORIGIN 'test' )")
        #expect(schema.structureRuleDescriptions == ["( 1 NAME 'units' FORM unitForm )", "( 2 FORM personForm SUP ( 1 2 ) )"])
        let (cn, sn, ou) = (
            try #require(schema.attributeType(named: "cn")), try #require(schema.attributeType(named: "sn")),
            try #require(schema.attributeType(named: "ou")))
        let form = schema.nameForms[0]
        #expect(form.allows([cn]) && form.allows([sn, cn]) && !form.allows([sn]) && !form.allows([cn, ou]) && !form.allows([]))
    }

    @Test(arguments: [
        ("ditcontentrule ( 2.5.6.6 AUX person )", "is not auxiliary"), ("ditcontentrule ( 2.5.6.6 AUX none )", "is not defined"),
        ("ditcontentrule ( 2.5.6.0 MUST cn )", "is not structural"), ("ditcontentrule ( 1.2.3 MUST cn )", "is not defined"),
        ("ditcontentrule ( 2.5.6.6 MUST none )", "no such attribute type"), ("ditcontentrule ( 2.5.6.6 NOT sn )", "which the class demands"),
        ("ditcontentrule ( 2.5.6.6 MAY l )\nditcontentrule ( 2.5.6.6 MAY l )", "already"), ("ditcontentrule ( 2.5.6.6 SUP top )", "not a keyword"),
        ("nameform ( 1.2.3 OC person )", "has no MUST"), ("nameform ( 1.2.3 OC uidObject MUST uid )", "is not structural"),
        ("nameform ( 1.2.3 NAME 'a' OC person MUST cn )\nnameform ( 1.2.4 NAME 'A' OC person MUST cn )", "another name form"),
        ("ditstructurerule ( x FORM f )", "not the number"), ("ditstructurerule ( 1 FORM f )", "is not defined"),
        ("nameform ( 1.2.3 NAME 'f' OC person MUST cn )\nditstructurerule ( 1 FORM f SUP 9 )", "SUP 9 is not defined"),
        ("nameform ( 1.2.3 NAME 'f' OC person MUST cn )\nditstructurerule ( 1 FORM f )\nditstructurerule ( 1 FORM f )", "another rule"),
    ])
    func mistakes(_ text: String, _ expected: String) {
        #expect(reason(text)?.contains(expected) == true, "\(reason(text) ?? "accepted")")
    }
}
