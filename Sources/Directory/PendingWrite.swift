import EntryStore

/// A change that was decoded and authorised as far as the request alone allows; the rest is checked inside the write transaction.
public struct PendingWrite: Sendable {
    public let messageID: Int
    /// Checks, then changes; the finished answer message.
    let body: @Sendable (inout StoreTransaction) -> [UInt8]
    /// The answer message if the storage fails.
    let failed: @Sendable (EntryStoreError) -> [UInt8]

    init(
        messageID: Int, body: @escaping @Sendable (inout StoreTransaction) -> [UInt8],
        failed: @escaping @Sendable (EntryStoreError) -> [UInt8]
    ) {
        self.messageID = messageID
        self.body = body
        self.failed = failed
    }
}
