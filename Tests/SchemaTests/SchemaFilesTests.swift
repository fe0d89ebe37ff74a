import Glibc
import Schema
import Testing

/// The files in `schema/`, as a directory loads them.
struct SchemaFilesTests {
    let schema = Fixture.schema

    @Test func everythingInTheCatalogueIsThere() throws {
        let rows = try Fixture.rows("attributes.tsv")
        #expect(rows.count == 1870)
        for row in rows {
            let name = row["name"] ?? ""
            let id = try #require(schema.attributeType(named: name), "\(name)")
            let type = schema[id]
            #expect(type.oid == row["oid"], "\(name)")
            #expect(schema.attributeType(named: type.oid) == id)
            #expect(type.values(ofExtension: "X-CATALOGUE-TYPE")?.contains(row["type"] ?? "") == true || row["type"] == "", "\(name)")
            guard ["carbonio", "amavisd", "opendkim"].contains(row["definedIn"]) else { continue }
            #expect(type.names == [name])
            #expect(type.equality?.name ?? "" == row["equality"], "\(name)")
            #expect(type.declaredSubstring ?? "" == row["substr"], "\(name)")
            let ia5 = ["caseIgnoreIA5Match": "caseIgnoreIA5SubstringsMatch", "caseExactIA5Match": "caseExactIA5SubstringsMatch"]
            let substring = row["substr"] == "" ? "" : ia5[row["equality"] ?? ""] ?? row["substr"]
            #expect(type.substring?.name ?? "" == substring, "\(name)")
            #expect(type.ordering?.name ?? "" == row["ordering"], "\(name)")
            #expect(type.isSingleValue == (row["singleValue"] == "yes"), "\(name)")
            #expect(type.syntax.oid + (type.lengthBound.map { "{\($0)}" } ?? "") == row["syntax"], "\(name)")
        }
    }

    @Test func everyClassInTheCatalogueIsThere() throws {
        let rows = try Fixture.rows("objectclasses.tsv")
        #expect(rows.count == 32)
        for row in rows {
            let id = try #require(schema.objectClass(named: row["name"] ?? ""))
            #expect(schema[id].oid == row["oid"])
            #expect(schema[id].may.count == Int(row["mayCount"] ?? ""), "\(schema[id].name)")
            let must = Set((row["must"] ?? "").split(separator: ",").map(String.init))
            #expect(Set(schema[id].must.map { schema[$0].name }) == must)
        }
    }

    @Test func counts() {
        #expect(schema.attributeTypes.count == 59 + 52 + 41 + 9 + 4 + 1780 + 46 + 5 + 7 + 38)
        #expect(schema.objectClasses.count == 8 + 27 + 13 + 1 + 2 + 32 + 9)
        for (index, type) in schema.attributeTypes.enumerated() { #expect(Int(type.id.rawValue) == index) }
        for (index, type) in schema.objectClasses.enumerated() { #expect(Int(type.id.rawValue) == index) }
    }

    @Test func extensions() throws {
        let quota = try #require(schema.attributeType(named: "zimbraMailQuota"))
        #expect(schema[quota].values(ofExtension: "X-INHERIT") == ["account"])
        let status = try #require(schema.attributeType(named: "zimbraAccountStatus"))
        #expect(schema[status].values(ofExtension: "X-ENUM") == ["active", "maintenance", "locked", "closed", "lockout", "pending"])
        let catchAll = try #require(schema.attributeType(named: "zimbraMailCatchAllAddress"))
        #expect(schema[catchAll].values(ofExtension: "X-PATTERN") == ["^@[A-Za-z0-9-\\.]+$"])
        let mail = try #require(schema.attributeType(named: "mail"))
        #expect(schema[mail].values(ofExtension: "X-IMMUTABLE") == ["TRUE"])
    }

    @Test func orderOfFilesSaysNothing() throws {
        let reversed = try Schema(Fixture.sources().reversed())
        #expect(Set(reversed.objectClassDescriptions) == Set(schema.objectClassDescriptions))
        #expect(reversed.attributeTypes.count == schema.attributeTypes.count)
    }

    @Test func operationalAttributes() throws {
        for name in ["entryUUID", "entryCSN", "createTimestamp", "hasSubordinates", "subschemaSubentry", "structuralObjectClass", "entryDN"] {
            let id = try #require(schema.attributeType(named: name))
            #expect(schema[id].isOperational && !schema[id].isUserModifiable, "\(name)")
        }
        let description = try #require(schema.attributeType(named: "description"))
        #expect(!schema[description].isOperational)
    }

    /// RFC 4512 section 4.2: what is published can be read again, and is the same.
    @Test func publishedFormIsWhole() throws {
        let text = schema.attributeTypeDescriptions.map { "attributeTypes: " + $0 } + schema.objectClassDescriptions.map { "objectClasses: " + $0 }
        let again = try Schema([SchemaSource(name: "cn=subschema", text: text.joined(separator: "\n"))])
        #expect(again.attributeTypeDescriptions == schema.attributeTypeDescriptions)
        #expect(again.objectClassDescriptions == schema.objectClassDescriptions)
        #expect(schema.ldapSyntaxDescriptions.contains("( 1.3.6.1.4.1.1466.115.121.1.8 DESC 'Certificate' X-BINARY-TRANSFER-REQUIRED 'TRUE' X-NOT-HUMAN-READABLE 'TRUE' )"))
        #expect(schema.matchingRuleDescriptions.contains("( 2.5.13.2 NAME 'caseIgnoreMatch' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"))
        #expect(schema.matchingRuleUseDescriptions.contains { $0.hasPrefix("( 1.3.6.1.1.16.2 NAME 'UUIDMatch' APPLIES ( entryUUID $ superiorUUID") })
    }

    /// The files of an installed OpenLDAP, in both of its syntaxes, together with our own.
    @Test func openLDAPFiles() throws {
        let folder = "/etc/ldap/schema/"
        guard access(folder + "core.schema", R_OK) == 0 else { return }
        let system = try SchemaSource(path: Fixture.root + "/schema/system.schema")
        let names = ["core", "cosine", "inetorgperson", "dyngroup", "nis", "java", "corba", "duaconf", "collective", "openldap", "misc", "pmi", "namedobject"]
        for ending in [".schema", ".ldif"] {
            var sources = [system]
            for name in names where access(folder + name + ending, R_OK) == 0 { sources.append(try SchemaSource(path: folder + name + ending)) }
            let loaded = try Schema(sources)
            #expect(loaded.objectClass(named: "inetOrgPerson") != nil && loaded.objectClass(named: "posixAccount") != nil)
            // Ours are the same definitions, though written another way.
            let ours = try ["core", "cosine", "inetorgperson", "dyngroup"].map { try SchemaSource(path: Fixture.root + "/schema/\($0).schema") }
            // A rule that only one of them names (RFC 4523 section 4) is the type's, whichever comes first.
            for both in [try Schema(sources + ours), try Schema(ours + sources)] {
                #expect(both.attributeTypes.count == loaded.attributeTypes.count)
                let type = try #require(both.attributeType(named: "crossCertificatePair"))
                #expect(both[type].equality == .certificatePairExactMatch)
            }
        }
    }

    /// Generated files are what the generators make of the catalogue.
    @Test func generatedFilesAreFresh() throws {
        var template = Array("/tmp/muster-generated-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { _ = system("rm -rf '\(folder)'") }
        try #require(system("'\(Fixture.root)/scripts/generate-schema' '\(folder)' && '\(Fixture.root)/scripts/generate-ldif' '\(folder)'") == 0)
        for (place, file) in [("schema", "carbonio.schema"), ("schema", "carbonio-standard.schema"), ("schema", "amavisd.schema"), ("schema", "opendkim.schema"),
                              ("ldif", "carbonio.ldif"), ("ldif", "sample.ldif")] {
            let fresh = try SchemaSource(path: folder + "/" + file).text
            let committed = try SchemaSource(path: Fixture.root + "/\(place)/\(file)").text
            #expect(fresh == committed, "\(place)/\(file)")
        }
    }
}
