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
    private struct Holds: OptionSet {
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

    private enum Phase {
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
    private let loop: LoopContext
    private let session: Session
    private let address: String?
    private let listener: String
    // Unchecked, here and below: confined to the event loop, and no access lasts longer than a load or a store.
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var phase = Phase.open
    @exclusivity(unchecked) private var holds: Holds = []
    /// Set while requests are handled: what then becomes possible again is done by who set it, not recursively.
    @exclusivity(unchecked) private var isHandling = false
    @exclusivity(unchecked) private var isReadWanted = false
    @exclusivity(unchecked) private var isFlushWanted = false
    @exclusivity(unchecked) private var hasOutput = false
    private var descriptor: Int32 = -1
    /// Bytes that were read and not handled: the beginning of a request, or requests held back. Nil when there are none.
    @exclusivity(unchecked) private var held: ByteBuffer?
    /// Searches that wait until the client has taken what was sent.
    private var parked: [LongSearch] = []
    /// Searches that wait for changes of the directory.
    private var listening: [LongSearch] = []
    /// The search inside whose entry the output ends.
    private var entry: LongSearch?
    /// What came from other threads meanwhile.
    private var waiting: [Waiting] = []

    /// Something that has answers and has to wait with them.
    private enum Waiting {
        case write(Int, [UInt8])
        case chunk(LongSearch, ByteBuffer, LongSearch.Progress)
        case work(BlockingOperation, OperationKind, any Sendable)
    }

    private var ticket: WorkPool.Ticket?
    private var closeReason: String?
    /// Whether TLS begins with the connection.
    private let beginsWithTLS: Bool
    /// While the connection is in ``Phase/securing``.
    private var handshake: Handshake?

    private let started: NIODeadline
    @exclusivity(unchecked) private var lastActivity: NIODeadline
    /// Since when a request is incomplete, and (after the end) since when the connection is in its phase.
    @exclusivity(unchecked) private var waitingSince: NIODeadline?
    @exclusivity(unchecked) private var bytesSent: UInt64 = 0
    private var bytesTaken: UInt64 = 0
    @exclusivity(unchecked) private var takenSince: NIODeadline

    init(
        id: UInt64, peer: String, listener: String, address: String?, protection: Protection = .none, beginsWithTLS: Bool = false,
        loop: LoopContext
    ) {
        self.id = id
        self.beginsWithTLS = beginsWithTLS
        self.loop = loop
        self.listener = listener
        self.address = address
        session = Session(connectionID: id, peer: peer)
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
            id: id, peer: session.peer, listener: listener, name: session.authorizationName(loop.server.directory), mask: mask,
            operationsReceived: session.requestCount, operationsExecuting: operationsInFlight + (holds.contains(.blocking) ? 1 : 0),
            age: seconds(started), idle: seconds(lastActivity))
    }

    /// Whether it waits for its client to take what was sent.
    var isUnwritable: Bool { holds.contains(.unwritable) }

    private var limits: ServerLimits { loop.server.limits }

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
        if address == nil, session.peer == listener { session.peerCredentials = PeerCredentials(context) }
        if loop.server.log.isEnabled {
            descriptor =
                (try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }) ?? -1
            loop.server.log.accepted(connection: id, descriptor: descriptor, peer: session.peer, listener: listener)
        }
        if loop.isStopping { stop() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
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
    }

    func channelReadComplete(context: ChannelHandlerContext) { flushAnswers() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else {
            holds.insert(.unwritable)
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
    private func handle(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
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
            let disposition = loop.server.directory.handle(
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
            loop.worker.releaseSnapshot()
        }
        writeAnswers(context)
        if let end { self.end(end.reason, linger: end.linger) }
    }

    /// Keeps what was not handled, in no more memory than it needs.
    private func keep(_ bytes: inout ByteBuffer, isOwn: Bool) {
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

    private func takeHeld() -> ByteBuffer? {
        guard let bytes = held else { return nil }
        held = nil
        loop.server.counters.bufferedRequestBytes.subtract(bytes.capacity, ordering: .relaxed)
        return bytes
    }

    /// Goes on after a hold was lifted: first with what was read already, then with reading.
    private func resume() {
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
        if case .open = phase, holds.isEmpty, isReadWanted, let context {
            isReadWanted = false
            context.read()
        }
    }

    // MARK: - Operations away from the loop

    private var operationsInFlight: Int { session.operations.count }

    private func start(_ search: LongSearch) {
        session.operations.register(search)
        let (id, mailbox) = (id, loop.mailbox)
        search.waker.set { [weak search] in
            if let search { mailbox.post(.woken(connection: id, search)) }
        }
        loop.server.counters.searchesInFlight.add(1, ordering: .relaxed)
        loop.server.advance(search, connection: id, mailbox: loop.mailbox)
        holdIfFull()
    }

    private func start(_ write: PendingWrite, _ kind: OperationKind) {
        session.operations.register(write)
        loop.server.counters.writesInFlight.add(1, ordering: .relaxed)
        let (id, mailbox, messageID) = (id, loop.mailbox, write.messageID)
        loop.server.directory.submit(write, from: id) { mailbox.post(.answer(connection: id, messageID: messageID, kind, $0)) }
        holdIfFull()
    }

    private func holdIfFull() {
        guard operationsInFlight >= limits.maximumOperationsPerConnection, !holds.contains(.operations) else { return }
        holds.insert(.operations)
        loop.server.counters.operationsHeld.add(1, ordering: .relaxed)
    }

    private func start(_ operation: BlockingOperation, _ kind: OperationKind) -> Bool {
        let pool = operation.waitsForOthers ? loop.server.waitingWork : loop.server.work
        ticket = pool.submit(operation, kind, connection: id, mailbox: loop.mailbox)
        guard ticket != nil else {
            loop.server.counters.workRefused.add(1, ordering: .relaxed)
            loop.worker.complete(kind)
            loop.server.directory.writeNoticeOfDisconnection(.busy, "too much work waits", output: &loop.output)
            return false
        }
        holds.insert(.blocking)
        return true
    }

    // MARK: - TLS

    /// RFC 4511 section 4.14, RFC 4513 section 3.1.1.
    /// - Parameter rest: bytes that came behind the request.
    /// - Returns: why the connection is to be ended, if it is.
    private func start(
        _ request: PendingStartTLS, behind rest: Int, _ context: ChannelHandlerContext
    ) -> (reason: String, linger: Bool)? {
        guard loop.server.tls != nil else {
            request.answer(LDAPError(.unavailable, "TLS is not available"), session, &loop.output)
            return nil
        }
        guard operationsInFlight == 0 else {
            request.answer(LDAPError(.operationsError, "operations are outstanding"), session, &loop.output)
            return nil
        }
        // Somebody on the way may have put them there, to be taken for what comes after the handshake.
        guard rest == 0 else {
            loop.server.directory.writeNoticeOfDisconnection(
                .protocolError, "nothing may follow StartTLS before the handshake", output: &loop.output)
            loop.server.counters.protocolErrors.add(1, ordering: .relaxed)
            return ("bytes behind StartTLS", true)
        }
        request.answer(nil, session, &loop.output)
        writeAnswers(context)
        flushAnswers()
        secure(context)
        return nil
    }

    /// Begins a handshake.
    private func secure(_ context: ChannelHandlerContext) {
        guard let contexts = loop.server.tls else { return abort("TLS is not configured") }
        do {
            handshake = try Handshake(contexts, context.channel, since: .now(), before: self)
            phase = .securing
            holds.insert(.securing)
        } catch {
            abort("\(error)")
        }
    }

    /// Ends a connection whose handshake cannot go on. What else goes wrong while it closes is not counted again.
    private func failHandshake(_ reason: String) {
        loop.server.counters.handshakesFailed.add(1, ordering: .relaxed)
        handshake = nil
        phase = .closed
        abort(reason)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent, case .securing = phase, let handshake else {
            return context.fireUserInboundEventTriggered(event)
        }
        do {
            let facts = try handshake.facts(context.channel)
            session.protection = .tls(facts)
            loop.server.counters.handshakes.add(1, ordering: .relaxed)
            if loop.server.log.isEnabled { loop.server.log.secured(connection: id, descriptor: descriptor, facts) }
        } catch {
            return failHandshake(error.message)
        }
        self.handshake = nil
        phase = .open
        holds.remove(.securing)
        lastActivity = loop.now
        if loop.isStopping { stop() }
    }

    /// Takes the answer of a change. The caller flushes.
    func finishWrite(_ messageID: Int, _ answer: [UInt8]) {
        if entry != nil { return waiting.append(.write(messageID, answer)) }
        session.operations.completeWrite(messageID)
        if case .open = phase, let context {
            loop.output.append(answer)
            writeAnswers(context)
        }
        operationEnded()
    }

    /// Takes a chunk of a search, and has the next one made as soon as the client can take it.
    func continueSearch(_ search: LongSearch, _ bytes: ByteBuffer, _ progress: LongSearch.Progress) {
        guard case .open = phase else { return forgetSearches(1) }
        if let entry, entry !== search { return waiting.append(.chunk(search, bytes, progress)) }
        let wasInsideEntry = entry != nil
        if search.isInsideEntry {
            entry = search
            holds.insert(.entry)
        } else if wasInsideEntry {
            entry = nil
            holds.remove(.entry)
        }
        if bytes.readableBytes > 0, let context {
            write(bytes, context)
            flushAnswers()
        }
        defer { if wasInsideEntry, entry == nil { deliverWaiting() } }
        switch progress {
        case .more where holds.contains(.unwritable):
            parked.append(search)
        case .more:
            loop.server.advance(search, connection: id, mailbox: loop.mailbox)
        case .waiting:
            if holds.contains(.stopping) { search.cancel() }
            listening.append(search)
            if search.hasNews { wake(search) }
        case .done:
            forgetSearches(1)
            session.operations.complete(search)
            operationEnded()
        case .broken:
            forgetSearches(1)
            session.operations.complete(search)
            abort("storage failed")
        }
    }

    /// Searches have ended, in whatever way.
    private func forgetSearches(_ count: Int) {
        loop.server.counters.searchesInFlight.subtract(count, ordering: .relaxed)
        for _ in 0..<count { loop.worker.complete(.search) }
    }

    /// Has a search that waits for changes go on; one that does not wait will see them anyway.
    func wake(_ search: LongSearch) {
        guard let index = listening.firstIndex(where: { $0 === search }) else { return }
        listening.remove(at: index)
        if holds.contains(.unwritable), case .open = phase {
            parked.append(search)
        } else {
            loop.server.advance(search, connection: id, mailbox: loop.mailbox)
        }
    }

    /// An entry is complete: what waited for that goes on.
    private func deliverWaiting() {
        let items = waiting
        waiting = []
        for item in items {
            switch item {
            case .write(let messageID, let answer): finishWrite(messageID, answer)
            case .chunk(let search, let bytes, let progress): continueSearch(search, bytes, progress)
            case .work(let operation, let kind, let result): finishWork(operation, kind, result)
            }
        }
        flushAnswers()
        resume()
    }

    /// Searches that have kept a snapshot for long while the client takes nothing make the rest of their entry now, and give it back.
    private func finishParkedEntries() {
        guard parked.contains(where: { $0.isOverdue }) else { return }
        let overdue = parked.filter { $0.isOverdue }
        parked.removeAll { one in overdue.contains { $0 === one } }
        for search in overdue { loop.server.searches.advance(search, connection: id, mailbox: loop.mailbox, isFinishing: true) }
    }

    /// Has the second half of a blocking operation run.
    func finishWork(_ operation: BlockingOperation, _ kind: OperationKind, _ result: any Sendable) {
        if entry != nil { return waiting.append(.work(operation, kind, result)) }
        ticket = nil
        guard case .open = phase, let context else { return loop.worker.complete(kind) }
        if let write = operation.finish(result, session, &loop.output) { start(write, kind) } else { loop.worker.complete(kind) }
        writeAnswers(context)
        flushAnswers()
        holds.remove(.blocking)
        operationEnded()
    }

    private func operationEnded() {
        guard case .open = phase else { return }
        lastActivity = loop.now
        if operationsInFlight < limits.maximumOperationsPerConnection { holds.remove(.operations) }
        if holds.contains(.stopping) { stop() } else { resume() }
    }

    // MARK: - Answers

    private func writeAnswers(_ context: ChannelHandlerContext) {
        guard !loop.output.isEmpty else { return }
        let bytes = loop.allocator.buffer(copying: loop.output)
        loop.output.removeAll(keeping: 1 << 18)
        write(bytes, context)
    }

    private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
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

    // MARK: - End

    /// Looks for timeouts.
    /// - Parameter excused: how long the loop had no time for its connections.
    func sweep(_ now: NIODeadline, excused: TimeAmount) {
        if excused > .zero {
            if case .open = phase, let since = waitingSince { waitingSince = since + excused }
            takenSince = takenSince + excused
        }
        if hasOutput, let context {
            let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            let taken = bytesSent &- UInt64(waiting)
            if waiting == 0 {
                hasOutput = false
            } else if taken != bytesTaken {
                bytesTaken = taken
                takenSince = now
            } else if now - takenSince > TimeAmount(limits.slowReaderTimeout) {
                return timeOut("slow reader", loop.server.counters.slowReaders)
            }
        }
        switch phase {
        case .open:
            finishParkedEntries()
            if let since = waitingSince, holds.isEmpty {
                let allowance = TimeAmount.seconds(Int64((held?.readableBytes ?? 0) >> 16))
                if now - since > TimeAmount(limits.slowSenderTimeout) + allowance {
                    return timeOut("slow sender", loop.server.counters.slowSenders)
                }
            }
            if let idle = limits.idleTimeout, !hasOutput, operationsInFlight == 0, !holds.contains(.blocking),
                now - lastActivity > TimeAmount(idle)
            {
                loop.server.counters.idleTimeouts.add(1, ordering: .relaxed)
                end("idletimeout", linger: false)
            }
        case .securing:
            if let since = handshake?.since, now - since > TimeAmount(limits.handshakeTimeout) {
                loop.server.counters.handshakeTimeouts.add(1, ordering: .relaxed)
                failHandshake("TLS handshake took too long")
            }
        case .lingering:
            if let since = waitingSince, now - since > TimeAmount(limits.lingerTimeout) { abort(closeReason) }
        case .flushing, .closed:
            break
        }
    }

    /// The server stops: closes as soon as no operation runs, with the notice of RFC 4511 section 4.4.1.
    func stop() {
        if case .securing = phase { return abort("server stops") }
        guard case .open = phase else { return }
        holds.insert(.stopping)
        for search in listening { search.cancel() }
        if operationsInFlight == 0 && !holds.contains(.blocking) {
            endWithNotice(.unavailable, "the server stops", linger: false)
        }
    }

    private func timeOut(_ reason: String, _ counter: borrowing Atomic<UInt64>) {
        counter.add(1, ordering: .relaxed)
        abort(reason)
    }

    /// Closes at once; answers that wait are lost.
    func abort(_ reason: String?) {
        closeReason = reason
        context?.close(promise: nil)
    }

    private func endWithNotice(_ code: ResultCode, _ message: String, linger: Bool = true) {
        guard let context else { return }
        if entry != nil { return abort(message) }
        loop.server.directory.writeNoticeOfDisconnection(code, message, output: &loop.output)
        writeAnswers(context)
        end(message, linger: linger)
    }

    /// Handles no further request, sends what was written, then closes.
    private func end(_ reason: String, linger: Bool) {
        guard case .open = phase, let context else { return }
        // Nothing can be told any more.
        if entry != nil { return abort(reason) }
        phase = .flushing(linger: linger)
        closeReason = reason
        dropRequests()
        isFlushWanted = false
        // Written after all answers: done when they are.
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.flushed() }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    private func flushed() {
        guard case .flushing(let linger) = phase, let context else { return }
        guard linger else {
            context.close(promise: nil)
            return
        }
        phase = .lingering
        waitingSince = loop.now
        context.close(mode: .output, promise: nil)
        if isReadWanted {
            isReadWanted = false
            context.read()
        }
    }

    /// Lets go of everything that was asked for and not answered. Changes that were handed to the writer are carried out.
    private func dropRequests() {
        session.operations.abandonAll()
        forgetSearches(parked.count + listening.count)
        parked = []
        listening = []
        for item in waiting {
            switch item {
            case .chunk: forgetSearches(1)
            case .work(_, let kind, _): loop.worker.complete(kind)
            case .write: break
            }
        }
        waiting = []
        entry = nil
        ticket?.cancel()
        ticket = nil
        waitingSince = nil
        _ = takeHeld()
    }
}
