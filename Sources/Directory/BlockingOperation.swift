public import BER

/// An operation in two halves: the first on a thread pool, the second back on the session's event loop.
public struct BlockingOperation: Sendable {
    public let messageID: Int
    /// Whether ``work`` mostly waits for another server, and uses hardly any processor time.
    public let waitsForOthers: Bool
    /// Any thread; may take tens of milliseconds. Its result goes to ``finish``.
    public let work: @Sendable () -> any Sendable
    /// On the session's event loop: changes the session (its identity, for a bind) and writes the answer; or gives a change to be
    /// handed to ``Directory/submit(_:completion:)``, which then brings the answer (a password that was hashed and is to be stored).
    public let finish: @Sendable (_ result: any Sendable, _ session: Session, _ output: inout BERBuffer) -> PendingWrite?

    public init(
        messageID: Int, waitsForOthers: Bool = false, work: @escaping @Sendable () -> any Sendable,
        finish: @escaping @Sendable (any Sendable, Session, inout BERBuffer) -> PendingWrite?
    ) {
        self.messageID = messageID
        self.waitsForOthers = waitsForOthers
        self.work = work
        self.finish = finish
    }
}
