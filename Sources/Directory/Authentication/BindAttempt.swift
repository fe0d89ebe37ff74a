import BER
import EntryStore
import LDAP

/// A bind whose proof is being checked, and what its outcome does.
struct BindAttempt: Sendable {
    let directory: Directory
    var messageID: Int
    var operation: UInt64
    /// As the log shows it.
    let mechanism: StaticString
    var controls: BindControls
    /// Who the client says it is.
    let name: [UInt8]
    /// Who the client is if the proof is right; nil: it cannot be.
    var account: LoginAccount?

    /// Answers.
    /// - Parameter serverCredentials: of a SASL mechanism, for a success.
    func finish(_ outcome: BindOutcome, serverCredentials: [UInt8]? = nil, _ session: Session, _ output: inout BERBuffer) {
        let isRight = outcome.isRight
        if !isRight, outcome.problem == nil { directory.throttle.noteFailure(name, account, peer: session.peer) }
        var error = LDAPError(.invalidCredentials, "")
        var policy = PasswordPolicy.Response()
        var bound: LoginAccount?
        if let account {
            let state = account.state
            switch state?.standing ?? .open {
            case .closed: policy.failure = .accountLocked
            case .maintenance:
                if isRight { error = LDAPError(.unavailable, "the account is in maintenance mode") }
                if !isRight, outcome.problem == nil { noteFailure(account) }
            case .open:
                if isRight, outcome.isOutside {
                    // 4.1.5: how old it is, and whether it must be changed, is not for us to say.
                    bound = account
                } else if isRight {
                    policy.timeBeforeExpiration = state?.timeBeforeExpiration
                    policy.failure = state?.mustChange
                    if state?.mustChange != nil, directory.settings.refusesExpiredPasswords {
                        error = LDAPError(.invalidCredentials, "the password must be changed")
                    } else {
                        bound = account
                    }
                } else if outcome.problem == nil {
                    noteFailure(account)
                }
            }
        }
        // After the proof: who does not know the password does not learn whether it is right.
        if let refused = bound, session.listener.isForAdministrators, !refused.isAdministrator {
            bound = nil
            policy = PasswordPolicy.Response()
            error = LDAPError(.insufficientAccessRights, "nobody but administrators may log in here")
        }
        // What exactly went wrong between the servers is for the log, not for whoever tries passwords.
        if outcome.problem != nil { error = LDAPError(.unavailable, "the server that knows the password cannot be asked") }
        if let bound { begin(bound, outcome, session) }
        let code = bound == nil ? error.code : .success
        var answers = controls.wantsPolicy ? [policy.control] : []
        if let bound, controls.wantsAuthorizationIdentity {
            answers.append(AuthorizationIdentity.response(name: directory.nameForRecords(bound.identity)))
        }
        if let serverCredentials, bound != nil {
            output.appendBindResult(messageID: messageID, code: code, serverCredentials: serverCredentials, controls: answers)
        } else {
            output.appendResult(
                messageID: messageID, tag: OperationTag.bindResponse, code: code, message: bound == nil ? error.message : "", controls: answers)
        }
        let log = directory.log
        guard log.isEnabled else { return }
        if let bound {
            log.bound(
                connection: session.connectionID, operation: operation, dn: directory.nameForRecords(bound.identity).rawSpan, mechanism: mechanism)
        }
        log.result(
            connection: session.connectionID, operation: operation, tag: Int(OperationTag.bindResponse), code: code.rawValue,
            text: bound == nil ? outcome.problem.map { "\(error.message): \($0)" } ?? error.message : "")
    }

    private func noteFailure(_ account: LoginAccount) {
        guard let state = account.state, state.countsFailures, case .entry(let id, _, _) = account.identity else { return }
        directory.login?.noteFailure(of: id, state, directory.ephemeral)
    }

    private func begin(_ account: LoginAccount, _ outcome: BindOutcome, _ session: Session) {
        session.identity = account.identity
        session.view = directory.view(of: account.identity)
        guard case .entry(let id, _, _) = account.identity else { return }
        if let rehash = outcome.rehash { directory.ephemeral.rehash(id, rehash.old, rehash.new) }
        guard let state = account.state else { return }
        session.mustChangePassword = state.mustChange != nil && !outcome.isOutside
        if state.notesSuccess { directory.login?.noteSuccess(of: id, state, directory.ephemeral) }
    }
}

/// What came out of checking a proof.
struct BindOutcome: Sendable {
    var isRight = false
    /// Whether another server has said so.
    var isOutside = false
    /// Why nothing can be said: the server that would know cannot be asked. For people.
    var problem: String?
    var rehash: Rehash?

    /// A stored password that is to be replaced by another hash.
    struct Rehash: Sendable {
        let old: [UInt8]
        let new: [UInt8]
    }
}

/// Somebody who wants to log in. A class, because it is handed on from step to step.
final class LoginAccount: Sendable {
    let identity: Identity
    /// One of them must fit.
    let passwords: [StoredPassword]
    let state: LoginState?

    init(identity: Identity, passwords: [StoredPassword], state: LoginState?) {
        self.identity = identity
        self.passwords = passwords
        self.state = state
    }

    /// Whether it may log in where nobody but administrators may.
    var isAdministrator: Bool {
        switch identity {
        case .root: true
        case .entry(_, _, let isAdministrator): isAdministrator || state?.isAdministrator ?? false
        case .anonymous: false
        }
    }
}
