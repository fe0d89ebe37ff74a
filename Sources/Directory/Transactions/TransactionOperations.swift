import BER
import EntryStore
import LDAP

extension Request {
    /// RFC 5805 section 3.2.
    func startTransaction(
        _ request: ExtendedRequest, _ given: [Control], _ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        _ = try StartTransaction(decoding: request)
        var controls = given
        // Section 4.4: here, not with the updates.
        let requester = try takeRequester(&controls, session, worker)
        try controls.demandNoneCritical("start transaction")
        guard !session.identity.isAnonymous, !requester.identity.isAnonymous else {
            throw LDAPError(.strongerAuthRequired, "transactions require authentication")
        }
        guard session.transaction == nil else {
            throw LDAPError(.busy, "a transaction is open in this connection already: transactions cannot be nested")
        }
        session.transactionCount += 1
        let identifier = Array(String(session.transactionCount).utf8)
        session.transaction = OpenTransaction(identifier: identifier, requester: requester)
        output.appendExtendedResult(messageID: messageID, code: .success, value: identifier)
        logResult(OperationTag.extendedResponse, .success, "", session)
        return .answered
    }

    /// RFC 5805 section 3.4.
    func endTransaction(
        _ request: ExtendedRequest, _ controls: [Control], _ session: Session, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        let end = try EndTransaction(decoding: request)
        // Section 4.4.
        if controls.contains(where: { $0.oid == ProxiedAuthorization.oid }) { throw TransactionMembership.misplacedProxy }
        try controls.demandNoneCritical("end transaction")
        guard let transaction = session.transaction, transaction.identifier == end.identifier else {
            throw TransactionMembership.invalidIdentifier
        }
        session.transaction = nil
        guard end.commits, !transaction.updates.isEmpty else {
            output.appendExtendedResult(
                messageID: messageID, code: .success, message: end.commits ? "" : "the transaction is given up")
            logResult(OperationTag.extendedResponse, .success, "", session)
            return .answered
        }
        let updates = transaction.updates
        var write = PendingWrite(
            messageID: messageID, tag: OperationTag.extendedResponse, isTentative: true, observed: observer(session)
        ) { transaction throws(LDAPError) in
            try Self.settle(updates, &transaction)
        }
        write.size = transaction.bytes
        return .write(write)
    }

    /// Makes the updates one after the other.
    /// - Throws: as the first that fails.
    private static func settle(_ updates: [PendingWrite], _ transaction: inout StoreTransaction) throws(LDAPError) -> WriteAnswer {
        var response = EndTransaction.Response()
        for update in updates {
            do throws(LDAPError) {
                let answer = try update.make(&transaction)
                guard answer.code == .success else {
                    // A referral: nobody can follow it on behalf of the transaction.
                    throw LDAPError(.affectsMultipleDSAs, "an entry of the transaction is held by another server", matchedDN: answer.matchedDN)
                }
                if !answer.controls.isEmpty { response.controls.append(.init(messageID: update.messageID, controls: answer.controls)) }
            } catch {
                throw LDAPError(
                    error.code, error.message, matchedDN: error.matchedDN,
                    responseValue: EndTransaction.Response(messageID: update.messageID).value)
            }
        }
        return WriteAnswer(value: response.value)
    }
}

/// Whether an update belongs to the transaction of its connection.
struct TransactionMembership: Sendable {
    let isMember: Bool

    static var invalidIdentifier: LDAPError {
        LDAPError(.transactionIDInvalid, "this connection has no transaction of that identifier")
    }
    static var misplacedProxy: LDAPError {
        LDAPError(.protocolError, "proxied authorization belongs to the start of the transaction")
    }

    /// Takes the transaction specification control out of a request's controls.
    /// - Throws: `transactionIDInvalid`, `protocolError`.
    init(taking controls: inout [Control], _ session: Session) throws(LDAPError) {
        guard let control = try controls.take(TransactionSpecification.oid) else {
            isMember = false
            return
        }
        let identifier = try TransactionSpecification(decoding: control).identifier
        guard let transaction = session.transaction, transaction.identifier == identifier else { throw Self.invalidIdentifier }
        if controls.contains(where: { $0.oid == ProxiedAuthorization.oid }) { throw Self.misplacedProxy }
        isMember = true
    }
}

/// Puts updates aside until their transaction ends.
struct TransactionQueue: Sendable {
    let directory: Directory
    let operation: UInt64
    /// Of the request.
    let bytes: Int
    /// Of the answer.
    let tag: UInt8

    /// Answers that the update waits, or why not. A transaction that grows too large is given up (RFC 5805 section 3.3).
    func take(_ update: PendingWrite, _ session: Session, _ output: inout BERBuffer) {
        var refusal: LDAPError?
        do throws(LDAPError) {
            guard var transaction = session.transaction else { throw TransactionMembership.invalidIdentifier }
            session.transaction = nil
            defer { session.transaction = transaction }
            if try !transaction.append(update, bytes: bytes) {
                refusal = LDAPError(
                    .adminLimitExceeded,
                    "a transaction may have \(OpenTransaction.maximumUpdates) updates of \(OpenTransaction.maximumBytes) bytes together")
            }
        } catch {
            return answer(WriteAnswer(error), update, session, &output)
        }
        guard let refusal, let identifier = session.transaction?.identifier else {
            return answer(WriteAnswer(), update, session, &output)
        }
        answer(WriteAnswer(refusal), update, session, &output)
        session.transaction = nil
        output.appendAbortedTransaction(identifier: identifier, code: refusal.code, message: refusal.message)
    }

    private func answer(_ answer: WriteAnswer, _ update: PendingWrite, _ session: Session, _ output: inout BERBuffer) {
        output.append(answer.encode(messageID: update.messageID, tag: tag))
        let log = directory.log
        if log.isEnabled {
            log.result(
                connection: session.connectionID, operation: operation, tag: Int(tag), code: answer.code.rawValue, text: answer.message)
        }
    }
}

extension [Control] {
    /// - Throws: `unavailableCriticalExtension` if one of them is critical.
    func demandNoneCritical(_ what: StaticString) throws(LDAPError) {
        for control in self where control.isCritical {
            throw LDAPError(.unavailableCriticalExtension, "critical control \(control.oid) is not supported for \(what)")
        }
    }
}
