@testable import EntryStore
import BER
import LMDB
import Synchronization
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Changes go to disk together, and what one cannot do costs the others nothing.
struct WriterTests {
    /// What the writer answered, in order.
    private final class Answers: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        func add(_ text: String) { list.withLock { $0.append(text) } }

        func job(
            _ name: String, source: UInt64 = 0, bytes: Int = 0, _ body: @escaping @Sendable (inout StoreTransaction) -> Void
        ) -> Writer.Job {
            Writer.Job(
                source: source, bytes: bytes,
                body: { transaction in
                    body(&transaction)
                    return Writer.Answer(Array(name.utf8)) { self.add("told \(name)") }
                },
                failed: { Writer.Answer(Array("\(name) failed: \($0.reason)".utf8)) },
                completion: { self.add(String(decoding: $0, as: UTF8.self)) })
        }
    }

    /// A job that holds the writer up until it is let go.
    private final class Gate: Sendable {
        private let isOpen = Atomic<Bool>(false)
        private let isReached = Atomic<Bool>(false)
        func open() { isOpen.store(true, ordering: .releasing) }
        func pass() {
            isReached.store(true, ordering: .releasing)
            while !isOpen.load(ordering: .acquiring) {}
        }
        func waitUntilReached() { while !isReached.load(ordering: .acquiring) {} }
    }

    /// A group does not end because the machine is slow.
    private static var patient: WriterLimits {
        var limits = WriterLimits()
        limits.milliseconds = 60_000
        return limits
    }

    /// Runs `submit` while the writer is busy; what was answered after it has stopped.
    private func answers(
        _ small: SmallStore, _ store: EntryStore, limits: WriterLimits = patient, _ submit: (Writer, Answers) -> Void
    ) throws -> (answers: [String], statistics: WriterStatistics) {
        let writer = try Writer(store, limits: limits)
        let answers = Answers()
        let gate = Gate()
        writer.submit(Answers().job("gate") { _ in gate.pass() })
        gate.waitUntilReached()
        submit(writer, answers)
        gate.open()
        writer.stop()
        return (answers.all, writer.statistics)
    }

    @Test func whatWaitsGoesTogether() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        let before = store.information.lastTransaction
        let (answers, statistics) = try answers(small, store) { writer, answers in
            for number in 0..<20 {
                writer.submit(answers.job("\(number)") { transaction in _ = try? small.add("w\(number)", &transaction) })
            }
        }
        #expect(answers == (0..<20).flatMap { ["told \($0)", "\($0)"] })
        #expect(statistics.commits == 1 && statistics.largestGroup == 21)
        #expect(store.information.lastTransaction == before + 1)
        #expect(try small.problems(store) == [])
    }

    #if os(Linux)
    /// sched(7): look-ups, and clients that have their answers, go before changes.
    @Test func theWriterStandsBack() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let own = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
        let priority = Mutex<Int32?>(nil)
        _ = try answers(small, small.open()) { writer, answers in
            writer.submit(answers.job("look") { _ in priority.withLock { $0 = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) } })
        }
        #expect(priority.withLock { $0 } == max(own, 10))
        #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) == own)
    }
    #endif

    @Test func besideManyLookupsGroupsAreSmall() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        let lookups = Atomic<Int>(0)
        let writer = try Writer(store, limits: Self.patient) { lookups.add(100_000_000, ordering: .relaxed).newValue }
        let answers = Answers()
        writer.submit(answers.job("first") { transaction in _ = try? small.add("first", &transaction) })
        while answers.all.count < 2 { usleep(1000) }
        let gate = Gate()
        writer.submit(Answers().job("gate") { _ in gate.pass() })
        gate.waitUntilReached()
        for number in 0..<20 {
            writer.submit(answers.job("\(number)") { transaction in _ = try? small.add("l\(number)", &transaction) })
        }
        gate.open()
        writer.stop()
        #expect(answers.all == (["first"] + (0..<20).map(String.init)).flatMap { ["told \($0)", $0] })
        #expect(writer.statistics.largestGroup == 8 && writer.statistics.commits == 4)
        #expect(try small.problems(store) == [])
    }

    @Test func aGroupIsBounded() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        var limits = Self.patient
        limits.operations = 8
        var result = try answers(small, store, limits: limits) { writer, answers in
            for number in 0..<20 { writer.submit(answers.job("\(number)") { transaction in _ = try? small.add("o\(number)", &transaction) }) }
        }
        #expect(result.statistics.commits == 3 && result.statistics.largestGroup == 8)
        limits.operations = 100
        limits.bytes = 1000
        result = try answers(small, store, limits: limits) { writer, answers in
            for number in 0..<20 { writer.submit(answers.job("\(number)", bytes: 300) { transaction in _ = try? small.add("b\(number)", &transaction) }) }
        }
        #expect(result.statistics.commits == 5 && result.statistics.largestGroup <= 5)
        limits.bytes = 1 << 20
        limits.milliseconds = 0
        result = try answers(small, store, limits: limits) { writer, answers in
            for number in 0..<3 { writer.submit(answers.job("\(number)") { transaction in _ = try? small.add("t\(number)", &transaction) }) }
        }
        #expect(result.statistics.commits == 3 && result.statistics.largestGroup == 1)
    }

    @Test func sourcesAreServedInTurn() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        let (answers, _) = try answers(small, store) { writer, answers in
            for number in 0..<5 { writer.submit(answers.job("a\(number)", source: 1) { _ in }) }
            writer.submit(answers.job("b", source: 2) { _ in })
        }
        #expect(answers.filter { !$0.hasPrefix("told") } == ["a0", "b", "a1", "a2", "a3", "a4"])
    }

    @Test func tooMuchIsRefusedAtOnce() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        var limits = WriterLimits()
        limits.waitingBytes = 1000
        let (answers, _) = try answers(small, store, limits: limits) { writer, answers in
            writer.submit(answers.job("large", bytes: 5000) { _ in })
            writer.submit(answers.job("second", bytes: 10) { _ in })
        }
        // A single one, however large, is taken when nothing waits.
        #expect(answers == ["second failed: busy", "told large", "large"])
    }

    @Test func aFailureCostsNeighboursNothing() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        try small.fill(store)
        let (answers, statistics) = try answers(small, store) { writer, answers in
            for number in 0..<10 {
                writer.submit(
                    answers.job("\(number)") { transaction in
                        // The fourth has a name that is taken, which only a defect can lead to.
                        _ = try? small.add(number == 3 ? "p0" : "n\(number)", &transaction)
                    })
            }
        }
        #expect(answers.first == "3 failed: storage")
        #expect(answers.dropFirst() == (0..<10).filter { $0 != 3 }.flatMap { ["told \($0)", "\($0)"] }[...])
        #expect(statistics.failures == 1)
        let snapshot = try store.snapshot()
        for number in 0..<10 where number != 3 { #expect(try snapshot.child(of: .root, rdn: Array("cn=n\(number)".utf8).rawSpan) != nil) }
        #expect(try small.problems(store) == [])
    }

    @Test func whatHasNoRoomFailsAlone() throws {
        let small = try SmallStore()
        defer { small.remove() }
        // A map of 2 MiB, and one change in twenty that needs more.
        let store = try small.open(mapSize: 2 << 20)
        let (answers, statistics) = try answers(small, store) { writer, answers in
            for number in 0..<20 {
                writer.submit(
                    answers.job("\(number)") { transaction in _ = try? small.add("r\(number)", size: number == 13 ? 3 << 20 : 10, &transaction) })
            }
        }
        #expect(answers.filter { !$0.hasPrefix("told") } == (0..<20).map { $0 == 13 ? "13 failed: noSpace" : "\($0)" })
        #expect(statistics.failures == 1 && statistics.lastFailure?.contains("mapSize") == true)
        #expect(try small.problems(store) == [])
        #expect(try store.snapshot().entryCount() == 19)
    }

    @Test(arguments: [EntryStore.Durability.groupInterval(milliseconds: 20), .full])
    func checkpointsAreMadeInTimeAndLeaveNothingBehind(durability: EntryStore.Durability) throws {
        let small = try SmallStore()
        defer { small.remove() }
        let record = "data.mdb-synced"
        let logs: Set = ["data.mdb-wal-0", "data.mdb-wal-1"]
        do {
            let store = try small.open(durability)
            let writer = try Writer(store)
            #expect(small.files.contains(record) && logs.isSubset(of: small.files) == (durability == .full))
            for number in 0..<3 { writer.submit(Answers().job("\(number)") { transaction in _ = try? small.add("c\(number)", &transaction) }) }
            // Without further changes too: the reader that keeps the checkpoint moves on to the last commit.
            var behind = -1
            for _ in 0..<1000 where behind != 0 {
                usleep(10_000)
                let statistics = try store.statistics()
                behind = statistics.entries == 3 ? statistics.commitsSinceOldestReader : -1
            }
            #expect(behind == 0)
            writer.stop()
            #expect(!small.files.contains(record) && logs.isDisjoint(with: small.files))
        }
        do {
            // One that did not stop, then another durability.
            let store = try small.open(durability)
            _ = try Checkpoint(store.environment, path: store.path)
        }
        #expect(small.files.contains(record))
        #expect(try small.problems(small.open(.full)) == [])
        #expect(!small.files.contains(record))
    }

    /// Pages are kept for places that were found, but not for long while much is changed, and not after the end.
    @Test func theWriterMovesOnWithThePagesThatAreKept() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open(.groupInterval(milliseconds: 1))
        #expect(store.kept.commits == [])
        let writer = try Writer(store)
        let first = store.information.lastTransaction
        #expect(store.kept.commits == [first])
        func change(_ name: String) {
            let answers = Answers()
            writer.submit(answers.job(name) { transaction in _ = try? small.add(name, &transaction) })
            for _ in 0..<1000 where answers.all.isEmpty { usleep(1000) }
        }
        var held = Optional(try store.snapshot())
        for number in 0..<60 {
            change("k\(number)")
            usleep(2000)
        }
        // The snapshot keeps what it began with, and one later state is kept for those who come.
        #expect(store.kept.commits.count == 2 && store.kept.commits.contains(first) && store.kept.hold().since > first)
        #expect(try held?.entryCount() == 0)
        held = nil
        for _ in 0..<1000 where store.kept.commits.count > 1 { usleep(1000) }
        #expect(store.kept.commits.count == 1)
        writer.stop()
        #expect(store.kept.commits == [] && store.kept.hold().since == .max)
    }

    /// A snapshot that was put aside shows what was committed meanwhile, and holds pages only until it is given back.
    @Test func aSnapshotPutAsideIsNeverOld() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        try small.fill(store, count: 5)
        var snapshot = try store.snapshot()
        let first = snapshot.commit
        snapshot.putAside()
        try snapshot.renew()
        #expect(try snapshot.commit == first && snapshot.entryCount() == 5)
        snapshot.putAside()
        var transaction = try StoreTransaction(store)
        _ = try small.add("further", &transaction)
        try transaction.commit()
        try snapshot.renew()
        #expect(try snapshot.commit == first + 1 && snapshot.entryCount() == 6)
        snapshot.putAside()
        #expect(try store.statistics().oldestReader?.transaction == first + 1)
        snapshot.release()
        #expect(try store.statistics().oldestReader == nil)
        try snapshot.renew()
        #expect(try snapshot.commit == first + 1 && snapshot.entryCount() == 6)
    }

    @Test func numbersForWatching() throws {
        let small = try SmallStore()
        defer { small.remove() }
        let store = try small.open()
        try small.fill(store, count: 500)
        let held = try store.snapshot()
        for round in 0..<5 {
            var transaction = try StoreTransaction(store)
            _ = try small.add("further\(round)", &transaction)
            try transaction.commit()
        }
        var statistics = try store.statistics()
        #expect(statistics.entries == 505 && statistics.readers == 1 && statistics.commitsSinceOldestReader == 5)
        #expect(statistics.oldestReader?.transaction == held.commit)
        #expect(statistics.pageSize == 4096 && statistics.usedSize > 20 * 4096 && statistics.mapSize == 1 << 28)
        #expect(statistics.freePages > 0)
        _ = consume held
        statistics = try store.statistics()
        #expect(statistics.readers == 0 && statistics.oldestReader == nil && statistics.commitsSinceOldestReader == 0)
    }
}
