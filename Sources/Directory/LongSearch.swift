public import BER
import LDAP
import Synchronization

/// A search under way that left its event loop. Used by one thread at a time: whoever runs it owns it.
public final class LongSearch: @unchecked Sendable {
    // Sound: `execution` is handed from thread to thread with this object and never used by two at once (the server runs one step
    // at a time); `isCancelled` and `wantsAnswer` alone are touched from elsewhere, and are atomic.
    /// The request's message id: what an abandon names.
    public let messageID: Int
    private var execution: SearchExecution
    private let isCancelled = Atomic<Bool>(false)
    /// Whether a cancelled search is answered: by a cancel (RFC 3909), not by an abandon.
    private let wantsAnswer = Atomic<Bool>(false)

    /// Whether the next ``advance(worker:limit:output:)`` waits for another server: it is to be made on a thread that may wait.
    /// To be asked between two of them.
    public var waitsForOthers: Bool { execution.waitsForOthers }

    public enum Progress: Sendable {
        /// The output holds a chunk of entries; call again when it was taken.
        case more
        /// All is sent that there is for now: to be called again when ``waker`` says so, or ``hasNews``.
        case waiting
        /// The output ends with the search result done (nothing at all if it was abandoned).
        case done
        /// The storage failed inside an entry of which the client has a part: the connection can only be closed.
        case broken
    }

    /// Says when a search that waits for changes has some.
    public let waker: Waker
    /// Whether it has some, or is to end. To be asked by whoever owns the search.
    public var hasNews: Bool { execution.hasNews || isCancelled.load(ordering: .relaxed) }

    init(messageID: Int, _ execution: consuming SearchExecution) {
        self.messageID = messageID
        waker = execution.waker
        self.execution = execution
    }

    /// Whether the output so far ends inside an entry: nothing else may be sent before the rest. To be asked by whoever owns the search.
    public var isInsideEntry: Bool { execution.isInsideEntry }

    /// Whether an entry under way has kept its snapshot for so long that it should not wait for its client any more
    /// (``advance(worker:limit:isFinishing:output:)``). To be asked by whoever owns the search.
    public var isOverdue: Bool { execution.isOverdue }

    /// Produces the next chunk of answers, about `limit` bytes at most, from a snapshot of its own that is given up before this returns.
    /// - Parameter isFinishing: the client has not taken anything for a while: an entry under way is written to its end, however long
    ///   it is, so that its snapshot can be given back.
    public func advance(worker: DirectoryWorker, limit: Int, isFinishing: Bool = false, output: inout BERBuffer) -> Progress {
        let sentBefore = execution.count
        defer {
            worker.countEntries(execution.count - sentBefore)
            worker.releaseSnapshot()
        }
        let start = output.count
        let waits = execution.waitsForOthers
        do {
            if execution.isInsideEntry || !isCancelled.load(ordering: .relaxed) {
                guard try execution.advanceEntry(bytes: limit, finishing: isFinishing, output: &output) else { return .more }
                if output.count > start { return .more }
            }
            while true {
                if isCancelled.load(ordering: .acquiring) {
                    output.truncate(to: start)
                    if wantsAnswer.load(ordering: .relaxed) { execution.fail(LDAPError(.canceled, "the client has cancelled the search"), &output) }
                    return .done
                }
                // In slices, so that an abandon, a time limit or the limit of the chunk is noticed soon.
                switch try execution.advance(
                    worker: worker, candidates: 2000, bytes: limit - (output.count - start), isInline: false, output: &output)
                {
                case .more: break
                case .waiting: return .waiting
                case .done, .broken: return .done
                }
                if execution.hasLongEntry { return .more }
                if output.count - start >= limit || execution.waitsForOthers != waits { return .more }
                // A search that finds little must not keep one snapshot for long either.
                worker.releaseSnapshot()
            }
        } catch {
            if execution.isInsideEntry { return .broken }
            execution.fail(error, &output)
            return .done
        }
    }

    /// Whether it was abandoned or cancelled already.
    var isEnding: Bool { isCancelled.load(ordering: .relaxed) }

    /// Makes the next ``advance(worker:limit:output:)`` stop with the result `canceled` (RFC 3909). Any thread may call it.
    func cancelWithAnswer() {
        wantsAnswer.store(true, ordering: .relaxed)
        isCancelled.store(true, ordering: .releasing)
    }

    /// Makes the next ``advance(worker:limit:output:)`` stop without an answer (abandon, connection lost). Any thread may call it.
    public func cancel() {
        isCancelled.store(true, ordering: .relaxed)
        waker.wake()
    }
}
