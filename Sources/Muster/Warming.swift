import EntryStore
import Synchronization
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps a database in memory, on a thread of its own that does nothing else: brought in while the server already answers, in large pages
/// while it is mostly read, in small ones while it is changed much (the kernel goes through all of a large page to write a part of it).
final class Warming: Sendable {
    private let isWanted = Atomic<Bool>(true)
    private let isPopulated = Atomic<Bool>(false)
    private let store: EntryStore
    private let thread = Mutex<BackgroundThread?>(nil)

    /// So many commits in a second are much.
    private static let manyCommits = 20
    /// After so many seconds without such a second large pages are worth their making again.
    private static let calm = 600

    init(_ store: EntryStore) {
        self.store = store
        // Without a thread the system brings pages in when they are wanted.
        let thread = try? BackgroundThread { self.run() }
        self.thread.withLock { $0 = thread }
    }

    private func run() {
        var isInLargePages = true
        if warm(inLargePages: true) {
            // What is not noted is found when it is wanted.
            try? store.notePlaces { isWanted.load(ordering: .relaxed) }
        }
        var commit = store.information.lastTransaction
        var calm = 0
        while wait(milliseconds: 1000) {
            let now = store.information.lastTransaction
            calm = now - commit >= Self.manyCommits ? 0 : calm + 1
            commit = now
            guard isInLargePages ? calm == 0 : calm >= Self.calm else { continue }
            isInLargePages.toggle()
            warm(inLargePages: isInLargePages)
        }
    }

    /// - Returns: whether the database is in memory.
    @discardableResult
    private func warm(inLargePages: Bool) -> Bool {
        var isInMemory = false
        // Half of what the system can give: the rest is for whoever else lives here.
        store.warm(inLargePages: inLargePages, limit: Self.availableMemory() / 2) {
            isWanted.load(ordering: .relaxed)
        } populated: {
            isInMemory = true
            isPopulated.store(true, ordering: .relaxed)
        }
        isPopulated.store(true, ordering: .relaxed)
        return isInMemory
    }

    /// Whether it is still wanted after so long.
    private func wait(milliseconds: Int) -> Bool {
        for _ in 0..<(milliseconds / 50) where isWanted.load(ordering: .relaxed) { usleep(50_000) }
        return isWanted.load(ordering: .relaxed)
    }

    /// Waits until the database is in memory, but not for long: then a server that is up is as large as it stays.
    /// - Parameter milliseconds: at most.
    func waitUntilPopulated(milliseconds: Int) {
        for _ in 0..<milliseconds where !isPopulated.load(ordering: .relaxed) { usleep(1000) }
    }

    /// Stops, and waits until it has.
    func stop() {
        isWanted.store(false, ordering: .relaxed)
        thread.withLock { $0.take() }?.join()
    }

    /// Bytes that programs can get without others being swapped out; 0 if the system does not tell.
    private static func availableMemory() -> Int {
        guard let bytes = try? SmallFile.contents("/proc/meminfo", limit: 1 << 20) else { return 0 }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("MemAvailable:") {
            let fields = line.split(separator: " ")
            return fields.count > 1 ? (Int(fields[1]) ?? 0) << 10 : 0
        }
        return 0
    }
}
