public import BER
public import LDAP

/// A StartTLS request (RFC 4511 section 4.14) that is well formed. Whether the connection can follow it only the server knows: it gives
/// the answer, and begins the handshake when a success has been sent.
public struct PendingStartTLS: Sendable {
    private let directory: Directory
    private let messageID: Int
    private let operation: UInt64

    init(directory: Directory, messageID: Int, operation: UInt64) {
        self.directory = directory
        self.messageID = messageID
        self.operation = operation
    }

    /// Writes the answer: with nil that the handshake may begin.
    public func answer(_ refusal: LDAPError?, _ session: Session, _ output: inout BERBuffer) {
        let code = refusal?.code ?? .success
        let message = refusal?.message ?? ""
        output.appendExtendedResult(messageID: messageID, code: code, message: message, name: StartTLS.oid)
        if directory.log.isEnabled {
            directory.log.result(
                connection: session.connectionID, operation: operation, tag: Int(OperationTag.extendedResponse), code: code.rawValue,
                text: message)
        }
    }
}

extension Request {
    /// RFC 4511 section 4.14.1, RFC 4513 section 3.1.1.
    func startTLS(_ request: ExtendedRequest, _ controls: [Control], _ session: Session) throws(LDAPError) -> Disposition {
        _ = try StartTLS(decoding: request)
        guard directory.settings.offersStartTLS else { throw LDAPError(.protocolError, "TLS is not configured") }
        for control in controls where control.isCritical {
            throw LDAPError(.unavailableCriticalExtension, "critical control \(control.oid) is not supported for StartTLS")
        }
        if case .tls = session.protection { throw LDAPError(.operationsError, "TLS is established already") }
        return .startTLS(PendingStartTLS(directory: directory, messageID: messageID, operation: operation))
    }
}
