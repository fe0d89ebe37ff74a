import BER
import LMDB

extension Snapshot {
    /// The numbers of the first and the last change in the log; nil if it is empty.
    public borrowing func changeNumbers() throws(EntryStoreError) -> ClosedRange<UInt64>? {
        do {
            var range: (first: UInt64, last: UInt64)?
            if let pair = try transaction.first(in: store.databases.log), let first = EntryID(key: pair.key) { range = (first.rawValue, 0) }
            if let pair = try transaction.last(in: store.databases.log), let last = EntryID(key: pair.key) { range?.last = last.rawValue }
            return range.flatMap { $0.first <= $0.last ? $0.first...$0.last : nil }
        } catch { throw EntryStoreError(error) }
    }

    /// The number that the next change will get.
    public borrowing func nextChangeNumber() throws(EntryStoreError) -> UInt64 {
        do { return try endOfLog().next } catch { throw EntryStoreError(error) }
    }

    /// The number of the next record, and the time of the last one.
    borrowing func endOfLog() throws(LMDBError) -> (next: UInt64, time: Int64) {
        if let pair = try transaction.last(in: store.databases.log), let last = EntryID(key: pair.key) {
            return (last.rawValue + 1, ChangeRecord.time(of: pair.value) ?? 0)
        }
        return (try Metadata.number(.nextChange, transaction, store.databases) ?? 1, 0)
    }

    /// A change; nil if the log does not have it (any more).
    /// - Throws: `format` for one that cannot be read.
    public borrowing func change(_ number: UInt64) throws(EntryStoreError) -> ChangeRecord? {
        do {
            let key = EntryID(rawValue: number).key
            guard let bytes = try transaction.get(unsafe key.span.bytes, in: store.databases.log) else { return nil }
            guard let record = ChangeRecord(number: number, bytes) else {
                throw EntryStoreError(.format, "change \(number) of the log cannot be read")
            }
            return record
        } catch let error as LMDBError { throw EntryStoreError(error) } catch let error as EntryStoreError { throw error } catch {
            throw EntryStoreError(.storage, "\(error)")
        }
    }

    /// The first change made at or after a moment, in microseconds since 1970; nil: there is none so late.
    public borrowing func firstChange(notBefore time: Int64) throws(EntryStoreError) -> UInt64? {
        guard let numbers = try changeNumbers() else { return nil }
        // There are no gaps, and times do not go back.
        var low = numbers.lowerBound
        var high = numbers.upperBound + 1
        while low < high {
            let middle = low + (high - low) / 2
            if try changeTime(middle) ?? 0 < time { low = middle + 1 } else { high = middle }
        }
        return low <= numbers.upperBound ? low : nil
    }

    borrowing func changeTime(_ number: UInt64) throws(EntryStoreError) -> Int64? {
        do {
            let key = EntryID(rawValue: number).key
            guard let bytes = try transaction.get(unsafe key.span.bytes, in: store.databases.log) else { return nil }
            return ChangeRecord.time(of: bytes)
        } catch { throw EntryStoreError(error) }
    }

    // MARK: Deleted entries

    /// The first deleted entry that is kept, from the number of its deletion on; damaged ones are passed over.
    public borrowing func deletedEntry(from number: UInt64) throws(EntryStoreError) -> ChangeRecord? {
        do {
            let key = EntryID(rawValue: number).key
            var pair = try transaction.seek(unsafe key.span.bytes, in: store.databases.deleted)
            while let current = pair, let found = EntryID(key: current.key) {
                if let record = ChangeRecord(number: found.rawValue, current.value) { return record }
                pair = try transaction.next(in: store.databases.deleted)
            }
            return nil
        } catch { throw EntryStoreError(error) }
    }

    /// The deleted entry with a UUID, the last of them if there are several; nil if none is kept.
    public borrowing func deletedEntry(uuid: [UInt8]) throws(EntryStoreError) -> ChangeRecord? {
        do {
            guard !uuid.isEmpty,
                let number = try transaction.get(DeletedKey.name(uuid).rawSpan, in: store.databases.deletedNames)?.bigEndian64()
            else { return nil }
            let key = EntryID(rawValue: number).key
            guard let bytes = try transaction.get(unsafe key.span.bytes, in: store.databases.deleted) else { return nil }
            return ChangeRecord(number: number, bytes)
        } catch { throw EntryStoreError(error) }
    }

    /// How many deleted entries are kept.
    public borrowing func deletedCount() throws(EntryStoreError) -> Int {
        do { return try transaction.count(of: store.databases.deleted) } catch { throw EntryStoreError(error) }
    }
}
