public import BER
public import LDAP

/// What each LDAP operation means. Shared by all threads of a server.
public final class Directory: Sendable {
    public init() {}

    /// Handles one complete LDAPMessage.
    ///
    /// Answers are appended to `output`; what cannot be answered at once is handed back as a ``Disposition``.
    public func handle(_ pdu: RawSpan, session: Session, worker: DirectoryWorker, output: inout BERBuffer) -> Disposition {
        .close
    }

    /// Hands a change to the writer. `completion` is called on the writer's thread, once, with the finished answer message(s),
    /// after the change is on disk (or was refused).
    public func submit(_ write: PendingWrite, completion: @escaping @Sendable (_ answer: [UInt8]) -> Void) {
        completion([])
    }

    /// Writes the notice of disconnection (RFC 4511 section 4.4.1).
    public func writeNoticeOfDisconnection(_ code: ResultCode, _ message: String, output: inout BERBuffer) {}
}
