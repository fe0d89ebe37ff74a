/// Keeps a state of a database while it lives: LMDB does not write over any page of it, nor of a later state.
final class Pin: @unchecked Sendable {
    // Sound: LMDB lets a read transaction (MDB_NOTLS) go from thread to thread, and here only one at a time does something with it: who has made
    // the pin gives it to a thread and waits for that thread before going on.
    let transaction: Transaction

    /// Keeps the state of the last commit.
    init(_ environment: Environment) throws(LMDBError) { transaction = try environment.beginRead() }
}
