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
            let report = try #require(environment.warm(.large, limit: .max, while: { true }, populated: { populated += 1 }))
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

    /// From one size of pages to the other and back, while values change.
    @Test func pagesChangeTheirSize() throws {
        try withLargeFile { environment, database in
            for turn in UInt8(1)...4 {
                let report = try #require(environment.warm(turn % 2 == 0 ? .large : .small, limit: .max, while: { true }))
                if turn % 2 == 1 { #expect(report.inLargePages == 0) }
                // What was read anew once is as it should be.
                if turn == 1, report.wasReread {
                    #expect(environment.warm(.small, limit: .max, while: { true })?.wasReread == false)
                }
                var transaction = try environment.beginWrite()
                for number in stride(from: 0, to: Self.pairs, by: 7) {
                    try transaction.put(Array("\(number)".utf8).span.bytes, [UInt8](repeating: turn, count: 50_000).span.bytes, in: database)
                }
                try transaction.commit()
                let reading = try environment.beginRead()
                for number in 0..<Self.pairs {
                    guard let found = try reading.get(Array("\(number)".utf8).span.bytes, in: database) else {
                        Issue.record("\(number) is gone")
                        continue
                    }
                    let byte = found.unsafeLoad(fromByteOffset: 49_999, as: UInt8.self)
                    #expect(number % 7 == 0 ? byte == turn && found.byteCount == 50_000 : byte == 7)
                }
            }
        }
    }

    @Test func largerFilesAreLeftAlone() throws {
        try withLargeFile { environment, _ in
            var populated = 0
            #expect(environment.warm(.large, limit: 40 << 20, while: { true }, populated: { populated += 1 }) == nil)
            #expect(populated == 0)
        }
    }

    @Test func stopsWhenNobodyWantsIt() throws {
        try withLargeFile { environment, _ in
            let report = environment.warm(.large, limit: .max, while: { false })
            #expect(report?.wasReread == false)
        }
    }
}
#endif
