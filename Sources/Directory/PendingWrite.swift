/// A change that was decoded and authorised as far as the request alone allows; the rest is checked inside the write transaction.
public struct PendingWrite: Sendable {
    public let messageID: Int
    init(messageID: Int) { self.messageID = messageID }
}
