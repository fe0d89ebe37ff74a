import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// RFC 4511 section 4.6: checks what the request alone tells.
    func prepareModify(
        _ request: ModifyRequest, messageID: Int, controls: [Control], for requester: Requester,
        observed: @escaping @Sendable (WriteAnswer) -> Void
    ) throws(LDAPError) -> PendingWrite {
        let target = try WriteTarget(request.object, schema)
        let access = AccessControl(requester, self)
        try access.demandBound()
        let controls = try WriteControls(decoding: controls, for: .modify)
        if target.name.isRoot { throw LDAPError(.unwillingToPerform, "modify upon the root DSE not supported") }
        if pseudo.isSubschema(target.canonical) {
            return try prepareSchemaChange(request, messageID: messageID, controls: controls, access, observed: observed)
        }
        let changes = try Modification.list(request.changes, relaxed: controls.isRelaxed, checker)
        if passwordRules != nil { try checkPasswords(changes, of: target, access, controls) }
        let modifier = nameForRecords(requester.identity)
        let stance = stance(requester.identity, isRelaxed: controls.isRelaxed)
        return PendingWrite(messageID: messageID, tag: OperationTag.modifyResponse, controls: controls, observed: observed) { transaction throws(LDAPError) in
            transaction.beginOperation(by: modifier)
            if changes.contains(where: { self.uniqueTypes.contains($0.description.type) }) {
                let found = try transaction.snapshot.resolve(canonical: target.canonical)
                // Before the entry is looked for, as in slapd; but that a value is taken is told only to those who may write it.
                if try access.mayBe(.write, changes.map { AccessDatum($0.description.type) }, at: found, transaction.snapshot) {
                    try self.checkUnique(changes, otherThan: found.isComplete ? found.id : nil, transaction.snapshot)
                }
            }
            let id: EntryID
            switch try target.locate(self, access, manageDsaIT: controls.manageDsaIT, transaction.snapshot) {
            case .referral(let answer): return answer
            case .entry(let found): id = found
            }
            try access.demand(changes, of: id, transaction.snapshot)
            if controls.isRelaxed { try access.demandManagement(of: id, transaction.snapshot) }
            try self.checkAssertion(controls, id, access, transaction.snapshot)
            var answer = WriteAnswer()
            if let control = try self.readEntry(controls.preRead, oid: PreRead.oid, id, access, transaction.snapshot) {
                answer.controls.append(control)
            }
            try self.modify(id, changes, controls.leniency, modifier: modifier, by: stance, &transaction)
            if let control = try self.readEntry(controls.postRead, oid: PostRead.oid, id, access, transaction.snapshot) {
                answer.controls.append(control)
            }
            return answer
        }
    }

    /// Checks the values that changes bring.
    /// - Throws: as ``checkUnique(_:_:otherThan:_:)``.
    func checkUnique(
        _ changes: [Modification], otherThan exempt: EntryID?, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        for change in changes where change.operation == .add || change.operation == .replace {
            try checkUnique(change.description.type, change.canonical, otherThan: exempt, snapshot)
        }
    }

    /// Makes changes to an entry, all or none. Uniqueness is to be checked before.
    func modify(
        _ id: EntryID, _ changes: [Modification], _ leniency: WriteLeniency = WriteLeniency(), modifier: [UInt8], by stance: RuleStance,
        _ transaction: inout StoreTransaction
    ) throws(LDAPError) {
        let rdn: RelativeDistinguishedName
        let before: Entry
        let parent: EntryID
        do {
            guard let record = try record(id, transaction.snapshot) else { throw LDAPError(.noSuchObject, "") }
            rdn = try RelativeDistinguishedName(parsing: record.rdn)
            before = Entry(record)
            parent = record.parent
        }
        var revision = EntryRevision(before, self, transaction.catalogue.table, leniency)
        for change in changes { try revision.apply(change) }
        let rules = try revision.check(rdn: rdn)
        var change = RuledChange(
            .modify, id: id, before: before, after: try revision.finish(modifier: modifier, &transaction), parent: parent,
            named: changes.map(\.description.type), by: stance, transaction.catalogue.table)
        let concerned = stance.passesRules ? 0 : try writeRules.complete(&change, transaction.snapshot)
        guard var after = change.after else { throw LDAPError(.other, "a rule took the entry away") }
        if let passwordRules {
            let catalogue = transaction.catalogue
            do throws(EntryStoreError) {
                try passwordRules.complete(&after, before: before, catalogue, transaction.snapshot)
            } catch { throw LDAPError(storage: error) }
            if !ephemeral.isEmpty { ephemeral.supersede(id, changedTypes(before, after, catalogue.table)) }
        }
        if !ephemeralTypes.isEmpty, changes.allSatisfy({ ephemeralTypes.contains($0.description.type) }) {
            // Whoever follows changes is not to hear of every login (pitfall 31).
            for type in [known.entryCSN, known.modifyTimestamp, known.modifiersName] {
                if let id = transaction.catalogue.table.id(of: type) { after[id] = before[id] }
            }
        }
        change.after = after
        var consequences = Consequences()
        if concerned != 0 {
            try writeRules.conclude(change, for: concerned, &consequences, transaction.snapshot)
            try completePlan(&consequences, transaction.snapshot)
        }
        try stored { () throws(EntryStoreError) in try transaction.replace(id, before, with: after, flags: rules.flags) }
        try carryOut(consequences, modifier: modifier, &transaction)
    }

    /// The types whose values differ.
    private func changedTypes(_ before: Entry, _ after: Entry, _ table: AttributeTable) -> [AttributeTypeID] {
        var types: [AttributeTypeID] = []
        after.forEachDifferentID(from: before) { id in
            if let type = table.type(of: id) { types.append(type) }
        }
        return types
    }

    /// Checks new passwords that a client sets for itself, in clear or hashed. May take long.
    private func checkPasswords(
        _ changes: [Modification], of target: WriteTarget, _ access: AccessControl, _ controls: WriteControls
    ) throws(LDAPError) {
        let passwords = changes.filter { $0.description.type == known.userPassword && ($0.operation == .add || $0.operation == .replace) }
            .flatMap(\.values)
        guard !passwords.isEmpty else { return }
        let snapshot = try stored { () throws(EntryStoreError) in try store.snapshot() }
        let found = try snapshot.resolve(canonical: target.canonical)
        guard found.isComplete else { return }
        // Who may not make the change is told that, later.
        do throws(LDAPError) { try access.demand(changes, of: found.id, snapshot) } catch { return }
        try checkPasswords(passwords, of: found.id, access.identity, wantsPolicy: controls.passwordPolicy, snapshot)
    }
}
