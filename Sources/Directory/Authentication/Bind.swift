import BER
import EntryStore
import LDAP
import Schema

extension Request {
    /// RFC 4511 section 4.2, RFC 4513 section 5.
    func bind(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) -> Disposition {
        // RFC 4511 section 4.2.1: until it succeeds, and if it fails, the client is anonymous.
        session.identity = .anonymous
        session.view = .all
        session.mustChangePassword = false
        let exchange = session.exchange
        session.exchange = nil
        // RFC 5805 section 3.5: without notice.
        session.transaction = nil
        do throws(LDAPError) {
            let request = try BindRequest(decoding: pdu, envelope.contents)
            if directory.log.isEnabled {
                let method: UInt8 = if case .simple = request.authentication { 128 } else { 163 }
                directory.log.bind(connection: session.connectionID, operation: operation, dn: request.name.rawSpan, method: method)
            }
            let controls = try BindControls(decodeControls())
            guard request.version == 3 else {
                throw LDAPError(.protocolError, "protocol version \(request.version) is not supported, only 3 is")
            }
            switch request.authentication {
            case .simple(let password): return try simpleBind(request.name, password, controls, session, worker, &output)
            case .sasl(let mechanism, let credentials):
                return try saslBind(mechanism, credentials, exchange, controls, session, worker, &output)
            case .unknown: throw LDAPError(.authMethodNotSupported, "unknown authentication method")
            }
        } catch {
            return refuse(error, session, &output)
        }
    }

    private func simpleBind(
        _ name: [UInt8], _ password: [UInt8], _ controls: BindControls, _ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        if name.isEmpty {
            guard password.isEmpty else { throw LDAPError(.invalidCredentials, "") }
            output.appendResult(
                messageID: messageID, tag: OperationTag.bindResponse, code: .success,
                controls: controls.wantsAuthorizationIdentity ? [AuthorizationIdentity.response(name: [])] : [])
            logResult(OperationTag.bindResponse, .success, "", session)
            return .answered
        }
        // RFC 4513 section 5.1.2: a name without a password is most often a mistake of the client.
        guard !password.isEmpty else {
            if !isLoginName(name.rawSpan) { _ = try DistinguishedName(parsing: name.rawSpan) }
            throw LDAPError(.unwillingToPerform, "unauthenticated bind (DN with no password) is not allowed")
        }
        try session.demandConfidentiality(directory.settings)
        let account = try account(named: name, session, worker)
        return try compare(
            password, BindAttempt(
                directory: directory, messageID: messageID, operation: operation, mechanism: "SIMPLE", controls: controls, name: name,
                account: account),
            session, &output)
    }

    /// - Throws: `busy` after too many wrong passwords.
    func demandPatience(_ attempt: BindAttempt, _ session: Session) throws(LDAPError) {
        if directory.throttle.refuses(attempt.name, attempt.account, peer: session.peer) {
            throw LDAPError(.busy, "too many wrong passwords: try again in a minute")
        }
    }

    /// Compares a password with those that are stored, here or on another thread.
    /// - Throws: `busy` after too many wrong passwords.
    func compare(
        _ password: [UInt8], _ attempt: BindAttempt, _ session: Session, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        try demandPatience(attempt, session)
        // Whom nobody lets in is not asked for elsewhere: there, too, wrong passwords may be counted.
        if let state = attempt.account?.state, let outside = state.outside, state.standing != .closed {
            return compareElsewhere(password, attempt, outside)
        }
        guard let account = attempt.account, let last = account.passwords.last else {
            // A name without a password, or without an entry, takes the time of a wrong password.
            var attempt = attempt
            attempt.account = nil
            return compare(password, [directory.decoy.stored], attempt, session, &output)
        }
        directory.decoy.learn(last)
        return compare(password, account.passwords, attempt, session, &output)
    }

    /// - Parameter candidates: one of them must fit.
    private func compare(
        _ password: [UInt8], _ candidates: [StoredPassword], _ attempt: BindAttempt, _ session: Session, _ output: inout BERBuffer
    ) -> Disposition {
        let hashing = directory.settings.passwords
        let rehashes = directory.settings.rehashesPasswords && attempt.account.map { $0.identity.isEntry } ?? false
            && candidates.contains { !hashing.isCurrent($0) }
        // Slow schemes run off the event loop; for a plain digest the way to another thread and back costs ten times the digest.
        if !rehashes, candidates.count <= 4, candidates.indices.allSatisfy({ candidates[$0].isCheap(for: password) }) {
            var isRight = false
            for index in candidates.indices where candidates[index].verify(password) { isRight = true }
            attempt.finish(BindOutcome(isRight: isRight), session, &output)
            return .answered
        }
        return .blocking(
            BlockingOperation(
                messageID: messageID,
                work: {
                    var outcome = BindOutcome()
                    if let stored = candidates.first(where: { $0.verify(password) }) {
                        outcome.isRight = true
                        if rehashes, !hashing.isCurrent(stored), let new = try? hashing.hash(password) {
                            outcome.rehash = BindOutcome.Rehash(old: stored.value, new: new)
                        }
                    }
                    return outcome
                },
                finish: { result, session, output in
                    attempt.finish(result as? BindOutcome ?? BindOutcome(), session, &output)
                    return nil
                }))
    }

    /// Whether a name is one that people log in with, and no DN: a mail address, or a user's name without spaces.
    func isLoginName(_ name: RawSpan) -> Bool {
        guard directory.login != nil, name.byteCount > 0, name.byteCount <= 512 else { return false }
        for index in 0..<name.byteCount where name[at: index] == UInt8(ascii: "=") || name[at: index] <= 0x20 || name[at: index] == UInt8(ascii: ",") {
            return false
        }
        return true
    }

    /// Who a name stands for: a DN, or a name that people log in with. Nil if there is no such entry.
    /// - Throws: `invalidDNSyntax`.
    func account(named name: [UInt8], _ session: Session, _ worker: DirectoryWorker) throws(LDAPError) -> LoginAccount? {
        let directory = self.directory
        if isLoginName(name.rawSpan), let login = directory.login {
            let serverName = session.protection.tls?.serverName
            let stranger = session.anonymousSubject(directory)
            return try worker.read { snapshot, state, scratch throws(LDAPError) in
                do throws(EntryStoreError) {
                    guard let id = try login.entry(named: name, serverName: serverName, snapshot, scratch: &scratch) else { return nil }
                    let name = try snapshot.name(of: id)
                    if let known = directory.knownAccount(named: name, stranger, &state, snapshot) { return known }
                    return try directory.account(id, name: name, stranger, &state, snapshot)
                } catch { throw LDAPError(storage: error) }
            }
        }
        // A name with a plain comma has two levels at least: mostly that settles it.
        if directory.rootDepth > 1 || !name.rawSpan.isPlainlySeveralLevels {
            let parsed = try DistinguishedName(parsing: name.rawSpan)
            var canonical: [UInt8] = []
            try directory.schema.normalizeDN(parsed, into: &canonical)
            if canonical == directory.rootName {
                return LoginAccount(identity: .root, passwords: directory.settings.rootPassword.map { [StoredPassword($0)] } ?? [], state: nil)
            }
        }
        let stranger = session.anonymousSubject(directory)
        return try worker.read { snapshot, state, _ throws(LDAPError) in
            if let known = directory.knownAccount(named: name, stranger, &state, snapshot) { return known }
            let found = try state.resolution.resolve(name.rawSpan, snapshot)
            guard found.isComplete else { return nil }
            do throws(EntryStoreError) {
                return try directory.account(found.id, name: name, stranger, &state, snapshot)
            } catch { throw LDAPError(storage: error) }
        }
    }
}

extension Directory {
    /// What is known of somebody who has logged in a while ago, where everybody may prove who he is by a password.
    /// - Parameter stranger: the client before it is let in.
    func knownAccount(
        named name: [UInt8], _ stranger: AccessSubject, _ state: inout WorkerState, _ snapshot: borrowing Snapshot
    ) -> LoginAccount? {
        let asAdministrator = stranger.origin.listener.isForAdministrators
        guard let account = state.logins.account(named: name, asAdministrator: asAdministrator, self, snapshot),
            AccessControl(stranger, self).allowsAlways(.auth, AccessDatum(known.userPassword), snapshot)
        else { return nil }
        return account
    }

    /// What is known of an entry that somebody wants to log in as.
    /// - Parameter stranger: the client before it is let in.
    func account(
        _ id: EntryID, name: [UInt8], _ stranger: AccessSubject, _ state: inout WorkerState, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> LoginAccount? {
        guard let record = try snapshot.record(id), let attribute = snapshot.catalogue.table.id(of: known.userPassword) else { return nil }
        // As slapd: the right to prove oneself by it is asked of the client as it is before, anonymous.
        guard AccessControl(stranger, self).allows(.auth, AccessDatum(known.userPassword), id, record, snapshot) else { return nil }
        var passwords: [StoredPassword] = []
        var values = record.values(of: attribute)
        while let value = values.next() { passwords.append(StoredPassword(value.array)) }
        let asAdministrator = stranger.origin.listener.isForAdministrators
        let isAdministrator = try state.resolution.isBelow(administrators, record, snapshot)
        let account = LoginAccount(
            identity: .entry(id, name: name, isAdministrator: isAdministrator), passwords: passwords,
            state: try login?.state(of: id, record, pending: ephemeral, asAdministrator: asAdministrator, snapshot))
        state.logins.note(account, asAdministrator: asAdministrator, self, snapshot)
        return account
    }
}

extension Identity {
    /// Whether this is an entry of the directory.
    var isEntry: Bool { if case .entry(let id, _, _) = self { id.rawValue != .max } else { false } }
}
