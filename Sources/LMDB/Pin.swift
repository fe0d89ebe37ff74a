import Synchronization

/// Keeps a state of a database while it lives: LMDB does not write over any page of it, nor of a later state.
final class Pin: @unchecked Sendable {
    // Sound: LMDB lets a read transaction (MDB_NOTLS) go from thread to thread, and here only one at a time does something with it: who has made
    // the pin gives it to a thread and waits for that thread before going on.
    let transaction: Transaction
    private let free = Mutex<FreePages?>(nil)

    /// Keeps the state of the last commit.
    init(_ environment: Environment) throws(LMDBError) { transaction = try environment.beginRead() }

    /// The pages that hold nothing in the state: asked for when a checkpoint of it is made, and again for the one after.
    /// - Parameter lastPage: the last page that the state uses.
    func freePages(lastPage: Int) throws(LMDBError) -> FreePages {
        if let known = free.withLock({ $0 }) { return known }
        let found = try FreePages(transaction, lastPage: lastPage)
        free.withLock { $0 = found }
        return found
    }
}
