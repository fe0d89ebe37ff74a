import BER
import EntryStore
import LDAP
import Schema

/// Changes of the schema while the server runs: modifications of the subschema subentry (RFC 4512 section 4.2) by the root identity.
extension Directory {
    /// Definitions beside those of the files at most, and bytes of their text.
    private static var maximumDefinitions: Int { 8192 }
    private static var maximumDefinitionBytes: Int { 8 << 20 }

    /// Checks what the request alone tells.
    /// - Throws: `insufficientAccessRights`, and as ``SchemaModification``.
    func prepareSchemaChange(
        _ request: ModifyRequest, messageID: Int, controls: WriteControls, _ access: AccessControl,
        observed: @escaping @Sendable (WriteAnswer) -> Void
    ) throws(LDAPError) -> PendingWrite {
        guard case .root = access.identity else {
            throw LDAPError(.insufficientAccessRights, "only \(settings.rootName) may change the schema")
        }
        var changes: [SchemaModification] = []
        for change in request.changes { changes.append(try SchemaModification(change, checker)) }
        let list = changes
        var write = PendingWrite(messageID: messageID, tag: OperationTag.modifyResponse, controls: controls, observed: observed) {
            transaction throws(LDAPError) in
            try self.changeSchema(list, controls, access, &transaction)
        }
        write.isAlone = true
        return write
    }

    /// Makes the change, if neither the schema nor the data would become invalid.
    private func changeSchema(
        _ changes: [SchemaModification], _ controls: WriteControls, _ access: AccessControl, _ transaction: inout StoreTransaction
    ) throws(LDAPError) -> WriteAnswer {
        let before = pseudo.subschema(self)
        if let assertion = controls.assertion {
            guard let record = EntryRecord(before.record.rawSpan) else { throw before.damage }
            var scratch = FilterScratch()
            let filter = compile(assertion, transaction.catalogue, .all, viewer: access)
            guard filter.evaluate(.root, record, transaction.snapshot, scratch: &scratch) == .yes else {
                throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
            }
        }
        var answer = WriteAnswer()
        if let control = try readEntry(before, controls.preRead, oid: PreRead.oid, access, transaction.snapshot) {
            answer.controls.append(control)
        }
        let catalogue = transaction.catalogue
        guard let next = try next(changes, controls, access, transaction) else {
            if let control = try readEntry(before, controls.postRead, oid: PostRead.oid, access, transaction.snapshot) {
                answer.controls.append(control)
            }
            return answer
        }
        let after = next.pseudo.subschema(next)
        guard let oldRecord = EntryRecord(before.record.rawSpan), let newRecord = EntryRecord(after.record.rawSpan) else { throw after.damage }
        transaction.beginOperation(by: nameForRecords(access.identity))
        var (old, new) = (Entry(oldRecord), Entry(newRecord))
        // The log has what was done, not what follows from it.
        if let uses = schema.attributeType(named: "matchingRuleUse").flatMap({ catalogue.table.id(of: $0) }) {
            old[uses] = []
            new[uses] = []
        }
        let change = (before: old, after: new)
        try stored { () throws(EntryStoreError) in
            try transaction.changeSchema(to: next.pseudo.catalogue, name: after.name, before: change.before, after: change.after) { publish in
                self.succession.begin()
                publish()
                self.foundation.follow(with: next)
                self.succession.end()
            }
        }
        if let control = try next.readEntry(after, controls.postRead, oid: PostRead.oid, access, transaction.snapshot) {
            answer.controls.append(control)
        }
        return answer
    }

    /// The directory by the changed schema; nil if the changes come to nothing.
    /// - Throws: `constraintViolation` for definitions that do not go together, `unwillingToPerform` where data or settings would become
    ///   invalid.
    private func next(
        _ changes: [SchemaModification], _ controls: WriteControls, _ access: AccessControl, _ transaction: borrowing StoreTransaction
    ) throws(LDAPError) -> Directory? {
        var definitions = schema.runtimeDefinitions
        for change in changes { try change.apply(to: &definitions, schema, permissive: controls.isPermissive) }
        if definitions == schema.runtimeDefinitions { return nil }
        guard definitions.count <= Self.maximumDefinitions,
            definitions.reduce(0, { $0 + $1.text.utf8.count }) <= Self.maximumDefinitionBytes
        else {
            throw LDAPError(
                .adminLimitExceeded,
                "\(Self.maximumDefinitions) definitions of \(Self.maximumDefinitionBytes) bytes together may be made beside the schema files")
        }
        let changed: Schema
        do { changed = try schema.replacing(runtimeDefinitions: definitions) } catch {
            throw LDAPError(.constraintViolation, "\(error.definition): \(error.reason)")
        }
        let moment = ChangeClock.shared.next()
        let revision = SchemaRevision(
            definitions: changed.runtimeDefinitions, modifier: nameForRecords(access.identity), timestamp: moment.timestamp,
            csn: moment.changeSequenceNumber)
        let catalogue: Catalogue
        do { catalogue = try transaction.catalogue(with: changed, revision) } catch {
            throw error.reason == .input ? LDAPError(.constraintViolation, error.message) : LDAPError(storage: error)
        }
        let impact = SchemaImpact(schema, changed)
        try impact.checkIndexes(catalogue)
        let next: Directory
        do { next = try Directory(foundation, catalogue) } catch {
            throw LDAPError(.unwillingToPerform, "the directory's settings do not go with the changed schema: \(error.message)")
        }
        try impact.checkEntries(by: self, next, transaction.snapshot)
        return next
    }
}
