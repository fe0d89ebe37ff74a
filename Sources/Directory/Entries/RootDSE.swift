import BER
import EntryStore
import LDAP

/// What the server says of itself (RFC 4512 section 5.1).
enum RootDSE {
    static let vendorName = "Muster"

    static func make(_ directory: Directory) -> PseudoEntry {
        var builder = PseudoEntryBuilder(directory.pseudo.catalogue.table)
        builder.set("objectClass", ["top", "OpenLDAProotDSE"])
        builder.set("structuralObjectClass", ["OpenLDAProotDSE"])
        // One naming context: the whole tree, whose root is the empty name (semantics 1.1).
        builder.set("namingContexts", [""])
        builder.set("monitorContext", [Monitor.name])
        builder.set("supportedLDAPVersion", ["3"])
        builder.set(
            "supportedControl",
            [
                ControlOID.pagedResults,
                ControlOID.manageDsaIT,
                ControlOID.assertion,
                ControlOID.preRead,
                ControlOID.postRead,
                ControlOID.treeDelete,
                ControlOID.subentries,
                ControlOID.domainScope,
                ControlOID.dontUseCopy,
                ControlOID.realAttributesOnly,
                ControlOID.virtualAttributesOnly,
                ControlOID.passwordPolicy,
                ControlOID.showDeleted,
                ControlOID.serverSideSortRequest,
                ControlOID.virtualListViewRequest,
                ControlOID.matchedValues,
                ControlOID.dereference,
                ControlOID.noOperationSearch,
                ControlOID.effectiveRights,
                ControlOID.persistentSearch,
                ControlOID.noOperation,
                ControlOID.noOperationOfDraft,
                ControlOID.permissiveModify,
                ControlOID.relax,
                ControlOID.proxiedAuthorization,
                ControlOID.authorizationIdentityRequest,
                ControlOID.transactionSpecification,
            ])
        let startTLS = directory.settings.offersStartTLS ? [ExtendedOperationOID.startTLS] : []
        builder.set("supportedExtension", startTLS + [
                ExtendedOperationOID.whoAmI, ExtendedOperationOID.passwordModify, ExtendedOperationOID.cancel,
                ExtendedOperationOID.startTransaction, ExtendedOperationOID.endTransaction,
            ])
        builder.set("supportedSASLMechanisms", SASLMechanism.available(directory.settings).map(\.rawValue))
        builder.set(
            "supportedFeatures",
            [
                FeatureOID.modifyIncrement, FeatureOID.allOperationalAttributes, FeatureOID.attributesByObjectClass,
                FeatureOID.absoluteTrueAndFalse, FeatureOID.languageTags, FeatureOID.languageRanges,
            ])
        builder.set("subschemaSubentry", ["cn=Subschema"])
        builder.set("changelog", [ChangeLogBranch.name])
        builder.set("vendorName", [vendorName])
        builder.set("vendorVersion", [MusterVersion.current])
        return PseudoEntry(title: "the root DSE", name: [], record: builder.record())
    }

    /// With what changes while the server runs: the numbers of the first and the last change in the log.
    static func current(_ entry: PseudoEntry, _ directory: Directory) -> PseudoEntry {
        guard let record = EntryRecord(entry.record.rawSpan), let snapshot = try? directory.store.snapshot(),
            let next = try? snapshot.nextChangeNumber()
        else { return entry }
        let first = (try? snapshot.changeNumbers())?.lowerBound ?? next
        var builder = PseudoEntryBuilder(snapshot.catalogue.table, Entry(record))
        builder.set("firstChangeNumber", [String(first)])
        builder.set("lastChangeNumber", [String(next - 1)])
        return PseudoEntry(title: entry.title, name: entry.name, record: builder.record())
    }
}
