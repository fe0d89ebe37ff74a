import EntryStore

/// A change that was decoded and authorised as far as the request alone allows; the rest is checked inside the write transaction.
public struct PendingWrite: Sendable {
    public let messageID: Int
    /// Checks, then changes; the finished answer message.
    let body: @Sendable (inout StoreTransaction) -> Writer.Answer
    /// The answer message if the storage fails.
    let failed: @Sendable (EntryStoreError) -> Writer.Answer
    /// Bytes of the request.
    var size = 0

    init(
        messageID: Int, body: @escaping @Sendable (inout StoreTransaction) -> Writer.Answer,
        failed: @escaping @Sendable (EntryStoreError) -> Writer.Answer
    ) {
        self.messageID = messageID
        self.body = body
        self.failed = failed
    }
}
