@testable import LMDB
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Changes that were written ahead are made again after a power cut: all that were confirmed, in order, and nothing else.
struct WriteAheadLogTests {
    private let path = "/tmp/muster-ahead-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    /// The words of these tests: a key, and the value that it gets.
    static func words(_ words: RawSpan, _ database: Database, _ transaction: inout Transaction) throws(LMDBError) {
        guard words.byteCount == 2 else { throw .damagedLog }
        let value = [words.unsafeLoad(fromByteOffset: 1, as: UInt8.self)]
        try transaction.put(words.extracting(0..<1), value.span.bytes, in: database)
    }

    private func withFiles(_ body: () throws -> Void) throws {
        defer {
            for name in [path, path + "-lock"] { unlink(name) }
            Checkpoint.remove(path)
        }
        try body()
    }

    /// A database that is written ahead, and what its process has of it.
    private struct Open {
        let environment: Environment
        let database: Database
        let log: WriteAheadLog
        let checkpoint: Checkpoint

        init(_ path: String) throws {
            environment = try Environment(path: path, mapSize: 1 << 28, flags: .noMetaSync)
            var transaction = try environment.beginWrite()
            database = try environment.database("d", in: transaction, create: true)
            try transaction.put([0].span.bytes, [0].span.bytes, in: database)
            try transaction.commit()
            log = try WriteAheadLog(path: path, databases: [("d", database, false)])
            checkpoint = try Checkpoint(environment, path: path, log: log)
            try environment.setNoSync(true)
        }

        /// Begins a transaction that is recorded.
        func begin() throws -> Transaction {
            var transaction = try environment.beginWrite()
            transaction.record(for: log)
            return transaction
        }

        /// Gives some keys a value: pages are freed and used again.
        func write(_ value: UInt8) throws {
            var transaction = try begin()
            for key in UInt8(1)...100 { try transaction.put([key].span.bytes, Array(repeating: value, count: 300).span.bytes, in: database) }
            try transaction.delete([value].span.bytes, in: database)
            try #require(try transaction.writeAhead(to: log)).sync()
            try transaction.commit()
        }
    }

    /// What is there after a power cut that has left the last checkpoint and what was synced; 0 before the first write, nil if it is not one state.
    private func afterPowerCut() throws -> UInt8? {
        let record = try FileHandle(path + "-synced", O_RDWR)
        let newest = try #require(try CheckpointRecord.newest(record))
        try CheckpointRecord(
            sequence: newest.sequence + 1, file: newest.file, pageSize: newest.pageSize, boot: Array("another run".utf8), meta: newest.meta
        ).write(to: record)
        #expect(try Checkpoint.isRecoveryDue(path))
        // Twice: the power is cut again in the midst of it.
        let kept = try [path + "-synced"].map { ($0, try contents($0)) } + WriteAheadLog.paths(path).map { ($0, try contents($0)) }
        #expect(try Checkpoint.recover(path, words: Self.words))
        for (name, bytes) in kept { try FileHandle(name, O_RDWR | O_CREAT).write(bytes, at: 0) }
        #expect(try Checkpoint.recover(path, words: Self.words))
        #expect(!Checkpoint.exists(path) && WriteAheadLog.paths(path).allSatisfy { !FileHandle.exists($0) })
        let environment = try Environment(path: path, mapSize: 1 << 28)
        let transaction = try environment.beginWrite()
        let database = try environment.database("d", in: transaction, create: true)
        var values = Set<UInt8>()
        for key in UInt8(1)...100 {
            guard let found = try transaction.get([key].span.bytes, in: database) else {
                values.insert(key)
                continue
            }
            for index in 0..<found.byteCount { values.insert(found.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
        }
        return values.count == 1 ? values.first : values == Set(1...100) ? 0 : nil
    }

    private func contents(_ name: String) throws -> [UInt8] {
        let file = try FileHandle(name, O_RDONLY)
        return try file.read(Int(file.status().st_size), at: 0)
    }

    @Test func whatFollowsTheCheckpointIsMadeAgain() throws {
        try withFiles {
            do {
                let open = try Open(path)
                for value in UInt8(1)...40 {
                    try open.write(value)
                    if value % 9 == 0 { try open.checkpoint.advance() }
                }
            }
            #expect(try afterPowerCut() == 40)
        }
    }

    /// What was said in words is made again in its place among the other changes, also what was changed after the record was written.
    @Test func changesInWordsAreMadeAgain() throws {
        try withFiles {
            do {
                let open = try Open(path)
                for value in UInt8(1)...3 { try open.write(value) }
                var transaction = try open.begin()
                for key in UInt8(1)...100 { try transaction.put([key].span.bytes, [8].span.bytes, in: open.database) }
                for key in UInt8(1)...50 {
                    try transaction.change([key, 9].span.bytes, in: open.database) { transaction throws(LMDBError) in
                        try transaction.put([key].span.bytes, [9].span.bytes, in: open.database)
                    }
                }
                for key in UInt8(1)...10 { try transaction.put([key].span.bytes, [7].span.bytes, in: open.database) }
                for key in UInt8(1)...100 { try transaction.change([key, 5].span.bytes, in: open.database) }
                let written = try #require(try transaction.writeAhead(to: open.log))
                for key in UInt8(1)...100 { try transaction.put([key].span.bytes, [5].span.bytes, in: open.database) }
                try written.sync()
                try transaction.commit()
            }
            #expect(try afterPowerCut() == 5)
        }
    }

    /// LMDB makes no commit of them, and gives their number to the next one.
    @Test func wordsThatChangeNothingAreNoRecord() throws {
        try withFiles {
            do {
                let open = try Open(path)
                try open.write(1)
                var transaction = try open.begin()
                try transaction.change([1, 2].span.bytes, in: open.database)
                try #require(try transaction.writeAhead(to: open.log)).sync()
                try transaction.commit()
                for value in UInt8(3)...6 { try open.write(value) }
            }
            #expect(try afterPowerCut() == 6)
        }
    }

    @Test func wordsThatNobodyUnderstandsAreNotPassedOver() throws {
        try withFiles {
            do {
                let open = try Open(path)
                var transaction = try open.begin()
                try transaction.put([1].span.bytes, [9].span.bytes, in: open.database)
                try transaction.change([1, 2, 3].span.bytes, in: open.database)
                try #require(try transaction.writeAhead(to: open.log)).sync()
                try transaction.commit()
            }
            #expect(throws: LMDBError.damagedLog) { try afterPowerCut() }
        }
    }

    @Test func aCheckpointUnderWayCountsWhenItIsWritten() throws {
        for isWritten in [true, false] {
            try withFiles {
                do {
                    let open = try Open(path)
                    for value in UInt8(1)...5 { try open.write(value) }
                    let pending = try open.checkpoint.begin()
                    // To the other file.
                    for value in UInt8(6)...20 { try open.write(value) }
                    if isWritten {
                        try pending.write()
                        open.checkpoint.finish(pending)
                        for value in UInt8(21)...25 { try open.write(value) }
                    } else {
                        // The next begins from the same: nothing that only the first file has may be lost.
                        for value in UInt8(21)...25 { try open.write(value) }
                        _ = try open.checkpoint.begin()
                        for value in UInt8(26)...30 { try open.write(value) }
                    }
                    withExtendedLifetime(open) {}
                }
                #expect(try afterPowerCut() == (isWritten ? 25 : 30))
            }
        }
    }

    @Test func aTornRecordIsTheEnd() throws {
        try withFiles {
            var ends: [Int] = []
            do {
                let open = try Open(path)
                for value in UInt8(1)...10 {
                    try open.write(value)
                    ends.append(open.log.size)
                }
            }
            // The second file is the first to be written.
            try FileHandle(WriteAheadLog.paths(path)[1], O_RDWR).write([99], at: ends[7] - 1)
            #expect(try afterPowerCut() == 7)
        }
    }

    @Test func recordsOfAnEarlierUseOfTheFileAreNotTaken() throws {
        try withFiles {
            do {
                let open = try Open(path)
                for value in UInt8(1)...10 { try open.write(value) }
                for _ in 0..<2 {
                    try open.checkpoint.advance()
                    try open.write(50)
                }
                try open.write(51)
            }
            #expect(try afterPowerCut() == 51)
        }
    }

    @Test func whatWasWithdrawnIsNotMadeAgain() throws {
        try withFiles {
            do {
                let open = try Open(path)
                try open.write(1)
                var transaction = try open.begin()
                try transaction.put([1].span.bytes, [77].span.bytes, in: open.database)
                try #require(try transaction.writeAhead(to: open.log)).sync()
                // Given up.
                _ = consume transaction
            }
            #expect(try afterPowerCut() == 1)
        }
    }

    @Test func moreThanIsKeptIsNotWrittenAhead() throws {
        try withFiles {
            let open = try Open(path)
            var transaction = try open.begin()
            let value = [UInt8](repeating: 1, count: 1 << 20)
            for key in UInt8(1)...70 { try transaction.put([key].span.bytes, value.span.bytes, in: open.database) }
            #expect(try transaction.writeAhead(to: open.log) == nil)
            try transaction.commit()
            var empty = try open.begin()
            #expect(try empty.writeAhead(to: open.log) == nil)
        }
    }

    @Test func damagedFilesDoNoHarm() throws {
        for seed in 0..<200 {
            try withFiles {
                do {
                    let open = try Open(path)
                    for value in UInt8(1)...10 { try open.write(value) }
                }
                var generator = SystemRandomNumberGenerator()
                for name in WriteAheadLog.paths(path) {
                    let bytes = try contents(name)
                    for _ in 0..<(seed % 5 + 1) {
                        let place = Int.random(in: 0..<min(bytes.count, 400_000), using: &generator)
                        try FileHandle(name, O_RDWR).write([UInt8.random(in: 0...255, using: &generator)], at: place)
                    }
                }
                // Some state that was.
                let found = try #require(try afterPowerCut())
                #expect(found <= 10)
            }
        }
    }
}
