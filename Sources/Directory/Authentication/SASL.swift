import BER
import EntryStore
import LDAP

/// The SASL mechanisms (RFC 4422) that the server has.
enum SASLMechanism: String, CaseIterable {
    case external = "EXTERNAL"
    case plain = "PLAIN"
    case scramSHA256 = "SCRAM-SHA-256"
    case scramSHA256Plus = "SCRAM-SHA-256-PLUS"

    /// Those that a server with these settings has.
    static func available(_ settings: DirectorySettings) -> [SASLMechanism] {
        allCases.filter { $0 != .scramSHA256Plus || settings.offersStartTLS }
    }
}

extension Request {
    /// RFC 4513 section 5.2.
    /// - Parameter exchange: what the bind before has begun.
    func saslBind(
        _ mechanism: String, _ credentials: [UInt8]?, _ exchange: SCRAMExchange?, _ controls: BindControls, _ session: Session,
        _ worker: DirectoryWorker, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        func attempt(_ mechanism: StaticString, _ name: [UInt8], _ account: LoginAccount?) -> BindAttempt {
            BindAttempt(
                directory: directory, messageID: messageID, operation: operation, mechanism: mechanism, controls: controls, name: name,
                account: account)
        }
        let known = SASLMechanism(rawValue: mechanism)
        switch known {
        case .external:
            let account = try externalAccount(session, worker)
            try demand(credentials ?? [], isNameOf: account, session, worker)
            attempt("EXTERNAL", [], account).finish(BindOutcome(isRight: true), session, &output)
            return .answered
        case .plain:
            guard let credentials else { return askForMore(session, &output) }
            // RFC 4616 section 2.
            let parts = credentials.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
            guard parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty else {
                throw LDAPError(.invalidCredentials, "PLAIN: an authorization identity, a name and a password, separated by NUL, are needed")
            }
            try session.demandConfidentiality(directory.settings)
            let account = try saslAccount(parts[1], session, worker)
            if !parts[0].isEmpty { try demand(parts[0], isNameOf: account, session, worker) }
            return try compare(parts[2], attempt("PLAIN", parts[1], account), session, &output)
        case .scramSHA256, .scramSHA256Plus:
            guard let credentials else { return askForMore(session, &output) }
            if let exchange { return try finishSCRAM(exchange, credentials, controls, session, &output) }
            let first = try SCRAMExchange.ClientFirst(
                credentials, isPlus: known == .scramSHA256Plus, endPoint: session.protection.tls?.endPoint)
            let account = try saslAccount(first.user, session, worker)
            if !first.authorization.isEmpty { try demand(first.authorization, isNameOf: account, session, worker) }
            return try beginSCRAM(
                first, attempt(known == .scramSHA256Plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", first.user, account), session)
        case nil:
            throw LDAPError(.authMethodNotSupported, "SASL mechanism \"\(mechanism)\" is not available")
        }
    }

    /// A mechanism in which the client speaks first, and did not (RFC 4422 section 3.3): an empty challenge.
    private func askForMore(_ session: Session, _ output: inout BERBuffer) -> Disposition {
        output.appendBindResult(messageID: messageID, code: .saslBindInProgress, serverCredentials: [])
        logResult(OperationTag.bindResponse, .saslBindInProgress, "", session)
        return .answered
    }

    /// Whom the system or TLS says the client is.
    /// - Throws: `authMethodNotSupported` if they say nothing.
    private func externalAccount(_ session: Session, _ worker: DirectoryWorker) throws(LDAPError) -> LoginAccount {
        let settings = directory.settings
        let name: [UInt8]
        if let subject = session.protection.tls?.clientSubject {
            name = subject
        } else if let peer = session.peerCredentials {
            if settings.systemRootIsRoot, peer.user == 0 { return LoginAccount(identity: .root, passwords: [], state: nil) }
            name = peer.name
        } else {
            throw LDAPError(.authMethodNotSupported, "EXTERNAL needs a local socket or a client certificate")
        }
        if let mapped = settings.identityMap.map(name) {
            guard let account = try account(named: mapped, session, worker) else {
                throw LDAPError(.invalidCredentials, "")
            }
            return account
        }
        return try account(named: name, session, worker) ?? LoginAccount(identity: .external(name), passwords: [], state: nil)
    }

    /// Who a SASL name stands for: `dn:` and a DN, `u:` and a name, or the name (RFC 4513 section 5.2.1.8).
    private func saslAccount(_ name: [UInt8], _ session: Session, _ worker: DirectoryWorker) throws(LDAPError) -> LoginAccount? {
        let plain =
            name.starts(with: "dn:".utf8) ? Array(name.dropFirst(3)) : name.starts(with: "u:".utf8) ? Array(name.dropFirst(2)) : name
        guard !plain.isEmpty else { return nil }
        // A name that is no DN stands for nobody where nobody logs in by other names.
        do throws(LDAPError) { return try account(named: plain, session, worker) } catch {
            if error.code == .invalidDNSyntax { return nil }
            throw error
        }
    }

    /// Nobody may act for another.
    /// - Throws: `insufficientAccessRights`, as slapd.
    private func demand(
        _ authorization: [UInt8], isNameOf account: LoginAccount?, _ session: Session, _ worker: DirectoryWorker
    ) throws(LDAPError) {
        guard !authorization.isEmpty, let account else { return }
        let refusal = LDAPError(.insufficientAccessRights, "nobody may act for another")
        if authorization == Array("dn:".utf8) + directory.nameForRecords(account.identity) { return }
        guard let other = try saslAccount(authorization, session, worker) else { throw refusal }
        switch (other.identity, account.identity) {
        case (.root, .root): return
        case (.entry(let wanted, _, _), .entry(let own, _, _)) where wanted == own && account.identity.isEntry: return
        default: throw refusal
        }
    }

    // MARK: SCRAM

    /// Finds or makes the keys, which takes milliseconds, and answers the client's first message.
    private func beginSCRAM(
        _ first: SCRAMExchange.ClientFirst, _ attempt: BindAttempt, _ session: Session
    ) throws(LDAPError) -> Disposition {
        try demandPatience(attempt, session)
        var attempt = attempt
        // Whose password another server knows cannot prove it in this way, unless the stored one counts too.
        if let outside = attempt.account?.state?.outside, !outside.fallsBack { attempt.account = nil }
        return beginSCRAM(first, attempt)
    }

    private func beginSCRAM(_ first: SCRAMExchange.ClientFirst, _ attempt: BindAttempt) -> Disposition {
        let directory = self.directory
        return .blocking(
            BlockingOperation(
                messageID: messageID,
                work: {
                    Result { () throws(LDAPError) in
                        // Keys are made for every name, so that it does not show who has which.
                        let salt = directory.decoy.salt(for: first.user)
                        let passwords = attempt.account?.passwords ?? []
                        let clear = passwords.lazy.compactMap(\.clearText).first
                        let password = clear ?? directory.decoy.password
                        let made = try SCRAMKeys(password.rawSpan, salt: salt, iterations: SCRAMKeys.defaultIterations)
                        let kept = passwords.lazy.compactMap(\.scramKeys).first
                        var attempt = attempt
                        // Other hashes tell nothing that SCRAM could be run with.
                        if kept == nil, clear == nil { attempt.account = nil }
                        return try SCRAMExchange(first, kept ?? made, attempt)
                    }
                },
                finish: { result, session, output in
                    switch result as? Result<SCRAMExchange, LDAPError> {
                    case .success(let exchange):
                        session.exchange = exchange
                        output.appendBindResult(
                            messageID: attempt.messageID, code: .saslBindInProgress, serverCredentials: exchange.challenge)
                    case .failure(let error):
                        output.appendResult(messageID: attempt.messageID, tag: OperationTag.bindResponse, error: error)
                    case nil: break
                    }
                    return nil
                }))
    }

    private func finishSCRAM(
        _ exchange: SCRAMExchange, _ credentials: [UInt8], _ controls: BindControls, _ session: Session, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        let signature = try exchange.finish(credentials)
        var attempt = exchange.attempt
        attempt.messageID = messageID
        attempt.operation = operation
        attempt.controls = controls
        attempt.finish(BindOutcome(isRight: signature != nil), serverCredentials: signature, session, &output)
        return .answered
    }
}
