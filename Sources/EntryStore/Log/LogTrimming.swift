import BER
import LMDB

extension StoreTransaction {
    /// Removes what the limits do not let stay, so many records of each kind at most.
    /// - Returns: whether there may be more to remove.
    @discardableResult
    public mutating func trimLog(limit: Int = 4096) throws(EntryStoreError) -> Bool {
        let limits = snapshot.store.options.log
        let databases = snapshot.store.databases
        let now = Journal.clock()
        var left = limit
        while left > 0, let number = try oldest(in: databases.log, maxAge: limits.maxAge, maxSize: limits.maxSize, now) {
            let next = number + 1
            do {
                let key = EntryID(rawValue: number).key
                try snapshot.transaction.delete(unsafe key.span.bytes, in: databases.log)
                // The numbers go on where they were.
                if try snapshot.transaction.count(of: databases.log) == 0 {
                    try Metadata.set(.nextChange, next, &snapshot.transaction, databases)
                }
            } catch { throw spoil(EntryStoreError(error)) }
            left -= 1
        }
        let logIsDone = left > 0
        left = limit
        // Nothing is kept any more if the setting says so.
        let kept = max(limits.keepDeleted, 0)
        while left > 0, let number = try oldest(in: databases.deleted, maxAge: kept == 0 ? -1 : kept, maxSize: 0, now) {
            try removeDeleted(number)
            left -= 1
        }
        return !logIsDone || left == 0
    }

    /// The oldest record, if it has to go.
    /// - Parameter maxAge: seconds; 0: none; below: every record is too old.
    private func oldest(in database: Database, maxAge: Int, maxSize: Int, _ now: Int64) throws(EntryStoreError) -> UInt64? {
        do {
            guard let pair = try snapshot.transaction.first(in: database), let number = EntryID(key: pair.key) else { return nil }
            let time = ChangeRecord.time(of: pair.value) ?? 0
            let isOld = maxAge < 0 || maxAge > 0 && (now - time) / 1_000_000 >= maxAge
            if isOld { return number.rawValue }
            guard maxSize > 0 else { return nil }
            return try snapshot.transaction.size(of: database) > maxSize ? number.rawValue : nil
        } catch { throw EntryStoreError(error) }
    }

    /// Forgets a deleted entry: it was restored, or its time is over.
    public mutating func removeDeleted(_ number: UInt64) throws(EntryStoreError) {
        let databases = snapshot.store.databases
        do {
            let key = EntryID(rawValue: number).key
            var uuid: [UInt8] = []
            if let bytes = try snapshot.transaction.get(unsafe key.span.bytes, in: databases.deleted),
                let record = ChangeRecord(number: number, bytes)
            {
                uuid = DeletedKey.name(record.uuid)
            }
            try snapshot.transaction.delete(unsafe key.span.bytes, in: databases.deleted)
            // The name may by now be that of a later deletion.
            if !uuid.isEmpty, try snapshot.transaction.get(uuid.rawSpan, in: databases.deletedNames)?.bigEndian64() == number {
                try snapshot.transaction.delete(uuid.rawSpan, in: databases.deletedNames)
            }
        } catch { throw spoil(EntryStoreError(error)) }
    }
}

extension Snapshot {
    /// Whether something in the log or of the deleted entries is too old.
    public borrowing func hasExpiredChanges() throws(EntryStoreError) -> Bool {
        let limits = store.options.log
        let now = Journal.clock()
        do {
            for (database, age) in [(store.databases.log, limits.maxAge), (store.databases.deleted, limits.keepDeleted)] {
                guard let pair = try transaction.first(in: database) else { continue }
                if database == store.databases.deleted, age <= 0 { return true }
                if age > 0, (now - (ChangeRecord.time(of: pair.value) ?? 0)) / 1_000_000 >= age { return true }
            }
            return false
        } catch { throw EntryStoreError(error) }
    }
}
