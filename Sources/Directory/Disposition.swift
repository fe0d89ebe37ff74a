import BER
import LDAP

/// What becomes of a request that ``Directory/handle(_:session:worker:output:)`` was given.
public enum Disposition {
    /// Done: all answers (none for an abandon) are in the output.
    case answered
    /// The connection is to be closed after what is in the output was sent (unbind: nothing; broken bytes: the notice of disconnection).
    case close
    /// A search that takes longer than an event loop may give: to be gone on with on a search thread.
    case search(LongSearch)
    /// Work that uses much processor time or waits (password hashing): to be run on a thread pool.
    /// Until it ends no other request of this session may be handled (RFC 4511 section 4.2.1 for bind).
    case blocking(BlockingOperation)
    /// A change: to be handed to ``Directory/submit(_:completion:)``.
    case write(PendingWrite)
    /// TLS is wanted: to be answered, and followed, by the server.
    case startTLS(PendingStartTLS)
}
