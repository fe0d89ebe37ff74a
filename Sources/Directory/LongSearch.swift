public import BER
import LDAP
import Synchronization

/// A search under way that left its event loop. Used by one thread at a time: whoever runs it owns it.
public final class LongSearch: @unchecked Sendable {
    // Sound: `execution` is handed from thread to thread with this object and never used by two at once (the server runs one step
    // at a time); `isCancelled` alone is touched from elsewhere, and is atomic.
    /// The request's message id: what an abandon names.
    public let messageID: Int
    private var execution: SearchExecution
    private let isCancelled = Atomic<Bool>(false)

    public enum Progress: Sendable {
        /// The output holds a chunk of entries; call again when it was taken.
        case more
        /// The output ends with the search result done (nothing at all if it was abandoned).
        case done
    }

    init(messageID: Int, _ execution: consuming SearchExecution) {
        self.messageID = messageID
        self.execution = execution
    }

    /// Produces the next chunk of answers, about `limit` bytes at most, from a snapshot of its own that is given up before this returns.
    public func advance(worker: DirectoryWorker, limit: Int, output: inout BERBuffer) -> Progress {
        defer { worker.releaseSnapshot() }
        let start = output.count
        do {
            while true {
                if isCancelled.load(ordering: .relaxed) {
                    output.truncate(to: start)
                    return .done
                }
                // In slices, so that an abandon, a time limit or the limit of the chunk is noticed soon.
                guard case .more = try execution.advance(worker: worker, candidates: 2000, bytes: limit - (output.count - start), output: &output)
                else { return .done }
                if output.count - start >= limit { return .more }
                // A search that finds little must not keep one snapshot for long either.
                worker.releaseSnapshot()
            }
        } catch {
            execution.fail(error, &output)
            return .done
        }
    }

    /// Makes the next ``advance(worker:limit:output:)`` stop without an answer (abandon, connection lost). Any thread may call it.
    public func cancel() { isCancelled.store(true, ordering: .relaxed) }
}
