import EntryStore
import Synchronization
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Brings a database into memory while the server already answers, on a thread of its own that does nothing else.
final class Warming: Sendable {
    private let isWanted = Atomic<Bool>(true)
    private let isPopulated = Atomic<Bool>(false)
    private let store: EntryStore
    private let thread = Mutex<pthread_t?>(nil)

    init(_ store: EntryStore) {
        self.store = store
        // The thread keeps this alive until it ends.
        let box = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let warming = Unmanaged<Warming>.fromOpaque(argument).takeRetainedValue()
                warming.run()
                return nil
            }, box.toOpaque())
        if result == 0 {
            let started = thread
            self.thread.withLock { $0 = started }
        } else {
            box.release()
        }
    }

    private func run() {
        // Half of what the system can give: the rest is for whoever else lives here.
        store.warm(limit: Self.availableMemory() / 2) {
            isWanted.load(ordering: .relaxed)
        } populated: {
            isPopulated.store(true, ordering: .relaxed)
        }
        isPopulated.store(true, ordering: .relaxed)
    }

    /// Waits until the database is in memory, but not for long: then a server that is up is as large as it stays.
    /// - Parameter milliseconds: at most.
    func waitUntilPopulated(milliseconds: Int) {
        for _ in 0..<milliseconds where !isPopulated.load(ordering: .relaxed) { usleep(1000) }
    }

    /// Stops, and waits until it has.
    func stop() {
        isWanted.store(false, ordering: .relaxed)
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let thread { pthread_join(thread, nil) }
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
