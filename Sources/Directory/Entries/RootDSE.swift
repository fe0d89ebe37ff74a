import EntryStore
import LDAP

/// What the server says of itself (RFC 4512 section 5.1).
enum RootDSE {
    static let vendorName = "Muster"

    static func make(_ directory: Directory) -> PseudoEntry {
        var builder = PseudoEntryBuilder(directory.store.catalogue.table)
        builder.set("objectClass", ["top", "OpenLDAProotDSE"])
        builder.set("structuralObjectClass", ["OpenLDAProotDSE"])
        // One naming context: the whole tree, whose root is the empty name (semantics 1.1).
        builder.set("namingContexts", [""])
        builder.set("supportedLDAPVersion", ["3"])
        builder.set(
            "supportedControl",
            [
                ControlOID.pagedResults, ControlOID.manageDsaIT, ControlOID.assertion, ControlOID.preRead, ControlOID.postRead,
                ControlOID.treeDelete, ControlOID.realAttributesOnly, ControlOID.virtualAttributesOnly, ControlOID.passwordPolicy,
            ])
        let startTLS = directory.settings.offersStartTLS ? [ExtendedOperationOID.startTLS] : []
        builder.set("supportedExtension", startTLS + [ExtendedOperationOID.whoAmI, ExtendedOperationOID.passwordModify])
        builder.set("supportedSASLMechanisms", SASLMechanism.allCases.map(\.rawValue))
        builder.set(
            "supportedFeatures",
            [
                FeatureOID.modifyIncrement, FeatureOID.allOperationalAttributes, FeatureOID.attributesByObjectClass,
                FeatureOID.absoluteTrueAndFalse, FeatureOID.languageTags,
            ])
        builder.set("subschemaSubentry", ["cn=Subschema"])
        builder.set("vendorName", [vendorName])
        builder.set("vendorVersion", [MusterVersion.current])
        return PseudoEntry(title: "the root DSE", name: [], record: builder.record())
    }
}
