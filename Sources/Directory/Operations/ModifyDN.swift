import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// RFC 4511 section 4.9: checks what the request alone tells.
    func prepareModifyDN(
        _ request: ModifyDNRequest, messageID: Int, controls: [Control], for requester: Requester,
        observed: @escaping @Sendable (WriteAnswer) -> Void
    ) throws(LDAPError) -> PendingWrite {
        let access = AccessControl(requester, self)
        if let restoration = try Restoration(request, WriteControls(decoding: controls, for: .modifyDN), access, self) {
            try access.demandBound()
            return PendingWrite(messageID: messageID, tag: OperationTag.modifyDNResponse, observed: observed) { transaction throws(LDAPError) in
                try restoration.run(self, &transaction)
            }
        }
        let renaming = try Renaming(request, controls, requester, self)
        return PendingWrite(messageID: messageID, tag: OperationTag.modifyDNResponse, controls: renaming.controls, observed: observed) { transaction throws(LDAPError) in
            try renaming.run(self, &transaction)
        }
    }
}

/// A new name for an entry.
private struct Renaming: Sendable {
    let target: WriteTarget
    let rdn: RelativeDistinguishedName
    /// As spelled.
    let rdnText: [UInt8]
    let canonicalRDN: [UInt8]
    let newSuperior: DistinguishedName?
    /// Removal of the old naming values, if asked for.
    let removals: [Modification]
    /// The new naming values, one by one.
    let additions: [Modification]
    let controls: WriteControls
    let access: AccessControl
    let stance: RuleStance
    let modifier: [UInt8]

    init(_ request: ModifyDNRequest, _ controls: [Control], _ requester: Requester, _ directory: Directory) throws(LDAPError) {
        let schema = directory.schema
        let checker = directory.checker
        let target = try WriteTarget(request.entry, schema)
        self.target = target
        access = AccessControl(requester, directory)
        try access.demandBound()
        self.controls = try WriteControls(decoding: controls, for: .modifyDN)
        stance = directory.stance(requester.identity, isRelaxed: self.controls.isRelaxed)
        modifier = directory.nameForRecords(requester.identity)
        guard let oldRDN = target.name.rdns.first else { throw LDAPError(.unwillingToPerform, "cannot rename the root DSE") }
        if directory.pseudo.isSubschema(target.canonical) {
            throw LDAPError(.unwillingToPerform, "cannot rename the subschema subentry")
        }
        let newValues: [EntryChecker.NamingValue]
        do throws(LDAPError) {
            rdn = try RelativeDistinguishedName(parsing: request.newRDN.rawSpan)
            newValues = try checker.namingValues(rdn)
            var canonical: [UInt8] = []
            try schema.normalizeRDN(rdn, into: &canonical)
            canonicalRDN = canonical
        } catch {
            throw error.code == .invalidDNSyntax ? LDAPError(.invalidDNSyntax, "invalid new RDN: \(error.message)") : error
        }
        rdnText = try directory.rdnText(rdn)
        if let superior = request.newSuperior {
            let isBelowItself: Bool
            do throws(LDAPError) {
                let superior = try WriteTarget(superior, schema)
                newSuperior = superior.name
                isBelowItself = CompiledFilter.nameScope(.dnSubtreeMatch, superior.canonical.rawSpan, target.canonical.rawSpan)
            } catch { throw LDAPError(error.code, "invalid newSuperior: \(error.message)") }
            // By the names alone, as in slapd: whether the entry exists is told later.
            if isBelowItself { throw Self.belowItself }
        } else {
            newSuperior = nil
        }

        func modification(_ operation: ModifyRequest.Operation, _ naming: EntryChecker.NamingValue) throws(LDAPError) -> Modification {
            let attribute = PartialAttribute(description: schema[naming.type].nameBytes, values: [naming.value])
            return try Modification(ModifyRequest.Change(operation, attribute), checker)
        }
        var removals: [Modification] = []
        if request.deleteOldRDN {
            for naming in try checker.namingValues(oldRDN) { removals.append(try modification(.delete, naming)) }
        }
        self.removals = removals
        var additions: [Modification] = []
        for naming in newValues { additions.append(try modification(.add, naming)) }
        self.additions = additions
    }

    private static var belowItself: LDAPError { LDAPError(.unwillingToPerform, "cannot place an entry below itself") }

    func run(_ directory: Directory, _ transaction: inout StoreTransaction) throws(LDAPError) -> WriteAnswer {
        transaction.beginOperation(by: modifier)
        // The right to change what stands below the parent is asked for before the entry itself, as in slapd.
        let found = try transaction.snapshot.resolve(canonical: target.canonical)
        if found.depth >= target.name.rdns.count - 1 {
            let parent = found.isComplete ? try directory.record(found.id, transaction.snapshot)?.parent ?? .root : found.id
            try access.demand(newSuperior == nil ? .write : .delete, access.children, of: parent, "parent", transaction.snapshot)
        }
        let id: EntryID
        switch try target.locate(directory, access, manageDsaIT: controls.manageDsaIT, transaction.snapshot) {
        case .referral(let answer): return answer
        case .entry(let found): id = found
        }
        try access.demand(.write, access.entry, of: id, "entry", transaction.snapshot)
        if controls.isRelaxed { try access.demandManagement(of: id, transaction.snapshot) }
        try directory.checkAssertion(controls, id, access, transaction.snapshot)
        let oldParent: EntryID
        let before: Entry
        do {
            guard let record = try directory.record(id, transaction.snapshot) else { throw LDAPError(.noSuchObject, "") }
            oldParent = record.parent
            before = Entry(record)
        }
        let parent = try self.parent(of: id, oldParent, directory, transaction.snapshot)
        if parent != oldParent { try access.demand(.add, access.children, of: parent, "new superior", transaction.snapshot) }
        try access.demand(additions, of: id, transaction.snapshot)
        try access.demand(removals, of: id, transaction.snapshot)
        let occupant = try stored { () throws(EntryStoreError) in
            try transaction.snapshot.child(of: parent, rdn: canonicalRDN.rawSpan)
        }
        if let occupant, occupant != id { throw LDAPError(.entryAlreadyExists, "") }
        if occupant == nil { try directory.demandNoBranch(rdn, below: parent, transaction.snapshot) }

        var revision = EntryRevision(before, directory, transaction.catalogue.table)
        // Values that are there, or gone, already do not matter.
        for removal in removals {
            do throws(LDAPError) { try revision.apply(removal) } catch {
                if error.code != .noSuchAttribute { throw error }
            }
        }
        for addition in additions {
            do throws(LDAPError) { try revision.apply(addition) } catch {
                if error.code != .attributeOrValueExists { throw error }
            }
        }
        try directory.checkUnique(additions, otherThan: id, transaction.snapshot)
        let rules = try revision.check(rdn: rdn)
        try directory.checkPlacement(rules, rdn, below: parent, transaction.snapshot)

        var answer = WriteAnswer()
        if let control = try directory.readEntry(controls.preRead, oid: PreRead.oid, id, access, transaction.snapshot) {
            answer.controls.append(control)
        }
        var change = RuledChange(
            .move, id: id, before: before, after: try revision.finish(modifier: modifier, &transaction), oldParent: oldParent, parent: parent,
            named: (removals + additions).map(\.description.type), by: stance, transaction.catalogue.table)
        var consequences = Consequences()
        if !stance.passesRules {
            try directory.writeRules.settle(&change, &consequences, transaction.snapshot)
            try directory.completePlan(&consequences, transaction.snapshot)
        }
        guard let after = change.after else { throw LDAPError(.other, "a rule took the entry away") }
        let oldCanonicalRDN = try target.canonicalRDN(directory.schema)
        try stored { () throws(EntryStoreError) in
            try transaction.rename(
                id, before, to: after, parent: parent, rdn: rdnText, canonicalRDN: canonicalRDN, oldCanonicalRDN: oldCanonicalRDN,
                flags: rules.flags, deletesOldRDN: !removals.isEmpty)
        }
        try directory.carryOut(consequences, modifier: modifier, &transaction)
        if let control = try directory.readEntry(controls.postRead, oid: PostRead.oid, id, access, transaction.snapshot) {
            answer.controls.append(control)
        }
        return answer
    }

    /// The entry below which the renamed one will stand.
    private func parent(
        of id: EntryID, _ oldParent: EntryID, _ directory: Directory, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> EntryID {
        guard let newSuperior else { return oldParent }
        let found = try snapshot.resolve(newSuperior)
        if try stored({ () throws(EntryStoreError) in try snapshot.isInSubtree(found.id, of: id) }) {
            throw Self.belowItself
        }
        let missing = LDAPError(.noSuchObject, "new superior not found")
        guard try access.allows(.disclose, access.entry, of: found.id, snapshot) else { throw missing }
        try directory.demandNoBranch(found, newSuperior, snapshot)
        guard found.isComplete else { throw missing }
        if let record = try directory.record(found.id, snapshot) {
            if record.flags.contains(.alias) { throw LDAPError(.aliasProblem, "new superior is an alias") }
            if record.flags.contains(.subentry) { throw LDAPError(.objectClassViolation, "new superior is a subentry") }
            if record.flags.contains(.referral), !controls.manageDsaIT { throw LDAPError(.other, "new superior is a referral") }
        }
        return found.id
    }
}
