import BER
import EntryStore
import LDAP
import Schema

extension Request {
    /// RFC 4511 section 4.2, RFC 4513 section 5.1.
    func bind(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) -> Disposition {
        // RFC 4511 section 4.2.1: until it succeeds, and if it fails, the client is anonymous.
        session.identity = .anonymous
        session.view = .all
        do throws(LDAPError) {
            let request = try BindRequest(decoding: pdu, envelope.contents)
            if directory.log.isEnabled {
                let method: UInt8 = if case .simple = request.authentication { 128 } else { 163 }
                directory.log.bind(connection: session.connectionID, operation: operation, dn: request.name.rawSpan, method: method)
            }
            let controls = try decodeControls()
            for control in controls where control.isCritical {
                throw LDAPError(.unavailableCriticalExtension, "critical control \(control.oid) is not supported for bind")
            }
            guard request.version == 3 else {
                throw LDAPError(.protocolError, "protocol version \(request.version) is not supported, only 3 is")
            }
            switch request.authentication {
            case .simple(let password): return try simpleBind(request.name, password, session, worker, &output)
            case .sasl(let mechanism, _):
                throw LDAPError(.authMethodNotSupported, "SASL mechanism \"\(mechanism)\" is not available")
            case .unknown: throw LDAPError(.authMethodNotSupported, "unknown authentication method")
            }
        } catch {
            return refuse(error, session, &output)
        }
    }

    private func simpleBind(
        _ dn: [UInt8], _ password: [UInt8], _ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        if dn.isEmpty {
            guard password.isEmpty else { throw LDAPError(.invalidCredentials, "") }
            output.appendResult(messageID: messageID, tag: OperationTag.bindResponse, code: .success)
            logResult(OperationTag.bindResponse, .success, "", session)
            return .answered
        }
        // RFC 4513 section 5.1.2: a name without a password is most often a mistake of the client.
        guard !password.isEmpty else {
            _ = try DistinguishedName(parsing: dn.rawSpan)
            throw LDAPError(.unwillingToPerform, "unauthenticated bind (DN with no password) is not allowed")
        }
        try session.demandConfidentiality(directory.settings)
        let (identity, stored) = try credentials(dn, session.origin, worker)
        // A name without a password, or without an entry, takes the time of a wrong password.
        let candidates = stored.isEmpty ? [Self.decoy] : stored
        let attempt = BindAttempt(
            directory: directory, messageID: messageID, operation: operation, name: dn, identity: stored.isEmpty ? nil : identity)
        // Slow schemes run off the event loop; for a plain digest the way to another thread and back costs ten times the digest.
        if candidates.count <= 4, candidates.allSatisfy({ PasswordVerifier.isCheap(stored: $0, password: password) }) {
            attempt.finish(candidates.contains { PasswordVerifier.verify(stored: $0, password: password) }, session, &output)
            return .answered
        }
        return .blocking(
            BlockingOperation(
                messageID: messageID,
                work: { candidates.contains { PasswordVerifier.verify(stored: $0, password: password) } },
                finish: { result, session, output in
                    attempt.finish(result as? Bool ?? false, session, &output)
                    return nil
                }))
    }

    /// A hash that no password has.
    private static let decoy = Array("{SSHA512}".utf8) + [UInt8](repeating: UInt8(ascii: "A"), count: 96)

    /// Who a name stands for, and the stored passwords, one of which must fit.
    private func credentials(
        _ dn: [UInt8], _ origin: AccessOrigin, _ worker: DirectoryWorker
    ) throws(LDAPError) -> (Identity, [[UInt8]]) {
        let directory = self.directory
        // A name with a plain comma has two levels at least: mostly that settles it.
        if directory.rootDepth > 1 || !dn.rawSpan.isPlainlySeveralLevels {
            let name = try DistinguishedName(parsing: dn.rawSpan)
            var canonical: [UInt8] = []
            try directory.schema.normalizeDN(name, into: &canonical)
            if canonical == directory.rootName { return (.root, directory.settings.rootPassword.map { [$0] } ?? []) }
        }
        return try worker.read { snapshot, state, _ throws(LDAPError) in
            let found = try state.resolution.resolve(dn.rawSpan, snapshot)
            do throws(EntryStoreError) {
                guard found.isComplete, let record = try snapshot.record(found.id),
                    let attribute = snapshot.catalogue.table.id(of: directory.known.userPassword)
                else { return (.anonymous, []) }
                // As slapd: the right to prove oneself by it is asked of the client as it is before, anonymous.
                let anonymous = AccessControl(.anonymous, origin, directory)
                guard anonymous.allows(.auth, AccessDatum(directory.known.userPassword), found.id, record, snapshot) else {
                    return (.anonymous, [])
                }
                var stored: [[UInt8]] = []
                var values = record.values(of: attribute)
                while let value = values.next() { stored.append(value.array) }
                var isAdministrator = false
                if let container = try? state.resolution.container(directory.administrators, snapshot) {
                    let isBelow = try snapshot.isInSubtree(found.id, of: container)
                    isAdministrator = isBelow && found.id != container
                }
                return (.entry(found.id, name: dn, isAdministrator: isAdministrator), stored)
            } catch { throw LDAPError(storage: error) }
        }
    }
}

/// A simple bind whose password is being compared.
private struct BindAttempt: Sendable {
    let directory: Directory
    let messageID: Int
    let operation: UInt64
    /// DN in string form.
    let name: [UInt8]
    /// Who the client is if the password is right; nil: it cannot be.
    let identity: Identity?

    func finish(_ isRight: Bool, _ session: Session, _ output: inout BERBuffer) {
        var code = ResultCode.invalidCredentials
        if isRight, let identity {
            session.identity = identity
            session.view = directory.view(of: identity)
            code = .success
        }
        output.appendResult(messageID: messageID, tag: OperationTag.bindResponse, code: code)
        let log = directory.log
        guard log.isEnabled else { return }
        if code == .success { log.bound(connection: session.connectionID, operation: operation, dn: name.rawSpan, mechanism: "SIMPLE") }
        log.result(
            connection: session.connectionID, operation: operation, tag: Int(OperationTag.bindResponse), code: code.rawValue, text: "")
    }
}
