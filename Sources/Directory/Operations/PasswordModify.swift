import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// RFC 3062: checks the old password, and hashes the new one. May take long: not for event loops.
    func preparePasswordModify(
        _ request: PasswordModify, messageID: Int, controls: [Control], for requester: Requester,
        observed: @escaping @Sendable (WriteAnswer) -> Void
    ) throws(LDAPError) -> PendingWrite {
        guard !requester.identity.isAnonymous else {
            throw LDAPError(.strongerAuthRequired, "only authenticated users may change passwords")
        }
        let controls = try WriteControls(decoding: controls, for: .passwordModify)
        if let new = request.newPassword, new.isEmpty { throw LDAPError(.unwillingToPerform, "new password value is empty") }
        if let old = request.oldPassword, old.isEmpty { throw LDAPError(.unwillingToPerform, "old password value is empty") }
        let access = AccessControl(requester, self)
        let target = try passwordTarget(request, access)
        // Without the right to write, others' entries are refused alike whether they exist or not.
        guard let id = target else { throw access.subject.isRoot ? LDAPError(.noSuchObject, "") : Self.noRight }
        do {
            let snapshot = try stored { () throws(EntryStoreError) in try store.snapshot() }
            guard try access.allows(.write, AccessDatum(known.userPassword), of: id, snapshot) else { throw Self.noRight }
        }
        let verified: [UInt8]? = if let old = request.oldPassword { try verify(old, of: id) } else { nil }

        let password = if let new = request.newPassword { new } else { try RandomBytes.password() }
        if passwordRules != nil {
            let snapshot = try stored { () throws(EntryStoreError) in try store.snapshot() }
            // As clear text, whatever it looks like.
            let asStored = password.first == UInt8(ascii: "{") ? Array(PasswordScheme.clear.prefix.utf8) + password : password
            try checkPasswords([asStored], of: id, requester.identity, wantsPolicy: controls.passwordPolicy, snapshot)
        }
        let hash = try settings.passwords.hash(password)
        let change = try Modification(
            ModifyRequest.Change(.replace, PartialAttribute(description: schema[known.userPassword].nameBytes, values: [hash])), checker)
        let value = request.newPassword == nil ? PasswordModify.responseValue(generatedPassword: password) : nil
        let modifier = nameForRecords(requester.identity)
        let stance = stance(requester.identity)
        return PendingWrite(messageID: messageID, tag: OperationTag.extendedResponse, controls: controls, observed: observed) { transaction throws(LDAPError) in
            // The old password was compared before the transaction: what it was compared with must still be there.
            if let verified, try !self.storedPasswords(of: id, transaction.snapshot).contains(verified) {
                throw Self.wrongOldPassword
            }
            transaction.beginOperation(by: modifier)
            try self.modify(id, [change], modifier: modifier, by: stance, &transaction)
            return WriteAnswer(value: value)
        }
    }

    /// Whose password is meant; nil if there is no such entry.
    /// - Throws: `invalidAttributeSyntax` for a user identity that is no DN, as slapd; `unwillingToPerform` for the root identity.
    private func passwordTarget(_ request: PasswordModify, _ access: AccessControl) throws(LDAPError) -> EntryID? {
        guard let name = request.userIdentity, !name.isEmpty else {
            guard case .entry(let own, _, _) = access.identity else { throw Self.rootPasswordRefusal }
            return own
        }
        let target: WriteTarget
        do throws(LDAPError) { target = try WriteTarget(name, schema) } catch {
            throw LDAPError(.invalidAttributeSyntax, "Invalid DN: \(error.message)")
        }
        if target.canonical == rootName { throw Self.rootPasswordRefusal }
        let snapshot = try stored { () throws(EntryStoreError) in try store.snapshot() }
        let found = try snapshot.resolve(canonical: target.canonical)
        if try access.allows(.disclose, access.entry, of: found.id, snapshot) { try demandNoBranch(found, target.name, snapshot) }
        return found.isComplete ? found.id : nil
    }

    /// The stored password that a password is; compared outside the write transaction.
    /// - Throws: `unwillingToPerform` if it is none of them.
    private func verify(_ password: [UInt8], of id: EntryID) throws(LDAPError) -> [UInt8] {
        let snapshot = try stored { () throws(EntryStoreError) in try store.snapshot() }
        for candidate in try storedPasswords(of: id, snapshot) where StoredPassword(candidate).verify(password) {
            return candidate
        }
        throw Self.wrongOldPassword
    }

    private func storedPasswords(of id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> [[UInt8]] {
        guard let attribute = snapshot.catalogue.table.id(of: known.userPassword), let record = try record(id, snapshot) else { return [] }
        var list: [[UInt8]] = []
        var values = record.values(of: attribute)
        while let value = values.next() { list.append(value.array) }
        return list
    }

    private static var noRight: LDAPError { LDAPError(.insufficientAccessRights, "no write access to the password") }
    private static var wrongOldPassword: LDAPError { LDAPError(.unwillingToPerform, "unwilling to verify old password") }
    private static var rootPasswordRefusal: LDAPError {
        LDAPError(.unwillingToPerform, "the password of the root identity is set in the configuration")
    }
}
