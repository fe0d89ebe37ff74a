import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// RFC 4511 section 4.8: checks what the request alone tells.
    func prepareDelete(
        _ request: DeleteRequest, messageID: Int, controls: [Control], for requester: Requester,
        observed: @escaping @Sendable (WriteAnswer) -> Void
    ) throws(LDAPError) -> PendingWrite {
        let target = try WriteTarget(request.entry, schema)
        let access = AccessControl(requester, self)
        try access.demandBound()
        let controls = try WriteControls(decoding: controls, for: .delete)
        if controls.showDeleted, let rdn = try deleted.rdn(of: target.name, schema) {
            guard requester.identity.isAdministrator else { throw LDAPError(.insufficientAccessRights, "deleted entries are for administrators") }
            return PendingWrite(messageID: messageID, tag: OperationTag.deleteResponse, observed: observed) { transaction throws(LDAPError) in
                try self.forget(rdn, &transaction)
            }
        }
        if target.name.isRoot { throw LDAPError(.unwillingToPerform, "cannot delete the root DSE") }
        if pseudo.isSubschema(target.canonical) { throw LDAPError(.unwillingToPerform, "cannot delete the subschema subentry") }
        return PendingWrite(messageID: messageID, tag: OperationTag.deleteResponse, controls: controls, observed: observed) { transaction throws(LDAPError) in
            try self.delete(target, controls, access, &transaction)
        }
    }

    private func delete(
        _ target: WriteTarget, _ controls: WriteControls, _ access: AccessControl, _ transaction: inout StoreTransaction
    ) throws(LDAPError) -> WriteAnswer {
        transaction.beginOperation(by: nameForRecords(access.identity), csn: ChangeClock.shared.next().changeSequenceNumber)
        let id: EntryID
        switch try target.locate(self, access, manageDsaIT: controls.manageDsaIT, transaction.snapshot) {
        case .referral(let answer): return answer
        case .entry(let found): id = found
        }
        try demandDeletion(of: id, access, transaction.snapshot)
        try checkAssertion(controls, id, access, transaction.snapshot)
        let below: [EntryID]
        if try stored({ () throws(EntryStoreError) in try transaction.snapshot.hasChildren(id) }) {
            guard controls.treeDelete else {
                throw LDAPError(.notAllowedOnNonLeaf, "subordinate objects must be deleted first")
            }
            let ids = try stored { () throws(EntryStoreError) in try transaction.snapshot.descendants(of: id) }
            below = try leavesFirst(ids, transaction.snapshot)
        } else {
            below = []
        }
        for doomed in below { try demandDeletion(of: doomed, access, transaction.snapshot) }
        var consequences = Consequences(besides: Set(below).union([id]))
        let stance = stance(access.identity, isRelaxed: controls.isRelaxed)
        if controls.isRelaxed { try access.demandManagement(of: id, transaction.snapshot) }
        if !stance.passesRules {
            for doomed in below + [id] { try settleDeletion(of: doomed, stance, &consequences, transaction.snapshot) }
            try completePlan(&consequences, transaction.snapshot)
        }
        var answer = WriteAnswer()
        if let control = try readEntry(controls.preRead, oid: PreRead.oid, id, access, transaction.snapshot) {
            answer.controls.append(control)
        }
        // Before the entry itself goes: what named it is a part of the operation that ends with it.
        try carryOut(consequences, modifier: nameForRecords(access.identity), &transaction)
        for doomed in below { try remove(doomed, &transaction) }
        try remove(id, &transaction)
        return answer
    }

    private func settleDeletion(
        of id: EntryID, _ stance: RuleStance, _ consequences: inout Consequences, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard let record = try record(id, snapshot) else { throw LDAPError(.noSuchObject, "") }
        var change = RuledChange(.delete, id: id, before: Entry(record), parent: record.parent, by: stance, snapshot.catalogue.table)
        try writeRules.settle(&change, &consequences, snapshot)
    }

    /// Forgets a deleted entry for good.
    private func forget(_ rdn: RelativeDistinguishedName, _ transaction: inout StoreTransaction) throws(LDAPError) -> WriteAnswer {
        try stored { () throws(EntryStoreError) in
            guard let record = try deleted.record(rdn, transaction.snapshot) else { return nil }
            try transaction.removeDeleted(record.number)
            return WriteAnswer()
        } ?? WriteAnswer(LDAPError(.noSuchObject, "no such deleted entry", matchedDN: Array(DeletedBranch.name.utf8)))
    }

    private func demandDeletion(of id: EntryID, _ access: AccessControl, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        if access.subject.isRoot { return }
        guard let record = try record(id, snapshot) else { throw LDAPError(.noSuchObject, "") }
        let parent = record.parent
        guard try access.allows(.delete, access.children, of: parent, snapshot) else {
            throw try access.refusal(id, "no write access to parent", snapshot)
        }
        try access.demand(.delete, access.entry, of: id, "entry", snapshot)
    }

    /// Entries in an order in which none comes before one that stands below it.
    func leavesFirst(_ ids: [EntryID], _ snapshot: borrowing Snapshot) throws(LDAPError) -> [EntryID] {
        var depths: [EntryID: Int] = [:]
        for id in ids {
            // Up to the first whose depth is known, then down again.
            var path: [EntryID] = []
            var current = id
            while current != .root, depths[current] == nil, let record = try record(current, snapshot) {
                path.append(current)
                current = record.parent
            }
            var depth = depths[current] ?? 0
            for step in path.reversed() {
                depth += 1
                depths[step] = depth
            }
        }
        return ids.sorted { (depths[$0] ?? 0, $0) > (depths[$1] ?? 0, $1) }
    }

    func remove(_ id: EntryID, _ transaction: inout StoreTransaction) throws(LDAPError) {
        var canonical: [UInt8] = []
        let doomed: Entry
        do {
            guard let record = try record(id, transaction.snapshot) else { throw LDAPError(.other, "entry \(id.rawValue) has no record") }
            try schema.normalizeRDN(RelativeDistinguishedName(parsing: record.rdn), into: &canonical)
            doomed = Entry(record)
        }
        try stored { () throws(EntryStoreError) in try transaction.remove(id, doomed, canonicalRDN: canonical) }
    }
}
