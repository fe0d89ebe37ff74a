import LMDB
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

#if os(Linux)
/// A file is brought into memory whole, whatever pages the system has for it, and holds what it held.
@Suite struct MapWarmingTests {
    private static let pairs = 600
    private static let value = [UInt8](repeating: 7, count: 100_000)

    /// Runs `body` with an environment of about 60 MB.
    private func withLargeFile(_ body: (Environment, Database) throws -> Void) throws {
        let path = "/tmp/muster-warming-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer {
            unlink(path)
            unlink(path + "-lock")
        }
        let environment = try Environment(path: path, mapSize: 1 << 30)
        var transaction = try environment.beginWrite()
        let database = try environment.database("test", in: transaction, create: true)
        for number in 0..<Self.pairs { try transaction.put(Array("\(number)".utf8).span.bytes, Self.value.span.bytes, in: database) }
        try transaction.commit()
        try body(environment, database)
    }

    @Test func wholeFileIsBroughtIn() throws {
        try withLargeFile { environment, database in
            var populated = 0
            let report = try #require(environment.warm(limit: .max, while: { true }, populated: { populated += 1 }))
            #expect(report.size >= Self.pairs * Self.value.count)
            #expect(report.inLargePages <= report.size + (4 << 20))
            #expect(populated == 1)
            let transaction = try environment.beginRead()
            for number in 0..<Self.pairs {
                let found = try transaction.get(Array("\(number)".utf8).span.bytes, in: database)
                #expect(found?.byteCount == Self.value.count)
            }
        }
    }

    @Test func largerFilesAreLeftAlone() throws {
        try withLargeFile { environment, _ in
            var populated = 0
            #expect(environment.warm(limit: 40 << 20, while: { true }, populated: { populated += 1 }) == nil)
            #expect(populated == 0)
        }
    }

    @Test func stopsWhenNobodyWantsIt() throws {
        try withLargeFile { environment, _ in
            let report = environment.warm(limit: .max, while: { false })
            #expect(report?.wasReread == false)
        }
    }
}
#endif
