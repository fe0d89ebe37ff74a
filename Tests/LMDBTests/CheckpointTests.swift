@testable import LMDB
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// After a power cut a database whose commits do not wait for the disk goes back to its last checkpoint.
struct CheckpointTests {
    private func withFile(_ body: (String) throws -> Void) throws {
        let path = "/tmp/muster-checkpoint-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { for name in [path, path + "-lock", path + "-synced"] { unlink(name) } }
        try body(path)
    }

    private func open(_ path: String) throws -> Environment { try Environment(path: path, mapSize: 1 << 28, flags: .noSync) }

    /// Puts a value in the place of another, and many more, so that pages are freed and used again.
    private func write(_ value: UInt8, _ environment: Environment) throws {
        var transaction = try environment.beginWrite()
        let database = try environment.database("d", in: transaction, create: true)
        for key in UInt8(0)..<100 { try transaction.put([key].bytes, Array(repeating: value, count: 300).bytes, in: database) }
        try transaction.commit()
    }

    /// The value that all keys have.
    private func read(_ environment: Environment) throws -> UInt8? {
        let transaction = try environment.beginWrite()
        let database = try environment.database("d", in: transaction, create: true)
        var values = Set<UInt8>()
        for key in UInt8(0)..<100 {
            guard let found = try transaction.get([key].bytes, in: database), found.byteCount == 300 else { return nil }
            for index in 0..<300 { values.insert(found.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
        }
        return values.count == 1 ? values.first : nil
    }

    /// Makes the record one of an earlier run of the machine.
    private func restartMachine(_ path: String) throws {
        let record = try FileHandle(path + "-synced", O_RDWR)
        let newest = try #require(try CheckpointRecord.newest(record))
        try CheckpointRecord(
            sequence: newest.sequence + 1, file: newest.file, pageSize: newest.pageSize, boot: Array("another run".utf8), meta: newest.meta
        ).write(to: record)
    }

    @Test func theLastCheckpointIsFoundWhole() throws {
        try withFile { path in
            do {
                let environment = try open(path)
                try write(1, environment)
                let checkpoint = try Checkpoint(environment, path: path)
                for value in UInt8(2)..<10 { try write(value, environment) }
                try checkpoint.advance()
                // Its pages are not written over, however much follows.
                for value in UInt8(10)..<60 { try write(value, environment) }
                withExtendedLifetime(checkpoint) {}
            }
            // The process ended: nothing is lost.
            #expect(try !Checkpoint.isRecoveryDue(path))
            #expect(try !Checkpoint.recover(path, words: WriteAheadLogTests.words))
            #expect(try read(open(path)) == 59)
            try restartMachine(path)
            #expect(try Checkpoint.isRecoveryDue(path))
            #expect(try Checkpoint.recover(path, words: WriteAheadLogTests.words))
            #expect(!Checkpoint.exists(path))
            #expect(try read(open(path)) == 9)
            // And it goes on from there.
            let environment = try open(path)
            for value in UInt8(60)..<65 { try write(value, environment) }
            #expect(try read(environment) == 64)
        }
    }

    @Test func aRecordOfAnotherFileIsNotUsed() throws {
        try withFile { path in
            do {
                let environment = try open(path)
                try write(1, environment)
                _ = try Checkpoint(environment, path: path)
            }
            try restartMachine(path)
            // Somebody puts a copy in its place.
            try open(path).copy(to: path + ".copy", compact: false)
            rename(path + ".copy", path)
            #expect(try !Checkpoint.isRecoveryDue(path))
            #expect(try !Checkpoint.recover(path, words: WriteAheadLogTests.words))
            #expect(try read(open(path)) == 1)
        }
    }

    @Test func aRecordThatIsTornIsNotUsed() throws {
        try withFile { path in
            do {
                let environment = try open(path)
                try write(1, environment)
                let checkpoint = try Checkpoint(environment, path: path)
                try write(2, environment)
                try checkpoint.advance()
                try write(3, environment)
                withExtendedLifetime(checkpoint) {}
            }
            try restartMachine(path)
            // The newest record is half written: the one before counts, which is of this run.
            let record = try FileHandle(path + "-synced", O_RDWR)
            let newest = try #require(try CheckpointRecord.newest(record))
            try record.write([UInt8](repeating: 0xaa, count: 100), at: newest.sequence & 1 == 0 ? 40 : 65_576)
            #expect(try #require(try CheckpointRecord.newest(record)).sequence == newest.sequence - 1)
            #expect(try !Checkpoint.recover(path, words: WriteAheadLogTests.words))
        }
    }

    @Test func rewritingChangesNothing() throws {
        try withFile { path in
            let file = try FileHandle(path, O_RDWR | O_CREAT)
            let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            try file.write(bytes, at: 0)
            try file.rewrite(count: 3_000_000)
            #expect(try file.read(3_000_000, at: 0) == bytes)
        }
    }
}

extension [UInt8] {
    fileprivate var bytes: RawSpan { @_lifetime(borrow self) get { span.bytes } }
}
