import EntryStore
import Synchronization

/// Removes what is too old from the change log and of the deleted entries while nobody writes: commits do it too, but a directory that
/// rests must forget on time as well.
final class LogTrimming: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ store: EntryStore, _ writer: Writer, every interval: Duration = .seconds(60)) {
        let limits = store.options.log
        if limits.maxAge == 0, limits.keepDeleted == 0 { return }
        task.withLock {
            // Weak: a store that was closed is not to be kept open by who waits for the next minute.
            $0 = Task.detached(priority: .background) { [weak store, weak writer] in
                while !Task.isCancelled {
                    guard (try? await Task.sleep(for: interval)) != nil, let store, let writer else { return }
                    while !Task.isCancelled, Self.isDue(store) { await Self.trim(writer) }
                }
            }
        }
    }

    private static func isDue(_ store: EntryStore) -> Bool {
        guard let snapshot = try? store.snapshot() else { return false }
        return (try? snapshot.hasExpiredChanges()) ?? false
    }

    /// One step, between the changes of clients.
    private static func trim(_ writer: Writer) async {
        await withCheckedContinuation { continuation in
            writer.submit(
                Writer.Job(
                    body: { transaction in
                        _ = try? transaction.trimLog(limit: 1024)
                        return Writer.Answer([])
                    },
                    failed: { _ in Writer.Answer([]) }, completion: { _ in continuation.resume() }))
        }
        // A disk that refuses is not asked again at once.
        try? await Task.sleep(for: .milliseconds(20))
    }

    deinit { stop() }

    func stop() { task.withLock { $0?.cancel() } }
}
