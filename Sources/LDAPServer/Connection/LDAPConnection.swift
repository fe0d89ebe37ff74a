import BER
import Directory
import LDAP
import NIOCore
import NIOSSL
import NIOTLS
import Synchronization

/// One connection: frames requests straight out of what was read, has the directory answer them, and keeps the connection within
/// its limits. The only handler of its channel but for TLS in front of it, confined to its event loop.
///
/// What it does not do: it never waits, it does not know what a request means, and it keeps no buffer while the connection is idle.
///
/// Requests are held back, and reading stops, while one of the ``Holds`` is set; what was read already waits in ``held``.
final class LDAPConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Why no further request is handled at the moment.
    struct Holds: OptionSet {
        let rawValue: UInt8
        /// Work on the thread pool that must end first (RFC 4511 section 4.2.1).
        static let blocking = Holds(rawValue: 1)
        /// As many operations run as one connection may have.
        static let operations = Holds(rawValue: 2)
        /// The client does not take its answers fast enough.
        static let unwritable = Holds(rawValue: 4)
        /// The server stops.
        static let stopping = Holds(rawValue: 8)
        /// The client has a part of an entry: its rest must follow.
        static let entry = Holds(rawValue: 16)
        /// A TLS handshake is under way.
        static let securing = Holds(rawValue: 32)
    }

    enum Phase {
        case open
        /// In a TLS handshake: what comes before it is complete is no request.
        case securing
        /// Ended by us; what was answered is being sent. Then the connection lingers, or is closed at once.
        case flushing(linger: Bool)
        /// Our side is closed; what the client still sends is thrown away, so that the system does not reset the connection
        /// before the client has read the last answer.
        case lingering
        case closed
    }

    let id: UInt64
    let loop: LoopContext
    let session: Session
    let address: String?
    // Unchecked, here and below: confined to the event loop, and no access lasts longer than a load or a store.
    @exclusivity(unchecked) var context: ChannelHandlerContext?
    @exclusivity(unchecked) var phase = Phase.open
    @exclusivity(unchecked) var holds: Holds = []
    /// Set while requests are handled: what then becomes possible again is done by who set it, not recursively.
    @exclusivity(unchecked) var isHandling = false
    @exclusivity(unchecked) var isReadWanted = false
    /// Whether the client has closed its side: nothing more will come.
    var isInputClosed = false
    /// Whether the channel was told to close.
    var isClosing = false
    @exclusivity(unchecked) var isFlushWanted = false
    /// Whether answers of it stand in ``LoopContext/gathered``.
    @exclusivity(unchecked) var isGathered = false
    /// Whether the channel may hold writes.
    @exclusivity(unchecked) var hasOutput = false
    var descriptor: Int32 = -1
    /// Nil before the channel is active, after it, and with TLS.
    @exclusivity(unchecked) var direct: DirectOutput?
    /// Bytes that were read and not handled: the beginning of a request, or requests held back. Nil when there are none.
    @exclusivity(unchecked) var held: ByteBuffer?
    /// Searches that wait until the client has taken what was sent.
    var parked: [LongSearch] = []
    /// Searches that wait for changes of the directory.
    var listening: [LongSearch] = []
    /// The search inside whose entry the output ends.
    var entry: LongSearch?
    /// What came from other threads meanwhile.
    var waiting: [Waiting] = []

    /// Something that has answers and has to wait with them.
    enum Waiting {
        case write(Int, [UInt8])
        case chunk(LongSearch, ByteBuffer, LongSearch.Progress)
        case work(BlockingOperation, OperationKind, any Sendable)
    }

    var ticket: WorkPool.Ticket?
    var closeReason: String?
    /// Whether TLS begins with the connection.
    let beginsWithTLS: Bool
    /// Whether what is written is encrypted on its way to the channel.
    @exclusivity(unchecked) var isSecured = false
    /// While the connection is in ``Phase/securing``.
    var handshake: Handshake?

    let started: NIODeadline
    @exclusivity(unchecked) var lastActivity: NIODeadline
    /// Since when a request is incomplete, and (after the end) since when the connection is in its phase.
    @exclusivity(unchecked) var waitingSince: NIODeadline?
    @exclusivity(unchecked) var bytesSent: UInt64 = 0
    var bytesTaken: UInt64 = 0
    @exclusivity(unchecked) var takenSince: NIODeadline

    init(
        id: UInt64, peer: String, listener: ListenerFacts, address: String?, protection: Protection = .none, beginsWithTLS: Bool = false,
        loop: LoopContext
    ) {
        self.id = id
        self.beginsWithTLS = beginsWithTLS
        self.loop = loop
        self.address = address
        session = Session(connectionID: id, peer: peer, listener: listener)
        session.protection = protection
        // The loop's clock stands still while there are no connections.
        started = .now()
        lastActivity = loop.now
        takenSince = loop.now
    }

    /// As `cn=Connections,cn=Monitor` shows it.
    func facts(_ now: NIODeadline) -> MonitorFacts.Connection {
        var mask = holds.isEmpty ? "r" : ""
        if operationsInFlight > 0 || holds.contains(.blocking) { mask += "x" }
        if holds.contains(.unwritable) { mask += "w" }
        if case .tls = session.protection { mask += "s" }
        func seconds(_ since: NIODeadline) -> Int { max(0, Int((now - since).nanoseconds / 1_000_000_000)) }
        return MonitorFacts.Connection(
            id: id, peer: session.peer, listener: session.listener.name, name: session.authorizationName(loop.server.directory), mask: mask,
            operationsReceived: session.requestCount, operationsExecuting: operationsInFlight + (holds.contains(.blocking) ? 1 : 0),
            age: seconds(started), idle: seconds(lastActivity))
    }

    /// Whether it waits for its client to take what was sent.
    var isUnwritable: Bool { holds.contains(.unwritable) }

    var limits: ServerLimits { loop.server.limits }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if beginsWithTLS { secure(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // Also reached by a connection that never became active.
        self.context = nil
        loop.server.admission.release(address)
    }

    func channelActive(context: ChannelHandlerContext) {
        loop.register(self)
        lastActivity = loop.now
        if address == nil, session.peer == session.listener.name { session.peerCredentials = PeerCredentials(context) }
        let output = DirectOutput(context)
        descriptor = output?.descriptor ?? -1
        if case .open = phase { direct = output }
        if loop.server.log.isEnabled {
            loop.server.log.accepted(connection: id, descriptor: descriptor, peer: session.peer, listener: session.listener.name)
        }
        if loop.isStopping { stop() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: handshakeCompleted(context)
        case ChannelEvent.inputClosed: inputClosed()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // What came before the end is carried out.
        loop.handleGathered()
        phase = .closed
        direct = nil
        handshake = nil
        dropRequests()
        if loop.server.log.isEnabled {
            loop.server.log.closed(connection: id, descriptor: descriptor, reason: closeReason ?? "connection lost")
        }
        loop.unregister(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch phase {
        case .securing: return failHandshake("TLS negotiation failure: \(error)")
        // Consequences of our closing.
        case .closed: return
        case .open, .flushing, .lingering: break
        }
        // Most clients close without saying so in TLS; requests and answers have lengths, so nothing can be cut off unseen.
        if case .uncleanShutdown? = error as? NIOSSLError { return }
        // The client has reset the connection or the system refuses to go on: there is nobody to tell.
        abort("\(error)")
    }

    func read(context: ChannelHandlerContext) {
        switch phase {
        case .open where holds.isEmpty: context.read()
        case .lingering, .securing: context.read()
        case .open, .flushing, .closed: isReadWanted = true
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .open = phase else { return }
        var bytes = unwrapInboundIn(data)
        LoopCounters.add(bytes.readableBytes, to: loop.counters.bytesReceived)
        lastActivity = loop.now
        if !loop.gather(bytes, of: self) { handleRead(&bytes) }
    }

    /// Handles what was read, behind what was read before it.
    func handleRead(_ bytes: inout ByteBuffer) {
        guard case .open = phase, let context else { return }
        if var earlier = takeHeld() {
            earlier.writeBuffer(&bytes)
            // What comes though we do not read (the system hands over the rest when the client closes its side) is bounded too.
            guard earlier.readableBytes <= limits.maximumRequest + (1 << 20) else { return abort("too many requests") }
            handle(&earlier, context)
            keep(&earlier, isOwn: true)
        } else {
            handle(&bytes, context)
            keep(&bytes, isOwn: false)
        }
        flushAnswers()
    }

    /// Nothing is done then: what was read is handled soon, and its answers are flushed when they are written.
    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else {
            holds.insert(.unwritable)
            loop.server.counters.answersHeld.add(1, ordering: .relaxed)
            return
        }
        holds.remove(.unwritable)
        let waiting = parked
        parked = []
        for search in waiting { loop.server.advance(search, connection: id, mailbox: loop.mailbox) }
        resume()
    }

    // MARK: - Requests

    /// Handles the complete requests at the beginning of `bytes`, as far as nothing holds them back. Their answers are written,
    /// not flushed.
    func handle(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        guard holds.isEmpty else { return }
        isHandling = true
        var requests = 0
        var end: (reason: String, linger: Bool)?
        while end == nil, holds.isEmpty, bytes.readableBytes > 0 {
            let limit = session.isAuthenticated ? limits.maximumRequest : limits.maximumAnonymousRequest
            let length: Int
            do {
                guard let found = try LDAPEnvelope.frameLength(bytes.readableBytesSpan, limit: limit),
                    found <= bytes.readableBytes
                else { break }
                length = found
            } catch {
                loop.server.directory.writeNoticeOfDisconnection(error.code, error.message, output: &loop.output)
                loop.server.counters.protocolErrors.add(1, ordering: .relaxed)
                if error.message == LDAPEnvelope.tooLong(limit).message {
                    let counters = loop.server.counters
                    _ = session.isAuthenticated
                        ? counters.requestsTooLong.add(1, ordering: .relaxed) : counters.requestsTooLongAnonymous.add(1, ordering: .relaxed)
                }
                end = (error.message, true)
                break
            }
            let before = loop.output.count
            let disposition = loop.currentDirectory().handle(
                bytes.readableBytesSpan.extracting(first: length), session: session, worker: loop.worker, output: &loop.output)
            bytes.moveReaderIndex(forwardBy: length)
            requests += 1
            switch disposition {
            case .answered:
                break
            case .close:
                // With a last answer it is the directory that ends the connection, without one it was the client.
                let isNotice = loop.output.count > before
                if isNotice { loop.server.counters.protocolErrors.add(1, ordering: .relaxed) }
                end = (isNotice ? "protocol error" : "unbind", isNotice)
            case .search(let search):
                start(search)
            case .write(let write):
                start(write, loop.worker.kind)
            case .blocking(let operation):
                if !start(operation, loop.worker.kind) { end = ("too much work waits", true) }
            case .startTLS(let request):
                end = start(request, behind: bytes.readableBytes, context)
                loop.worker.complete(.extended)
            }
            if loop.output.count >= limits.writeBuffer {
                writeAnswers(context)
                flushAnswers()
            }
        }
        isHandling = false
        if requests > 0 {
            LoopCounters.add(requests, to: loop.counters.requests)
            waitingSince = nil
            loop.endBurst()
        }
        writeAnswers(context)
        if let end { self.end(end.reason, linger: end.linger) }
    }

    /// Keeps what was not handled, in no more memory than it needs.
    func keep(_ bytes: inout ByteBuffer, isOwn: Bool) {
        guard case .open = phase, bytes.readableBytes > 0 else { return }
        if isOwn && bytes.capacity <= 4 * max(bytes.readableBytes, 256) {
            if bytes.readerIndex > 0 { bytes.discardReadBytes() }
        } else {
            var copy = loop.allocator.buffer(capacity: bytes.readableBytes)
            copy.writeBuffer(&bytes)
            bytes = copy
        }
        let total = loop.server.counters.bufferedRequestBytes.add(bytes.capacity, ordering: .relaxed).newValue
        held = bytes
        if holds.isEmpty {
            if waitingSince == nil { waitingSince = loop.now }
        } else {
            waitingSince = nil
        }
        if total > limits.maximumBufferedRequests {
            loop.server.counters.buffersFull.add(1, ordering: .relaxed)
            endWithNotice(.busy, "too many bytes of incomplete requests are held")
        }
    }

    func takeHeld() -> ByteBuffer? {
        guard let bytes = held else { return nil }
        held = nil
        loop.server.counters.bufferedRequestBytes.subtract(bytes.capacity, ordering: .relaxed)
        return bytes
    }

    /// Goes on after a hold was lifted: first with what was read already, then with reading.
    func resume() {
        guard !isHandling else { return }
        while case .open = phase, holds.isEmpty, let context, var bytes = takeHeld() {
            let before = bytes.readableBytes
            handle(&bytes, context)
            let isProgress = bytes.readableBytes < before
            keep(&bytes, isOwn: true)
            // A flush may lift a hold at once; it must not call back into here.
            isHandling = true
            flushAnswers()
            isHandling = false
            if !isProgress { break }
        }
        if isInputClosed {
            endIfAllIsAnswered()
        } else if case .open = phase, holds.isEmpty, isReadWanted, let context {
            isReadWanted = false
            context.read()
        }
    }

    // MARK: - Answers

    /// Sends the answers in the loop's output, soon or as far as the system takes them now; the next flush sends the rest.
    /// - Parameter isMoreToCome: whether other answers will follow in a moment.
    func writeAnswers(_ context: ChannelHandlerContext, isMoreToCome: Bool = false) {
        guard !loop.output.isEmpty else { return }
        var sent = 0
        if !hasOutput, let direct {
            if loop.gather(for: self, isMoreToCome: isMoreToCome) { return }
            sendGatheredFirst()
            // Sending may have filled the channel.
            if !hasOutput, context.channel.isActive {
                sent = direct.send(loop.output)
                LoopCounters.add(sent, to: loop.counters.bytesSent)
            }
        }
        if sent < loop.output.count { write(isSecured ? loop.copyForTLS() : loop.allocator.buffer(copying: loop.output, from: sent), context) }
        loop.output.removeAll(keeping: 1 << 18)
    }

    /// Sends what was gathered of this connection's answers.
    func sendGathered(_ answers: RawSpan) {
        isGathered = false
        guard let context, context.channel.isActive else { return }
        var sent = 0
        if !hasOutput, let direct {
            sent = direct.send(answers)
            LoopCounters.add(sent, to: loop.counters.bytesSent)
        }
        guard sent < answers.byteCount else { return }
        write(loop.allocator.buffer(copying: answers, from: sent), context)
        flushAnswers()
    }

    /// What was answered earlier goes before what follows.
    func sendGatheredFirst() {
        if isGathered { loop.sendGathered() }
    }

    /// Hands the channel bytes, to be sent with the next flush.
    func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        sendGatheredFirst()
        LoopCounters.add(bytes.readableBytes, to: loop.counters.bytesSent)
        if !hasOutput {
            hasOutput = true
            takenSince = loop.now
        }
        bytesSent &+= UInt64(bytes.readableBytes)
        isFlushWanted = true
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    /// Sends what was written.
    func flushAnswers() {
        guard isFlushWanted else { return }
        isFlushWanted = false
        context?.flush()
    }
}
