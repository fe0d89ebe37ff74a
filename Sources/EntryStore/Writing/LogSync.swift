import LMDB

/// Has the disk take what was written ahead while the writer's thread goes on with the same transaction.
final class LogSync: Sendable {
    private let records: BoundedQueue<WriteAheadLog.Pending>
    private let results: BoundedQueue<LMDBError?>

    /// Starts its thread.
    init() throws(EntryStoreError) {
        let records = BoundedQueue<WriteAheadLog.Pending>(limit: 1)
        let results = BoundedQueue<LMDBError?>(limit: 1)
        (self.records, self.results) = (records, results)
        _ = try BackgroundThread {
            while let record = records.take() {
                var failure: LMDBError?
                do throws(LMDBError) { try record.sync() } catch { failure = error }
                guard results.put(failure) else { return }
            }
        }
    }

    deinit { stop() }

    /// A record on its way to the disk.
    struct Running: ~Copyable {
        private let record: WriteAheadLog.Pending
        private let results: BoundedQueue<LMDBError?>
        private var isOver = false

        fileprivate init(_ record: WriteAheadLog.Pending, _ results: BoundedQueue<LMDBError?>) {
            (self.record, self.results) = (record, results)
        }

        /// Returns when it is there.
        mutating func wait() throws(LMDBError) {
            isOver = true
            guard let result = results.take() else { return try record.sync() }
            if let failure = result { throw failure }
        }

        // The next record's result must be its own.
        deinit { if !isOver { _ = results.take() } }
    }

    /// Nil once it was stopped. There must be no other record on its way.
    func begin(_ record: WriteAheadLog.Pending) -> Running? { records.put(record) ? Running(record, results) : nil }

    /// Ends the thread.
    func stop() {
        records.close()
        results.close()
    }
}
