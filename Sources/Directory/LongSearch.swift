public import BER
public import LDAP

/// A search under way that left its event loop. Used by one thread at a time: whoever runs it owns it.
public final class LongSearch: @unchecked Sendable {
    // Sound: handed from thread to thread, never shared; `cancelled` alone is touched from elsewhere, and is atomic.
    /// The request's message id: what an abandon names.
    public let messageID: Int

    public enum Progress: Sendable {
        /// The output holds a chunk of entries; call again when it was taken.
        case more
        /// The output ends with the search result done (nothing at all if it was abandoned).
        case done
    }

    init(messageID: Int) { self.messageID = messageID }

    /// Produces the next chunk of answers, about `limit` bytes at most, from a snapshot of its own that is given up before this returns.
    public func advance(worker: DirectoryWorker, limit: Int, output: inout BERBuffer) -> Progress { .done }

    /// Makes the next ``advance(worker:limit:output:)`` stop without an answer (abandon, connection lost). Any thread may call it.
    public func cancel() {}
}
