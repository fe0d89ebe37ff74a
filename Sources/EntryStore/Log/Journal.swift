import BER
import Schema
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a write transaction keeps in order to note its changes.
struct Journal: ~Copyable {
    /// Who makes the changes.
    var author: [UInt8] = []
    /// What deletions of the operation note as their CSN.
    var csn: [UInt8] = []
    /// Number of the operation's first record; nil until it has one.
    var operation: UInt64?
    /// Number of the next record; nil until it was looked up.
    var next: UInt64?
    /// Time of the last record.
    var lastTime: Int64 = 0
    /// Records of this transaction.
    var written = 0
    /// A record being made.
    var buffer = BERBuffer(capacity: 1024)
    /// The superior of the last entry, and its name: changes often follow each other below the same one.
    var superior: (id: EntryID, name: [UInt8])?
    /// Attributes that every record names.
    let csnID: AttributeID?
    let uuidID: AttributeID?

    init(_ table: AttributeTable) {
        csnID = table.schema.attributeType(named: "entryCSN").flatMap { table.id(of: $0) }
        uuidID = table.schema.attributeType(named: "entryUUID").flatMap { table.id(of: $0) }
    }

    /// Microseconds since 1970; never before the last record.
    mutating func now() -> Int64 {
        lastTime = max(lastTime, Self.clock())
        return lastTime
    }

    /// Microseconds since 1970 by the system's clock.
    static func clock() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return max(0, Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}

extension BERBuffer {
    /// Begins a record of the log.
    mutating func beginChange(_ kind: ChangeRecord.Kind, time: Int64) {
        removeAll(keeping: 1 << 20)
        append(ChangeRecord.version)
        append(kind.rawValue)
        appendNumber32(UInt32(truncatingIfNeeded: time))
        appendNumber32(UInt32(truncatingIfNeeded: time >> 32))
    }

    /// Appends what differs between two states of an entry.
    mutating func appendChanges(from old: Entry, to new: Entry, _ catalogue: Catalogue) {
        let list = begin(BERTag.sequence)
        new.forEachDifference(from: old) { id, before, after in
            if before.isEmpty || after.isEmpty {
                appendChange(id, before[...], after[...], isWhole: true)
            } else {
                appendDifference(id, before, after, catalogue)
            }
        }
        end(list)
    }

    /// Few values are noted whole; of many, those that went and came.
    private mutating func appendDifference(_ id: AttributeID, _ old: [[UInt8]], _ new: [[UInt8]], _ catalogue: Catalogue) {
        let hasEquality = catalogue.table.type(of: id).map { catalogue.schema[$0].equality != nil } ?? false
        guard old.count + new.count > 16, hasEquality else { return appendChange(id, old[...], new[...], isWhole: true) }
        // Most often values come at the end, or one goes.
        var start = 0
        while start < old.count, start < new.count, old[start] == new[start] { start += 1 }
        var oldEnd = old.count
        var newEnd = new.count
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        let gone = old[start..<oldEnd]
        let come = new[start..<newEnd]
        guard !gone.isEmpty, !come.isEmpty else { return appendChange(id, gone, come, isWhole: false) }
        let left = Set(come)
        let had = Set(gone)
        let removed = gone.filter { !left.contains($0) }
        let added = come.filter { !had.contains($0) }
        // The same values in another order are no change.
        if removed.isEmpty, added.isEmpty { return }
        appendChange(id, removed[...], added[...], isWhole: false)
    }

    private mutating func appendChange(_ id: AttributeID, _ removed: ArraySlice<[UInt8]>, _ added: ArraySlice<[UInt8]>, isWhole: Bool) {
        let change = begin(isWhole ? ChangeRecord.wholeTag : ChangeRecord.valuesTag)
        append(integer: Int(id.rawValue))
        for values in [removed, added] {
            let set = begin(BERTag.set)
            for value in values { append(BERTag.octetString, contents: value) }
            end(set)
        }
        end(change)
    }
}
