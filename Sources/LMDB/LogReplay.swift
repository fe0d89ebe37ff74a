#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

extension WriteAheadLog {
    /// Makes the changes again that follow a transaction, in one transaction that is on disk when this returns. The database must be what
    /// it was at the transaction, and nobody may have it open. Until a checkpoint is recorded or the record removed, all of it can be done
    /// again: no page of the state from which it starts is written over.
    /// - Parameters:
    ///   - path: of the database file.
    ///   - words: makes the changes that words say.
    /// - Returns: the number of the last transaction whose changes were made.
    @discardableResult
    static func replay(_ path: String, after transaction: Int, words: WordsMaker) throws(LMDBError) -> Int {
        var files: [LogReader] = []
        for name in paths(path) {
            if FileHandle.exists(name), let reader = try LogReader(name) { files.append(reader) }
        }
        files.sort { $0.first < $1.first }
        guard let databases = files.first?.head.databases, files.contains(where: { $0.last > transaction }) else { return transaction }
        let environment = try Environment(path: path, mapSize: 1 << 40)
        var write = try environment.beginWrite()
        var numbers: [UInt8: Database] = [:]
        for entry in databases {
            numbers[entry.number] = try environment.database(entry.name, in: write, create: true, integerKeys: entry.integerKeys)
        }
        var done = transaction
        for file in files {
            try file.forEachRecord { number, changes throws(LMDBError) in
                // What the checkpoint has; and nothing may be left out.
                guard number > done else { return true }
                guard number == done + 1 else { return false }
                try ChangeRecording.apply(changes, to: &write, numbers, words: words)
                done = number
                return true
            }
        }
        try write.commit()
        return done
    }
}

/// Reads a file of the log.
private final class LogReader {
    let head: WriteAheadLogHead
    private let handle: FileHandle
    private(set) var first = Int.max
    private(set) var last = 0

    /// - Returns: nil if the file has no head that was written whole: then nothing was ever written to it after.
    init?(_ path: String) throws(LMDBError) {
        let handle = try FileHandle(path, O_RDONLY)
        guard let head = WriteAheadLogHead(try handle.read(WriteAheadLogHead.size, at: 0)) else { return nil }
        self.head = head
        self.handle = handle
        try forEachRecord { number, _ in
            first = min(first, number)
            last = number
            return true
        }
    }

    /// Calls `body` with the number and the bytes of each record that was written whole, until it returns false.
    func forEachRecord(_ body: (Int, [UInt8]) throws(LMDBError) -> Bool) throws(LMDBError) {
        var place = WriteAheadLogHead.size
        var previous = 0
        while true {
            let start = try handle.read(WriteAheadLog.recordHeadSize, at: place)
            guard start.count == WriteAheadLog.recordHeadSize, let number = Int(exactly: start.number(0)), number > previous,
                let size = Int(exactly: start.number(8)), size > 0, size <= Self.sizeLimit
            else { return }
            let record = try handle.read(WriteAheadLog.recordHeadSize + size, at: place)
            guard record.count == WriteAheadLog.recordHeadSize + size, WriteAheadLog.checksum(record, number, head.epoch) == start.number(16),
                try body(number, record)
            else { return }
            previous = number
            place += WriteAheadLog.recordHeadSize + size
        }
    }

    /// More octets than a record can have.
    private static let sizeLimit = 1 << 27
}
