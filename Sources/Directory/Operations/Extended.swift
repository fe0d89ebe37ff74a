import BER
import LDAP
import Schema

extension Request {
    /// RFC 4511 section 4.12.
    func extended(_ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer) -> Disposition {
        do throws(LDAPError) {
            let request = try ExtendedRequest(decoding: pdu, envelope.contents)
            if directory.log.isEnabled {
                directory.log.extended(connection: session.connectionID, operation: operation, name: Array(request.name.utf8).rawSpan)
            }
            let controls = try decodeControls()
            switch request.name {
            case WhoAmI.oid: return try whoAmI(request, controls, session, worker, &output)
            case PasswordModify.oid:
                try session.demandConfidentiality(directory.settings)
                return try passwordModify(request, controls, session, worker)
            case StartTLS.oid: return try startTLS(request, controls, session)
            case Cancel.oid: return try cancel(request, controls, session, &output)
            case StartTransaction.oid: return try startTransaction(request, controls, session, worker, &output)
            case EndTransaction.oid: return try endTransaction(request, controls, session, &output)
            default: throw LDAPError(.protocolError, "extended operation \(request.name) is not supported")
            }
        } catch {
            return refuse(error, session, &output)
        }
    }

    /// RFC 4532.
    private func whoAmI(
        _ request: ExtendedRequest, _ given: [Control], _ session: Session, _ worker: DirectoryWorker, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        _ = try WhoAmI(decoding: request)
        var controls = given
        let requester = try takeRequester(&controls, session, worker)
        try controls.demandNoneCritical("Who am I")
        if directory.log.isEnabled { directory.log.whoAmI(connection: session.connectionID, operation: operation) }
        let name = directory.nameForRecords(requester.identity)
        output.appendExtendedResult(
            messageID: messageID, code: .success, value: WhoAmI.responseValue(authorizedDN: name))
        logResult(OperationTag.extendedResponse, .success, "", session)
        return .answered
    }
}
