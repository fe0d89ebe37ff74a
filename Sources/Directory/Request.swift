import BER
import LDAP

/// One request being handled: its bytes, and what every operation needs of them. The operations are extensions, a file each.
struct Request: ~Escapable {
    let directory: Directory
    let pdu: RawSpan
    let envelope: LDAPEnvelope
    /// Number of the operation in its connection, for the log.
    let operation: UInt64

    @_lifetime(copy pdu)
    init(directory: Directory, pdu: RawSpan, envelope: LDAPEnvelope, operation: UInt64) {
        self.directory = directory
        self.pdu = pdu
        self.envelope = envelope
        self.operation = operation
    }

    var messageID: Int { envelope.messageID }

    func decodeControls() throws(LDAPError) -> [Control] {
        guard let range = envelope.controls else { return [] }
        return try Controls.decode(pdu, range)
    }

    /// Answers with an error, and logs it.
    func refuse(_ error: LDAPError, _ session: Session, _ output: inout BERBuffer) -> Disposition {
        directory.counters.note(error, directory.settings.decoding)
        guard let tag = OperationTag.response(to: envelope.operation) else { return .answered }
        output.appendResult(messageID: messageID, tag: tag, error: error)
        logResult(tag, error.code, error.message, session)
        return .answered
    }

    func logResult(_ tag: UInt8, _ code: ResultCode, _ message: String, _ session: Session) {
        let log = directory.log
        if log.isEnabled {
            log.result(
                connection: session.connectionID, operation: operation, tag: Int(tag), code: code.rawValue, text: message)
        }
    }

    /// RFC 4511 section 4.11. Changes that were handed to the writer are carried out all the same.
    func abandon(_ session: Session) -> Disposition {
        guard let request = try? AbandonRequest(decoding: pdu, envelope.contents) else { return .answered }
        if directory.log.isEnabled {
            directory.log.abandon(connection: session.connectionID, operation: operation, messageID: request.messageID)
        }
        session.operations.abandon(request.messageID)
        return .answered
    }
}
