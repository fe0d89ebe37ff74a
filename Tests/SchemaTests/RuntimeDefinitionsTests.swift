import Schema
import Testing

/// Definitions beside those of the files, made while a directory is in use (RFC 4512 section 4.2).
struct RuntimeDefinitionsTests {
    private let files: Schema
    private let badge = "( 1.2.3.1 NAME ( 'badge' 'badgeCode' ) EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
    private let subBadge = "( 1.2.3.2 NAME 'goldBadge' SUP badge )"
    private let holder = "( 1.2.3.3 NAME 'holder' SUP top AUXILIARY MUST badge )"

    init() throws {
        var sources: [SchemaSource] = []
        for name in ["system", "core"] { sources.append(try SchemaSource(path: Fixture.root + "/schema/\(name).schema")) }
        files = try Schema(sources + [SchemaSource(name: "macros", text: "objectidentifier ours 1.2.3")])
    }

    private func read(_ kind: DefinitionKind, _ text: String) throws(SchemaError) -> RuntimeDefinition {
        try files.definition(kind, Array(text.utf8))
    }

    @Test func isReadAndPublishedAlike() throws {
        let definition = try read(.attributeType, "( ours:1  NAME 'badge' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15  )")
        #expect(definition.identifier == "1.2.3.1" && definition.name == "badge")
        #expect(definition.text == "( 1.2.3.1 NAME 'badge' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )")
        #expect(throws: SchemaError.self) { try self.read(.attributeType, "( nobody NAME 'x' SUP name )") }
        #expect(throws: SchemaError.self) { try self.read(.objectClass, "( 1.2.3 NAME 'x' ) trailing") }
        #expect(throws: SchemaError.self) { try self.read(.structureRule, "( -1 FORM f )") }
    }

    @Test func idsStayAndPlacesAreTakenAgain() throws {
        let definitions = try [read(.attributeType, badge), read(.attributeType, subBadge), read(.objectClass, holder)]
        let first = try files.replacing(runtimeDefinitions: definitions)
        #expect(!first.isIdentical(to: files) && first.runtimeDefinitions == definitions)
        for type in files.attributeTypes { #expect(first[type.id].oid == type.oid) }
        let (one, two) = (try #require(first.attributeType(named: "badgeCODE")), try #require(first.attributeType(named: "goldBadge")))
        #expect(first.subtypes(of: one) == [one, two] && first[two].equality == .caseIgnoreMatch)
        let holds = try #require(first.objectClass(named: "holder"))
        #expect(first[holds].requires(one))

        let second = try first.replacing(runtimeDefinitions: [read(.attributeType, badge)])
        #expect(second.attributeType(named: "badge") == one && second.attributeType(named: "goldBadge") == nil)
        #expect(second[two].isRemoved && second[holds].isRemoved && second.subtypes(of: one) == [one])
        #expect(second.objectClass(named: "holder") == nil && second.objectClasses.count == first.objectClasses.count)
        #expect(!second.attributeTypeDescriptions.contains(subBadge) && !second.objectClassDescriptions.contains(holder))
        #expect(!second.matchingRuleUseDescriptions.contains { $0.contains("goldBadge") })

        let third = try second.replacing(runtimeDefinitions: [
            read(.attributeType, "( 1.2.3.9 NAME 'later' SUP name )"), read(.attributeType, subBadge), read(.attributeType, badge),
        ])
        #expect(third.attributeType(named: "goldBadge") == two && third.attributeType(named: "badge") == one)
        let later = try #require(third.attributeType(named: "later"))
        #expect(Int(later.rawValue) == first.attributeTypes.count && third.attributeTypes.count == first.attributeTypes.count + 1)
        #expect(third.attributeTypeDescriptions.contains(subBadge))
    }

    @Test func whatDoesNotGoTogetherIsNamed() throws {
        func reason(_ definitions: [RuntimeDefinition]) -> String {
            do throws(SchemaError) {
                _ = try files.replacing(runtimeDefinitions: definitions)
                return "accepted"
            } catch { return error.description }
        }
        #expect(reason([try read(.attributeType, subBadge)]).contains("goldBadge: superior badge is not defined"))
        #expect(reason([try read(.objectClass, holder)]).contains("holder: MUST badge: no such attribute type"))
        #expect(reason([try read(.attributeType, badge), try read(.attributeType, badge)]).contains("defined twice"))
        #expect(reason([try read(.attributeType, badge), try read(.attributeType, "( 1.2.3.8 NAME 'BADGE' SUP name )")]).contains("taken by 1.2.3.1 at cn=Subschema"))
        let other = reason([try read(.attributeType, "( 2.5.4.3 NAME 'cn' SUP name SINGLE-VALUE )")])
        #expect(other.contains("( 2.5.4.3 NAME 'cn' SUP name SINGLE-VALUE )") && other.contains("system.schema:"), "both are named: \(other)")
    }

    @Test func aFileThatSaysTheSameTakesOver() throws {
        let newer = try Schema(
            try ["system", "core"].map { name throws(SchemaError) in try SchemaSource(path: Fixture.root + "/schema/\(name).schema") }
                + [SchemaSource(name: "newer", text: "attributetype \(badge.replacingFirst("NAME", "DESC 'x' NAME"))")])
        let definition = try newer.definition(.attributeType, Array(badge.utf8))
        #expect(newer.fileDefinition(of: definition)?.agrees == true && newer.fileDefinition(of: definition)?.place == "newer:1")
        let whole = try newer.replacing(runtimeDefinitions: [definition])
        #expect(whole.runtimeDefinitions.isEmpty && whole.attributeTypes.count == newer.attributeTypes.count)
    }

    @Test func rulesOfPlacement() throws {
        let form = try read(.nameForm, "( 1.2.3.20 NAME 'personForm' OC person MUST cn )")
        let rule = try read(.structureRule, "( 7 FORM personForm )")
        let content = try read(.contentRule, "( 2.5.6.6 NOT seeAlso )")
        let schema = try files.replacing(runtimeDefinitions: [rule, content, form])
        #expect(schema.structureRules.map(\.id) == [7] && schema.nameForms.count == 1 && schema.contentRules.count == 1)
        #expect(rule.identifier == "7" && form.name == "personForm")
        #expect(throws: SchemaError.self) { try schema.replacing(runtimeDefinitions: [rule]) }
        #expect(try schema.replacing(runtimeDefinitions: []).nameForms.isEmpty)
    }
}

extension String {
    fileprivate func replacingFirst(_ old: String, _ new: String) -> String {
        guard let range = firstRange(of: old) else { return self }
        return String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
    }
}
