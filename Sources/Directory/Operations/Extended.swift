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
            case WhoAmI.oid: return try whoAmI(request, controls, session, &output)
            case PasswordModify.oid:
                try session.demandConfidentiality(directory.settings)
                return try passwordModify(request, controls, session)
            case StartTLS.oid: return try startTLS(request, controls, session)
            default: throw LDAPError(.protocolError, "extended operation \(request.name) is not supported")
            }
        } catch {
            return refuse(error, session, &output)
        }
    }

    /// RFC 4532.
    private func whoAmI(
        _ request: ExtendedRequest, _ controls: [Control], _ session: Session, _ output: inout BERBuffer
    ) throws(LDAPError) -> Disposition {
        _ = try WhoAmI(decoding: request)
        for control in controls where control.isCritical {
            throw LDAPError(.unavailableCriticalExtension, "critical control \(control.oid) is not supported for Who am I")
        }
        if directory.log.isEnabled { directory.log.whoAmI(connection: session.connectionID, operation: operation) }
        let name: [UInt8] =
            switch session.identity {
            case .anonymous: []
            case .root: Array(directory.settings.rootName.utf8)
            case .entry(_, let name, _): name
            }
        output.appendExtendedResult(
            messageID: messageID, code: .success, value: WhoAmI.responseValue(authorizedDN: name))
        logResult(OperationTag.extendedResponse, .success, "", session)
        return .answered
    }
}
