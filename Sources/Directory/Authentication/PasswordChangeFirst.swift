import BER
import EntryStore
import LDAP

extension Request {
    /// Whether a client whose password must be changed first may do this (draft-behera-ldap-password-policy section 8.1.2.2); nil if it may.
    func refusalBeforePasswordChange(_ session: Session, _ worker: DirectoryWorker) -> LDAPError? {
        guard case .entry(let own, _, _) = session.identity else { return nil }
        switch envelope.operation {
        case OperationTag.bindRequest, OperationTag.unbindRequest, OperationTag.abandonRequest: return nil
        default: break
        }
        if hasChangedPassword(own, worker) {
            session.mustChangePassword = false
            return nil
        }
        let controls = (try? decodeControls()) ?? []
        // "Its own password" must not come to mean somebody else's.
        let isProxied = controls.contains { $0.oid == ProxiedAuthorization.oid }
        if !isProxied, isChangeOfPassword(of: own, worker) { return nil }
        let wantsPolicy = controls.contains { $0.oid == PasswordPolicy.oid }
        return LDAPError(
            .insufficientAccessRights, "operations are restricted to changing the password",
            controls: wantsPolicy ? [PasswordPolicy.Response(failure: .changeAfterReset).control] : [])
    }

    /// Whether the account, as it is now, need not change its password (any more).
    private func hasChangedPassword(_ own: EntryID, _ worker: DirectoryWorker) -> Bool {
        let directory = self.directory
        let state = try? worker.read { snapshot, _, _ throws(LDAPError) -> LoginState? in
            do throws(EntryStoreError) {
                guard let record = try snapshot.record(own) else { return nil }
                return try directory.login?.state(of: own, record, pending: directory.ephemeral, asAdministrator: false, snapshot)
            } catch { throw LDAPError(storage: error) }
        }
        guard let state else { return false }
        return state.mustChange == nil
    }

    private func isChangeOfPassword(of own: EntryID, _ worker: DirectoryWorker) -> Bool {
        switch envelope.operation {
        case OperationTag.extendedRequest:
            guard let request = try? ExtendedRequest(decoding: pdu, envelope.contents) else { return true }
            // Others tell or change nothing of the directory.
            guard request.name == PasswordModify.oid, let change = try? PasswordModify(decoding: request),
                let name = change.userIdentity, !name.isEmpty
            else { return true }
            return leads(name, to: own, worker)
        case OperationTag.modifyRequest:
            guard let request = try? ModifyRequest(decoding: pdu, envelope.contents) else { return true }
            return directory.isPasswordChange(request, only: true) && leads(request.object, to: own, worker)
        default: return false
        }
    }

    private func leads(_ name: [UInt8], to own: EntryID, _ worker: DirectoryWorker) -> Bool {
        let found = try? worker.read { snapshot, state, _ throws(LDAPError) in try state.resolution.resolve(name.rawSpan, snapshot) }
        return found.map { $0.isComplete && $0.id == own } ?? false
    }
}

extension Directory {
    /// Whether a request changes passwords.
    /// - Parameter only: and nothing else.
    func isPasswordChange(_ request: ModifyRequest, only: Bool) -> Bool {
        func isPassword(_ change: ModifyRequest.Change) -> Bool {
            (try? checker.description(change.attribute.description.rawSpan))?.type == known.userPassword
        }
        return only ? !request.changes.isEmpty && request.changes.allSatisfy(isPassword) : request.changes.contains(where: isPassword)
    }

    /// Checks passwords that an entry's owner wants to have, before they are hashed.
    /// - Parameter passwords: as they would be stored, or in clear.
    /// - Throws: as the rules say, with the policy's control if it is wanted.
    func checkPasswords(
        _ passwords: [[UInt8]], of id: EntryID, _ identity: Identity, wantsPolicy: Bool, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard let passwordRules, case .entry(let own, _, _) = identity, own == id else { return }
        for password in passwords {
            do throws(PasswordViolation) {
                try passwordRules.check(StoredPassword(password).clearText, of: id, snapshot)
            } catch { throw error.error(withControl: wantsPolicy) }
        }
    }
}
