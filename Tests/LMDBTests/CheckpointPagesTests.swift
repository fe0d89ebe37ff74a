@testable import LMDB
import SeededRandom
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A checkpoint writes those pages that its state needs and the last one did not have, and no others.
struct CheckpointPagesTests {
    private let path = "/tmp/muster-pages-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    private func withFiles(_ body: () throws -> Void) throws {
        defer { for name in [path, path + "-lock", path + "-copy", path + "-synced"] { unlink(name) } }
        try body()
    }

    /// Random puts and deletes, some of values that take pages of their own.
    private func change(_ environment: Environment, _ values: inout [UInt16: [UInt8]], using random: inout some RandomNumberGenerator) throws {
        var transaction = try environment.beginWrite()
        let database = try environment.database("d", in: transaction, create: true)
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let key = UInt16.random(in: 0..<3000, using: &random)
            if Int.random(in: 0..<4, using: &random) == 0 {
                if values.removeValue(forKey: key) != nil { try transaction.delete(octets(key).span.bytes, in: database) }
            } else {
                let size = Int.random(in: 0..<20, using: &random) == 0 ? 20_000 : 500
                let value = (0..<Int.random(in: 0...size, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                try transaction.put(octets(key).span.bytes, value.span.bytes, in: database)
                values[key] = value
            }
        }
        try transaction.commit()
    }

    private func octets(_ key: UInt16) -> [UInt8] { [UInt8(key >> 8), UInt8(key & 255)] }

    /// All that a database file holds.
    private func contents(_ name: String) throws -> [UInt16: [UInt8]] {
        let environment = try Environment(path: name, mapSize: 1 << 28, flags: [.noSync, .noLock])
        let transaction = try environment.beginWrite()
        let database = try environment.database("d", in: transaction, create: true)
        var found: [UInt16: [UInt8]] = [:]
        var pair = try transaction.first(in: database)
        while let current = pair {
            let key = UInt16(current.key.unsafeLoad(fromByteOffset: 0, as: UInt8.self)) << 8
                | UInt16(current.key.unsafeLoad(fromByteOffset: 1, as: UInt8.self))
            found[key] = (0..<current.value.byteCount).map { current.value.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            pair = try transaction.next(in: database)
        }
        return found
    }

    @Test(arguments: 1...8) func theyAreEnoughAndNotAll(seed: UInt64) throws {
        try withFiles {
            var random = SeededGenerator(seed: seed)
            var values: [UInt16: [UInt8]] = [:]
            let environment = try Environment(path: path, mapSize: 1 << 28, flags: .noSync)
            let size = environment.pageSize
            for _ in 0..<50 { try change(environment, &values, using: &random) }
            let file = try FileHandle(path, O_RDONLY)
            // The disk: as it was at the first checkpoint.
            let disk = try FileHandle(path + "-copy", O_RDWR | O_CREAT)
            var pin = try Pin(environment)
            var last = try #require(try MetaPage.newest(file, pageSize: size)).lastPage
            try disk.write(file.read((last + 1) * size, at: 0), at: 0)
            for round in 0..<6 {
                for _ in 0..<Int.random(in: 1...60, using: &random) { try change(environment, &values, using: &random) }
                let next = try Pin(environment)
                let end = try #require(try MetaPage.newest(file, pageSize: size)).lastPage
                let metas = try file.read(2 * size, at: 0)
                let saved = values
                // What comes after it does not belong to it, and does no harm.
                for _ in 0..<20 { try change(environment, &values, using: &random) }
                let pages = try next.freePages(lastPage: end).pagesInUse(freeIn: pin.freePages(lastPage: last))
                #expect(zip(pages, pages.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
                #expect(pages.allSatisfy { $0.lowerBound >= 2 && $0.upperBound <= end + 1 })
                var different = 0
                for page in 2...end where try file.read(size, at: page * size) != disk.read(size, at: page * size) { different += 1 }
                #expect(pages.reduce(0) { $0 + $1.count } < different || round == 0)
                for range in pages { try disk.write(file.read(range.count * size, at: range.lowerBound * size), at: range.lowerBound * size) }
                try disk.write(metas, at: 0)
                #expect(try contents(path + "-copy") == saved)
                (pin, last) = (next, end)
            }
        }
    }

    @Test func aFileWhosePagesAreSyncedIsWhole() throws {
        try withFiles {
            let bytes = (0..<(4096 * 700)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 4) }
            try FileHandle(path, O_RDWR | O_CREAT).write(bytes, at: 0)
            // Nothing to ask for where the file system is another.
            guard let pages = PageSync(path, pageSize: 4096) else { return }
            try pages.sync([])
            try pages.sync([2..<3, 5..<9, 100..<400, 401..<402, 699..<700])
            // Also of pages that are not there.
            try pages.sync([10_000..<10_001])
            #expect(try FileHandle(path, O_RDONLY).read(bytes.count + 4096, at: 0) == bytes)
        }
    }
}
