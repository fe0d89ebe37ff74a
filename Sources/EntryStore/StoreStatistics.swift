public import LMDB
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The state of the database, for people who watch over it.
public struct StoreStatistics: Sendable, Hashable {
    /// Bytes of a page.
    public var pageSize = 0
    /// The most that the file can grow to, in bytes.
    public var mapSize = 0
    /// Bytes of the file in use, free pages among them.
    public var usedSize = 0
    /// Pages within that which hold nothing, and are used before the file grows.
    public var freePages = 0
    /// Number of the last commit.
    public var lastCommit = 0
    /// Entries.
    public var entries = 0
    /// What the parts of the database take.
    public var tables: [Table] = []

    /// A part of the database.
    public struct Table: Sendable, Hashable {
        public var name: String
        /// Bytes of its pages.
        public var size: Int

        public init(name: String, size: Int) {
            self.name = name
            self.size = size
        }
    }

    /// Read transactions that are open, of this and other processes.
    public var readers = 0
    /// The one with the oldest state; nil if none is open. If it stays while ``lastCommit`` goes on, the file grows on its account.
    public var oldestReader: OpenReader?
    /// Commits since the state of the oldest reader.
    public var commitsSinceOldestReader: Int { oldestReader.map { max(0, lastCommit - $0.transaction) } ?? 0 }
}

/// What the ``Writer`` has done since it started.
public struct WriterStatistics: Sendable, Hashable {
    /// Changes handed in that wait, and the bytes of their requests.
    public var waiting = 0
    public var waitingBytes = 0
    /// Transactions that changed something; changes answered from a transaction (refused ones too); the most in one.
    public var commits: UInt64 = 0
    public var operations: UInt64 = 0
    public var largestGroup = 0
    /// Changes that the storage could not make, and why the last of them could not.
    public var failures: UInt64 = 0
    public var lastFailure: String?

    mutating func noteGroup(_ count: Int, isCommitted: Bool) {
        if isCommitted { commits += 1 }
        operations += UInt64(count)
        largestGroup = max(largestGroup, count)
    }

    mutating func noteFailure(_ count: Int, _ error: EntryStoreError) {
        failures += UInt64(count)
        lastFailure = error.message
    }
}

extension EntryStore {
    /// Looks at the database. It reads the list of free pages, which can take milliseconds: not for each request.
    public func statistics() throws(EntryStoreError) -> StoreStatistics {
        do {
            let information = environment.information
            var statistics = StoreStatistics()
            statistics.pageSize = environment.pageSize
            statistics.mapSize = information.mapSize
            statistics.usedSize = information.usedSize
            statistics.lastCommit = information.lastTransaction
            // Before its own read transaction begins.
            var readers = try environment.openReaders()
            // Those that read nothing, and end when it is worth it.
            for commit in kept.commits {
                if let place = readers.firstIndex(where: { $0.process == getpid() && $0.transaction == commit }) { readers.remove(at: place) }
            }
            statistics.readers = readers.count
            statistics.oldestReader = readers.min { $0.transaction < $1.transaction }
            let transaction = try environment.beginRead()
            statistics.freePages = try transaction.freePages()
            statistics.entries = try transaction.count(of: databases.entries)
            for (name, database) in [
                ("Entries", databases.entries), ("Names", databases.names), ("Indexes", databases.indexes), ("Change Log", databases.log),
                ("Deleted Entries", databases.deleted),
            ] {
                statistics.tables.append(StoreStatistics.Table(name: name, size: try transaction.size(of: database)))
            }
            return statistics
        } catch { throw EntryStoreError(error) }
    }
}
