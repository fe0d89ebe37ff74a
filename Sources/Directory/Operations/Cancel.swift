import BER
import LDAP

extension Request {
    /// RFC 3909. Changes are carried out once they were handed to the writer, so they cannot be cancelled.
    func cancel(
        _ request: ExtendedRequest, _ controls: [Control], _ session: Session, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        let cancel = try Cancel(decoding: request)
        try controls.demandNoneCritical("cancel")
        switch session.operations.cancel(cancel.messageID) {
        case .cancelled: break
        case .tooLate: throw LDAPError(.tooLate, "the operation is at its end")
        case .unknown: throw LDAPError(.noSuchOperation, "no operation of message ID \(cancel.messageID) is under way")
        }
        output.appendExtendedResult(messageID: messageID, code: .success)
        logResult(OperationTag.extendedResponse, .success, "", session)
        return .answered
    }
}
