public import BER
import LDAP
import Synchronization

/// A search under way that left its event loop. Used by one thread at a time: whoever runs it owns it.
public final class LongSearch: @unchecked Sendable {
    // Sound: `execution` is handed from thread to thread with this object and never used by two at once (the server runs one step
    // at a time); `ending` alone is touched from elsewhere, and is atomic.
    /// The request's message id: what an abandon names.
    public let messageID: Int
    private var execution: SearchExecution
    private let ending = SearchEnding()

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
    public var hasNews: Bool { execution.hasNews || ending.isCancelled }

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
        worker.adopt(execution.directory)
        let sentBefore = execution.count
        defer {
            worker.countEntries(execution.count - sentBefore)
            worker.releaseSnapshot()
        }
        let start = output.count
        let waits = execution.waitsForOthers
        do {
            if execution.isInsideEntry || !ending.isCancelled {
                guard try execution.advanceEntry(bytes: limit, finishing: isFinishing, output: &output) else { return .more }
                if output.count > start { return .more }
            }
            while true {
                if ending.isCancelled { return giveUp(from: start, &output) }
                // In slices, so that an abandon, a time limit or the limit of the chunk is noticed soon.
                switch try execution.advance(
                    worker: worker, candidates: 2000, bytes: limit - (output.count - start), isInline: false, output: &output)
                {
                case .more: break
                case .waiting: return .waiting
                // Cancelled while the result was written, it has another.
                case .done, .broken: return ending.claim() ? .done : giveUp(from: start, &output)
                }
                if execution.hasLongEntry { return .more }
                if output.count - start >= limit || execution.waitsForOthers != waits { return .more }
                // A search that finds little must not keep one snapshot for long either.
                worker.releaseSnapshot()
            }
        } catch {
            if execution.isInsideEntry { return .broken }
            guard ending.claim() else { return giveUp(from: start, &output) }
            execution.fail(error, &output)
            return .done
        }
    }

    /// Ends a search that was abandoned or cancelled.
    private func giveUp(from start: Int, _ output: inout BERBuffer) -> Progress {
        output.truncate(to: start)
        if ending.wantsAnswer { execution.fail(LDAPError(.canceled, "the client has cancelled the search"), &output) }
        return .done
    }

    /// What becomes of a wish to cancel (RFC 3909): the search will end with the result `canceled`; its result is there already; it is abandoned
    /// or cancelled already. Any thread may call it.
    func cancelWithAnswer() -> SearchEnding.Wish {
        let wish = ending.cancel(withAnswer: true)
        if wish == .granted { waker.wake() }
        return wish
    }

    /// Makes the next ``advance(worker:limit:output:)`` stop without an answer (abandon, connection lost). Any thread may call it.
    public func cancel() {
        _ = ending.cancel(withAnswer: false)
        waker.wake()
    }
}

/// How a search ends: by its result or by its client's wish, whichever is first. Any thread may use it.
final class SearchEnding: Sendable {
    private enum State { static let running: UInt8 = 0, abandoned: UInt8 = 1, cancelled: UInt8 = 2, ended: UInt8 = 3 }
    private let state = Atomic<UInt8>(State.running)

    enum Wish { case granted, tooLate, alreadyGranted }

    var isCancelled: Bool {
        let state = state.load(ordering: .relaxed)
        return state == State.abandoned || state == State.cancelled
    }
    var wantsAnswer: Bool { state.load(ordering: .relaxed) == State.cancelled }

    /// To be called before the result is sent: false if the search was cancelled.
    func claim() -> Bool {
        state.compareExchange(expected: State.running, desired: State.ended, ordering: .relaxed).exchanged
    }

    func cancel(withAnswer: Bool) -> Wish {
        let (exchanged, found) = state.compareExchange(
            expected: State.running, desired: withAnswer ? State.cancelled : State.abandoned, ordering: .relaxed)
        if exchanged { return .granted }
        return found == State.ended ? .tooLate : .alreadyGranted
    }
}
