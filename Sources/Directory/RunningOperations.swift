/// The operations of one connection that have left its event loop: what an abandon (RFC 4511 section 4.11) and a cancel (RFC 3909) can
/// reach.
///
/// Confined to the connection's event loop. Holds a handful, so it is searched one by one.
/// Changes are known by their message IDs alone: once handed to the writer they are carried out.
public struct RunningOperations {
    private var searches: [LongSearch] = []
    /// Message IDs of the changes under way.
    private var writes: [Int] = []

    public init() {}

    /// How many operations are under way.
    public var count: Int { searches.count + writes.count }

    /// Remembers a change that was handed to the writer.
    public mutating func register(_ write: PendingWrite) { writes.append(write.messageID) }

    /// Forgets a change that is answered.
    public mutating func completeWrite(_ messageID: Int) {
        if let index = writes.firstIndex(of: messageID) {
            writes.swapAt(index, writes.count - 1)
            writes.removeLast()
            if writes.isEmpty { writes = [] }  // an idle connection keeps no memory
        }
    }

    /// Remembers a search that was handed to a search thread.
    public mutating func register(_ search: LongSearch) { searches.append(search) }

    /// Forgets a search that has ended.
    public mutating func complete(_ search: LongSearch) {
        if let index = searches.firstIndex(where: { $0 === search }) {
            searches.swapAt(index, searches.count - 1)
            searches.removeLast()
            if searches.isEmpty { searches = [] }  // an idle connection keeps no memory
        }
    }

    /// Makes the search with this message id stop without an answer; one that does not exist is ignored, as the RFC asks.
    public func abandon(_ messageID: Int) {
        for search in searches where search.messageID == messageID { search.cancel() }
    }

    /// What became of a wish to cancel.
    enum Cancellation { case cancelled, tooLate, unknown }

    /// Makes the search with this message id end with the result `canceled`.
    func cancel(_ messageID: Int) -> Cancellation {
        var isEnded = false
        for search in searches where search.messageID == messageID {
            switch search.cancelWithAnswer() {
            case .granted: return .cancelled
            case .tooLate: isEnded = true
            case .alreadyGranted: break
            }
        }
        return isEnded || writes.contains(messageID) ? .tooLate : .unknown
    }

    /// Stops all: the connection has ended.
    public func abandonAll() {
        for search in searches { search.cancel() }
    }
}
