import BER
import LMDB

extension Snapshot {
    /// The log has no gaps, its times do not go back, every record can be read; every deleted entry that is kept is found by its name.
    borrowing func checkLog(_ report: (String) -> Void) throws(EntryStoreError) {
        do {
            var last: (number: UInt64, time: Int64)?
            var pair = try transaction.first(in: store.databases.log)
            while let current = pair {
                guard let number = EntryID(key: current.key)?.rawValue else {
                    report("change log: a key is not a number")
                    break
                }
                if let last, number != last.number + 1 { report("change log: \(number) follows \(last.number)") }
                let record = ChangeRecord(number: number, current.value)
                if record == nil { report("change log: change \(number) cannot be read") }
                let time = ChangeRecord.time(of: current.value) ?? 0
                if let last, time < last.time { report("change log: change \(number) is before the one before it") }
                if let record, record.operation > number { report("change log: change \(number) belongs to a later operation") }
                last = (number, time)
                pair = try transaction.next(in: store.databases.log)
            }
            var names = 0
            pair = try transaction.first(in: store.databases.deleted)
            while let current = pair {
                guard let number = EntryID(key: current.key)?.rawValue, let record = ChangeRecord(number: number, current.value),
                    record.image != nil
                else {
                    report("deleted entries: one cannot be read")
                    pair = try transaction.next(in: store.databases.deleted)
                    continue
                }
                if !record.uuid.isEmpty {
                    let name = try transaction.get(DeletedKey.name(record.uuid).rawSpan, in: store.databases.deletedNames)?.bigEndian64()
                    if name == number { names += 1 } else if name == nil { report("deleted entry \(number) is not found by its UUID") }
                }
                pair = try transaction.next(in: store.databases.deleted)
            }
            let found = try transaction.count(of: store.databases.deletedNames)
            if found != names { report("there are \(found) names of deleted entries, should be \(names)") }
        } catch { throw EntryStoreError(error) }
    }
}
