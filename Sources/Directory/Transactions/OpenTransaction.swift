import LDAP

/// A transaction (RFC 5805) that a client is putting together: updates that wait for its end. In memory only: nothing is locked.
///
/// One per connection, bounded in number and bytes of its updates; forgotten with the next bind and with the connection.
struct OpenTransaction {
    /// What names it, in this connection alone.
    let identifier: [UInt8]
    /// Whose rights its updates have.
    let requester: Requester
    /// In the order they came.
    private(set) var updates: [PendingWrite] = []
    private var messageIDs: Set<Int> = []
    /// Of the requests so far.
    private(set) var bytes = 0

    /// Updates in one transaction at most.
    static let maximumUpdates = 1000
    /// Bytes of their requests at most.
    static let maximumBytes = 4 << 20

    init(identifier: [UInt8], requester: Requester) {
        self.identifier = identifier
        self.requester = requester
    }

    /// Adds an update; false if that would be too much.
    /// - Throws: `protocolError` for a message ID that another update has (RFC 5805 section 3.3), `unwillingToPerform` for an update
    ///   that is not to be made.
    mutating func append(_ update: PendingWrite, bytes size: Int) throws(LDAPError) -> Bool {
        guard !update.isTentative else {
            throw LDAPError(.unwillingToPerform, "the no-op control is not for updates of a transaction")
        }
        guard !update.isAlone else {
            throw LDAPError(.unwillingToPerform, "changes of the schema are not for transactions")
        }
        guard !messageIDs.contains(update.messageID) else {
            throw LDAPError(.protocolError, "another update of the transaction has the message ID \(update.messageID)")
        }
        guard updates.count < Self.maximumUpdates, bytes + size <= Self.maximumBytes else { return false }
        messageIDs.insert(update.messageID)
        updates.append(update)
        bytes += size
        return true
    }
}
