import Directory
import NIOCore
import Synchronization

/// What other threads have to tell the connections of one event loop.
enum LoopEvent: Sendable {
    /// The answer of a change.
    case answer(connection: UInt64, messageID: Int, OperationKind, [UInt8])
    /// Answers of a long search, and whether it has ended.
    case chunk(connection: UInt64, LongSearch, ByteBuffer, LongSearch.Progress)
    /// A search that waits for changes may go on.
    case woken(connection: UInt64, LongSearch)
    /// The first half of a blocking operation has run.
    case worked(connection: UInt64, BlockingOperation, OperationKind, any Sendable)
}

/// The way from other threads to an event loop. However many events come while the loop is busy, it is woken once:
/// the answers of a group commit come together.
final class LoopMailbox: Sendable {
    private struct State {
        var events: [LoopEvent] = []
        var target: NIOLoopBound<LoopContext>?
    }
    private let loop: any EventLoop
    private let state = Mutex(State())

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Who gets the events. To be called once, on the loop, before the first connection.
    func connect(to context: LoopContext) {
        let target = NIOLoopBound(context, eventLoop: loop)
        state.withLock { $0.target = target }
    }

    /// The loop ends: later events are dropped.
    func disconnect() {
        state.withLock {
            $0.target = nil
            $0.events = []
        }
    }

    /// Any thread.
    func post(_ event: LoopEvent) {
        let target = state.withLock { state -> NIOLoopBound<LoopContext>? in
            guard let target = state.target else { return nil }
            state.events.append(event)
            return state.events.count == 1 ? target : nil
        }
        guard let target else { return }
        loop.execute {
            let events = self.state.withLock { state in
                defer { state.events = [] }
                return state.events
            }
            target.value.deliver(events)
        }
    }
}
