import EntryStore
import Schema

/// The schema as clients read it (RFC 4512 section 4.2), complete.
enum Subschema {
    static func make(_ directory: Directory) -> PseudoEntry {
        let schema = directory.schema
        var builder = PseudoEntryBuilder(directory.pseudo.catalogue.table)
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
        // Files may have changed before the start: clients that keep the schema are to look again (RFC 4512 section 4.2).
        let start = String(decoding: ChangeClock.Moment(microseconds: directory.monitor.startTime).timestamp, as: UTF8.self)
        builder.set("createTimestamp", [start])
        let revision = directory.pseudo.catalogue.revision
        let changed = revision.map { String(decoding: $0.timestamp, as: UTF8.self) }
        builder.set("modifyTimestamp", [max(start, changed ?? start)])
        if let revision {
            builder.set("modifiersName", [String(decoding: revision.modifier, as: UTF8.self)])
            builder.set("entryCSN", [String(decoding: revision.csn, as: UTF8.self)])
        }
        return PseudoEntry(title: "the subschema", name: PseudoEntries.subschemaName, record: builder.record())
    }
}
