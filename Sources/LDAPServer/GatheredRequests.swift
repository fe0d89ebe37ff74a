import Directory
import NIOCore

/// Requests that have come and are not handled yet.
///
/// What the system does to read and to send, and what the directory does, each fill the processor's caches. So a loop first reads what has come to its
/// connections, then handles all of it, then sends all answers (``GatheredAnswers``), instead of going round for each request.
struct GatheredRequests: ~Copyable {
    fileprivate static let atMost = 16
    /// Longer ones are handled at once: they are not worth copying. Octets.
    fileprivate static let longest = 2048

    /// What was read, of all connections.
    fileprivate var bytes = ByteBuffer()
    fileprivate var parts: [(connection: LDAPConnection, count: Int)] = []
    fileprivate var willHandle = false
    /// Whether they are being handled just now.
    fileprivate(set) var isHandling = false
}

extension LoopContext {
    /// Takes what was read, to have it handled soon; false if it is to be handled at once, and what came before it is then handled.
    func gather(_ bytes: ByteBuffer, of connection: LDAPConnection) -> Bool {
        if requests.isHandling || isAlone { return false }
        guard bytes.readableBytes <= GatheredRequests.longest else {
            handleGathered()
            return false
        }
        requests.bytes.writeImmutableBuffer(bytes)
        requests.parts.append((connection, bytes.readableBytes))
        if requests.parts.count >= GatheredRequests.atMost {
            handleGathered()
        } else if !requests.willHandle {
            requests.willHandle = true
            let bound = NIOLoopBound(self, eventLoop: loop)
            // After what has come to all connections.
            loop.execute {
                bound.value.requests.willHandle = false
                bound.value.handleGathered()
            }
        }
        return true
    }

    /// Has the connections handle what was gathered, in the order in which it came. Nothing more is gathered meanwhile.
    func handleGathered() {
        if requests.parts.isEmpty || requests.isHandling { return }
        requests.isHandling = true
        for index in requests.parts.indices {
            guard var bytes = requests.bytes.readSlice(length: requests.parts[index].count) else { break }
            requests.parts[index].connection.handleRead(&bytes)
        }
        requests.parts.removeAll(keepingCapacity: true)
        requests.bytes.clear()
        requests.isHandling = false
        worker.endBurst()
        sendGathered()
    }

    /// What is read from now on is what is committed by then. All that was gathered is one burst.
    func endBurst() {
        if !requests.isHandling { worker.endBurst() }
    }
}
