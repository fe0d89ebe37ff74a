import BER
import LDAP
import Schema

extension Request {
    /// The operations that change the directory: decoded and checked here, carried out by the writer.
    func write(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) -> Disposition {
        do throws(LDAPError) {
            let disposition = try prepare(session, worker, &output)
            guard case .write(var write) = disposition else { return disposition }
            write.size = pdu.byteCount
            return .write(write)
        } catch {
            return refuse(error, session, &output)
        }
    }

    private func prepare(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) throws(LDAPError) -> Disposition {
        let log = directory.log
        let connection = session.connectionID
        let observed = observer(session)
        let directory = self.directory
        let messageID = self.messageID
        switch envelope.operation {
        case OperationTag.addRequest:
            let request = try AddRequest(decoding: pdu, envelope.contents)
            if log.isEnabled { log.add(connection: connection, operation: operation, dn: request.entry.rawSpan) }
            let circumstances = try circumstances(decodeControls(), session, worker)
            return handOver(
                try PendingWrite.prepared(directory) { directory throws(LDAPError) in
                    try directory.prepareAdd(
                        request, messageID: messageID, controls: circumstances.controls, for: circumstances.requester, observed: observed)
                }, circumstances, session, &output)
        case OperationTag.deleteRequest:
            let request = try DeleteRequest(decoding: pdu, envelope.contents)
            if log.isEnabled { log.delete(connection: connection, operation: operation, dn: request.entry.rawSpan) }
            let circumstances = try circumstances(decodeControls(), session, worker)
            return handOver(
                try PendingWrite.prepared(directory) { directory throws(LDAPError) in
                    try directory.prepareDelete(
                        request, messageID: messageID, controls: circumstances.controls, for: circumstances.requester, observed: observed)
                }, circumstances, session, &output)
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
            let circumstances = try circumstances(decodeControls(), session, worker)
            let prepare: @Sendable () throws(LDAPError) -> PendingWrite = { () throws(LDAPError) in
                try PendingWrite.prepared(directory) { directory throws(LDAPError) in
                    try directory.prepareModify(
                        request, messageID: messageID, controls: circumstances.controls, for: circumstances.requester, observed: observed)
                }
            }
            // A password's rules may compare it with a history of slow hashes.
            guard directory.passwordRules != nil, directory.isPasswordChange(request, only: false) else {
                return handOver(try prepare(), circumstances, session, &output)
            }
            return prepareElsewhere(OperationTag.modifyResponse, circumstances, observed, prepare)
        default:
            let request = try ModifyDNRequest(decoding: pdu, envelope.contents)
            if log.isEnabled { log.modifyDN(connection: connection, operation: operation, dn: request.entry.rawSpan) }
            let circumstances = try circumstances(decodeControls(), session, worker)
            return handOver(
                try PendingWrite.prepared(directory) { directory throws(LDAPError) in
                    try directory.prepareModifyDN(
                        request, messageID: messageID, controls: circumstances.controls, for: circumstances.requester, observed: observed)
                }, circumstances, session, &output)
        }
    }

    /// Under which circumstances a change is made: on whose behalf, and whether at once.
    private struct Circumstances: Sendable {
        var requester: Requester
        /// Where it waits, if it belongs to a transaction.
        var queue: TransactionQueue?
        /// The controls that say how it is made.
        var controls: [Control]
    }

    private func circumstances(
        _ given: [Control], _ session: Session, _ worker: DirectoryWorker
    ) throws(LDAPError) -> Circumstances {
        if given.isEmpty { return Circumstances(requester: Requester(session, directory), controls: []) }
        var controls = given
        let isMember = try TransactionMembership(taking: &controls, session).isMember
        guard isMember, let transaction = session.transaction else {
            return Circumstances(requester: try takeRequester(&controls, session, worker), controls: controls)
        }
        let queue = TransactionQueue(
            directory: directory, operation: operation, bytes: pdu.byteCount,
            tag: OperationTag.response(to: envelope.operation) ?? OperationTag.extendedResponse)
        return Circumstances(requester: transaction.requester, queue: queue, controls: controls)
    }

    /// Gives a change to the writer, or has it wait for the end of its transaction.
    private func handOver(
        _ write: PendingWrite, _ circumstances: Circumstances, _ session: Session, _ output: inout BERBuffer
    ) -> Disposition {
        guard let queue = circumstances.queue else { return .write(write) }
        queue.take(write, session, &output)
        return .answered
    }

    /// Password Modify (RFC 3062). Hashing is for a thread pool; the change itself then goes to the writer.
    func passwordModify(
        _ extended: ExtendedRequest, _ controls: [Control], _ session: Session, _ worker: DirectoryWorker
    ) throws(LDAPError) -> Disposition {
        let request = try PasswordModify(decoding: extended)
        if directory.log.isEnabled {
            let userIdentity = request.userIdentity ?? []
            directory.log.passwordModify(
                connection: session.connectionID, operation: operation, identity: userIdentity.rawSpan,
                old: request.oldPassword != nil, new: request.newPassword != nil)
        }
        let directory = self.directory
        let messageID = self.messageID
        let observed = observer(session)
        let circumstances = try circumstances(controls, session, worker)
        if circumstances.queue != nil, request.newPassword == nil {
            throw LDAPError(.unwillingToPerform, "a password cannot be made up inside a transaction: nobody would learn it")
        }
        return prepareElsewhere(OperationTag.extendedResponse, circumstances, observed) { () throws(LDAPError) in
            try PendingWrite.prepared(directory) { directory throws(LDAPError) in
                try directory.preparePasswordModify(
                    request, messageID: messageID, controls: circumstances.controls, for: circumstances.requester, observed: observed)
            }
        }
    }

    /// Has a change checked on the thread pool, then handed to the writer.
    private func prepareElsewhere(
        _ tag: UInt8, _ circumstances: Circumstances, _ observed: @escaping @Sendable (WriteAnswer) -> Void,
        _ prepare: @escaping @Sendable () throws(LDAPError) -> PendingWrite
    ) -> Disposition {
        let messageID = self.messageID
        let queue = circumstances.queue
        return .blocking(
            BlockingOperation(
                messageID: messageID,
                work: { Result { () throws(LDAPError) in try prepare() } },
                finish: { result, session, output in
                    guard let result = result as? Result<PendingWrite, LDAPError> else { return nil }
                    switch result {
                    case .success(let write):
                        guard let queue else { return write }
                        queue.take(write, session, &output)
                        return nil
                    case .failure(let error):
                        let answer = WriteAnswer(error)
                        observed(answer)
                        output.append(answer.encode(messageID: messageID, tag: tag))
                        return nil
                    }
                }))
    }

    /// Logs the result of a change when it is known.
    func observer(_ session: Session) -> @Sendable (WriteAnswer) -> Void {
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
