@testable import LMDB
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

#if os(Linux)
/// The file is longer than what is in use, so that new pages are written where single ones are held already.
@Suite struct FileGrowthTests {
    private static func size(_ path: String) -> (length: Int, onDisk: Int) {
        var status = stat()
        return stat(path, &status) == 0 ? (Int(status.st_size), Int(status.st_blocks) * 512) : (0, 0)
    }

    private static func add(_ count: Int, from first: Int, _ environment: Environment, _ database: Database) throws {
        var transaction = try environment.beginWrite()
        let value = [UInt8](repeating: 7, count: 100_000)
        for number in first..<first + count { try transaction.put(Array("\(number)".utf8).span.bytes, value.span.bytes, in: database) }
        try transaction.commit()
    }

    @Test func theFileIsAheadOfWhatIsWritten() throws {
        let path = "/tmp/muster-growth-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer {
            unlink(path)
            unlink(path + "-lock")
        }
        do {
            let environment = try Environment(path: path, mapSize: 1 << 30)
            var transaction = try environment.beginWrite()
            let database = try environment.database("test", in: transaction, create: true)
            try transaction.put([1].span.bytes, [1].span.bytes, in: database)
            try transaction.commit()
            var growth = FileGrowth(path: path)
            // A small file fits the processor's table as it is.
            growth.advance(environment)
            #expect(Self.size(path).length < 1 << 20)
            try Self.add(400, from: 0, environment, database)
            for turn in 1...20 {
                growth.advance(environment)
                let ahead = Self.size(path).length - environment.information.usedSize
                #expect(ahead >= FileGrowth.leastAhead && ahead <= 3 * FileGrowth.leastAhead)
                // What is ahead takes no space.
                #expect(Self.size(path).onDisk <= environment.information.usedSize + (1 << 20))
                try Self.add(10, from: turn * 1000, environment, database)
            }
        }
        let environment = try Environment(path: path, mapSize: 1 << 30)
        let reading = try environment.beginRead()
        let database = try environment.database("test", in: reading, create: false)
        #expect(try reading.count(of: database) == 1 + 400 + 200)
    }
}
#endif
