import EntryStore
import Schema

/// The schema as clients read it (RFC 4512 section 4.2), complete.
enum Subschema {
    static func make(_ directory: Directory) -> PseudoEntry {
        let schema = directory.schema
        var builder = PseudoEntryBuilder(directory.store.catalogue.table)
        builder.set("objectClass", ["top", "subentry", "subschema", "extensibleObject"])
        builder.set("structuralObjectClass", ["subentry"])
        builder.set("cn", ["Subschema"])
        builder.set("attributeTypes", schema.attributeTypeDescriptions)
        builder.set("objectClasses", schema.objectClassDescriptions)
        builder.set("dITContentRules", schema.contentRuleDescriptions)
        builder.set("nameForms", schema.nameFormDescriptions)
        builder.set("dITStructureRules", schema.structureRuleDescriptions)
        builder.set("ldapSyntaxes", schema.ldapSyntaxDescriptions)
        builder.set("matchingRules", schema.matchingRuleDescriptions)
        builder.set("matchingRuleUse", schema.matchingRuleUseDescriptions)
        builder.set("subschemaSubentry", ["cn=Subschema"])
        builder.set("entryDN", ["cn=Subschema"])
        builder.set("hasSubordinates", ["FALSE"])
        return PseudoEntry(title: "the subschema", name: PseudoEntries.subschemaName, record: builder.record())
    }
}
