import BER
import LDAP
import Schema

extension Request {
    /// The operations that change the directory: decoded and checked here, carried out by the writer.
    func write(_ session: Session, _ output: inout BERBuffer) -> Disposition {
        do throws(LDAPError) {
            let disposition = try prepare(session)
            guard case .write(var write) = disposition else { return disposition }
            write.size = pdu.byteCount
            return .write(write)
        } catch {
            return refuse(error, session, &output)
        }
    }

    private func prepare(_ session: Session) throws(LDAPError) -> Disposition {
        let log = directory.log
        let connection = session.connectionID
        let identity = session.identity
        let origin = session.origin
        let observed = observer(session)
        switch envelope.operation {
        case OperationTag.addRequest:
            let request = try AddRequest(decoding: pdu, envelope.contents)
            if log.isEnabled { log.add(connection: connection, operation: operation, dn: request.entry.rawSpan) }
            return .write(
                try directory.prepareAdd(
                    request, messageID: messageID, controls: decodeControls(), identity: identity, origin: origin, observed: observed))
        case OperationTag.deleteRequest:
            let request = try DeleteRequest(decoding: pdu, envelope.contents)
            if log.isEnabled { log.delete(connection: connection, operation: operation, dn: request.entry.rawSpan) }
            return .write(
                try directory.prepareDelete(
                    request, messageID: messageID, controls: decodeControls(), identity: identity, origin: origin, observed: observed))
        case OperationTag.modifyRequest:
            let request = try ModifyRequest(decoding: pdu, envelope.contents)
            if log.isEnabled {
                log.modify(connection: connection, operation: operation, dn: request.object.rawSpan) { line in
                    for (index, change) in request.changes.enumerated() {
                        if index > 0 { line.text(" ") }
                        line.escaped(change.attribute.description.rawSpan)
                    }
                }
            }
            let controls = try decodeControls()
            let directory = self.directory
            let messageID = self.messageID
            let prepare: @Sendable () throws(LDAPError) -> PendingWrite = { () throws(LDAPError) in
                try directory.prepareModify(
                    request, messageID: messageID, controls: controls, identity: identity, origin: origin, observed: observed)
            }
            // A password's rules may compare it with a history of slow hashes.
            guard directory.passwordRules != nil, directory.isPasswordChange(request, only: false) else { return .write(try prepare()) }
            return prepareElsewhere(OperationTag.modifyResponse, observed, prepare)
        default:
            let request = try ModifyDNRequest(decoding: pdu, envelope.contents)
            if log.isEnabled { log.modifyDN(connection: connection, operation: operation, dn: request.entry.rawSpan) }
            return .write(
                try directory.prepareModifyDN(
                    request, messageID: messageID, controls: decodeControls(), identity: identity, origin: origin, observed: observed))
        }
    }

    /// Password Modify (RFC 3062). Hashing is for a thread pool; the change itself then goes to the writer.
    func passwordModify(_ extended: ExtendedRequest, _ controls: [Control], _ session: Session) throws(LDAPError) -> Disposition {
        let request = try PasswordModify(decoding: extended)
        if directory.log.isEnabled {
            let userIdentity = request.userIdentity ?? []
            directory.log.passwordModify(
                connection: session.connectionID, operation: operation, identity: userIdentity.rawSpan,
                old: request.oldPassword != nil, new: request.newPassword != nil)
        }
        let directory = self.directory
        let messageID = self.messageID
        let identity = session.identity
        let origin = session.origin
        let observed = observer(session)
        return prepareElsewhere(OperationTag.extendedResponse, observed) { () throws(LDAPError) in
            try directory.preparePasswordModify(
                request, messageID: messageID, controls: controls, identity: identity, origin: origin, observed: observed)
        }
    }

    /// Has a change checked on the thread pool, then handed to the writer.
    private func prepareElsewhere(
        _ tag: UInt8, _ observed: @escaping @Sendable (WriteAnswer) -> Void,
        _ prepare: @escaping @Sendable () throws(LDAPError) -> PendingWrite
    ) -> Disposition {
        let messageID = self.messageID
        return .blocking(
            BlockingOperation(
                messageID: messageID,
                work: { Result { () throws(LDAPError) in try prepare() } },
                finish: { result, _, output in
                    guard let result = result as? Result<PendingWrite, LDAPError> else { return nil }
                    switch result {
                    case .success(let write): return write
                    case .failure(let error):
                        let answer = WriteAnswer(error)
                        observed(answer)
                        output.append(answer.encode(messageID: messageID, tag: tag))
                        return nil
                    }
                }))
    }

    /// Logs the result of a change when it is known.
    private func observer(_ session: Session) -> @Sendable (WriteAnswer) -> Void {
        let log = directory.log
        guard log.isEnabled else { return { _ in } }
        let connection = session.connectionID
        let operation = self.operation
        let tag = Int(OperationTag.response(to: envelope.operation) ?? 0)
        return { answer in
            log.result(connection: connection, operation: operation, tag: tag, code: answer.code.rawValue, text: answer.message)
        }
    }
}
