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

/// Runs that were written one after the other are read as one, in order.
@Suite struct SortedRunsTests {
    private struct Pair: Hashable, Comparable {
        let key: [UInt8]
        let value: [UInt8]

        static func < (a: Pair, b: Pair) -> Bool { a.key.lexicographicallyPrecedes(b.key) }
    }

    private static func path() -> String { "/tmp/muster-runs-\(getpid())-\(UInt32.random(in: 0...UInt32.max))" }

    private static func read(_ runs: inout SortedRuns, upTo last: [UInt8]?) throws -> [Pair] {
        var pairs: [Pair] = []
        func take(_ key: RawSpan, _ value: RawSpan) {
            pairs.append(Pair(key: key.withUnsafeBytes { Array($0) }, value: value.withUnsafeBytes { Array($0) }))
        }
        if let last { try runs.read(upTo: last.span.bytes, take) } else { try runs.read(upTo: nil, take) }
        return pairs
    }

    @Test(arguments: [1, 2, 7], [40, 300_000]) func allPairsComeInOrder(_ count: Int, largest: Int) throws {
        var random = SeededGenerator(seed: UInt64(count * 31 + largest))
        var runs = try SortedRuns(path: Self.path())
        var expected: [Pair] = []
        for run in 0..<count {
            // Few different keys: some are in several runs, and one is the beginning of another.
            var pairs: [Pair] = []
            for _ in 0..<(largest > 1000 ? 30 : 3000) {
                let key = (0..<(1 + random.below(3))).map { _ in UInt8(random.below(12) * 20) }
                pairs.append(Pair(key: key, value: [UInt8(run)] + [UInt8](repeating: UInt8(random.below(256)), count: random.below(largest))))
            }
            pairs.sort()
            for pair in pairs { try runs.append(pair.key.span.bytes, pair.value.span.bytes) }
            try runs.endRun()
            expected += pairs
        }
        // A stable sort: of one key the earlier run is first.
        let ordered = expected.enumerated().sorted { a, b in
            a.element.key == b.element.key ? a.offset < b.offset : a.element < b.element
        }.map(\.element)
        let middle = ordered[ordered.count / 2].key
        let first = try Self.read(&runs, upTo: middle)
        #expect(first == ordered.filter { !(middle.lexicographicallyPrecedes($0.key)) })
        // What was read does not come again.
        #expect(try Self.read(&runs, upTo: middle).isEmpty)
        let rest = try Self.read(&runs, upTo: nil)
        #expect(first + rest == ordered)
        #expect(try Self.read(&runs, upTo: nil).isEmpty)
    }

    @Test func withoutPairsNothingComes() throws {
        var runs = try SortedRuns(path: Self.path())
        #expect(try Self.read(&runs, upTo: nil).isEmpty)
        try runs.endRun()
        #expect(try Self.read(&runs, upTo: nil).isEmpty)
    }

    @Test func theFileHasNoName() throws {
        let path = Self.path()
        var runs = try SortedRuns(path: path)
        #expect(access(path, F_OK) != 0)
        try runs.append([UInt8(1)].span.bytes, [UInt8(2)].span.bytes)
        try runs.endRun()
        #expect(access(path, F_OK) != 0)
        #expect(try Self.read(&runs, upTo: nil) == [Pair(key: [1], value: [2])])
    }

    @Test func aFolderThatIsMissingIsSaid() {
        #expect { _ = try SortedRuns(path: "/no-such-folder/runs") } throws: { ($0 as? LMDBError)?.code == ENOENT }
    }
}
