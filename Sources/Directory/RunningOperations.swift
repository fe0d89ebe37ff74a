/// The searches of one connection that have left its event loop: what an abandon can reach (RFC 4511 section 4.11).
///
/// Confined to the connection's event loop. Holds a handful, so it is searched one by one.
/// Changes are not kept here: once handed to the writer they are carried out.
public struct RunningOperations {
    private var searches: [LongSearch] = []

    public init() {}

    /// How many searches run.
    public var count: Int { searches.count }

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

    /// Stops all: the connection has ended.
    public func abandonAll() {
        for search in searches { search.cancel() }
    }
}
