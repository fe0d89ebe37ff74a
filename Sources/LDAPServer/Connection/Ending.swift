import Directory
import LDAP
import NIOCore
import Synchronization

// How a connection ends: by a timeout, by its client, by its own fault, with the server.
extension LDAPConnection {
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

    /// The client has closed its side, which looks the same whether it has gone or waits for its answers: what it has asked for is
    /// answered, then the connection ends. What would never be complete ends at once.
    func inputClosed() {
        isInputClosed = true
        loop.handleGathered()
        switch phase {
        case .open:
            for search in listening { search.cancel() }
            resume()
        case .securing, .lingering: close()
        case .flushing, .closed:
            // What is being sent is sent first.
            if isClosing { close() }
        }
    }

    /// After ``inputClosed()``.
    func endIfAllIsAnswered() {
        if holds.isEmpty, operationsInFlight == 0 { end("connection lost", linger: false) }
    }

    func timeOut(_ reason: String, _ counter: borrowing Atomic<UInt64>) {
        counter.add(1, ordering: .relaxed)
        abort(reason)
    }

    /// Closes at once; answers that the system has not taken are lost.
    func abort(_ reason: String?) {
        sendGatheredFirst()
        closeReason = reason
        close()
    }

    /// Closes the channel. TLS says farewell, and waits for the client's if that can come.
    func close() {
        isClosing = true
        context?.close(promise: nil)
        guard isInputClosed, direct == nil, let context else { return }
        (try? context.pipeline.syncOperations.handler(type: EncryptedOutput.self))?.close()
    }

    func endWithNotice(_ code: ResultCode, _ message: String, linger: Bool = true) {
        guard let context else { return }
        if entry != nil { return abort(message) }
        loop.server.directory.writeNoticeOfDisconnection(code, message, output: &loop.output)
        writeAnswers(context)
        end(message, linger: linger)
    }

    /// Handles no further request, sends what was written, then closes.
    func end(_ reason: String, linger: Bool) {
        guard case .open = phase, let context else { return }
        // Nothing can be told any more.
        if entry != nil { return abort(reason) }
        sendGatheredFirst()
        guard case .open = phase else { return }
        phase = .flushing(linger: linger)
        closeReason = reason
        dropRequests()
        isFlushWanted = false
        // Written after all answers: done when they are.
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.flushed() }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    func flushed() {
        guard case .flushing(let linger) = phase, let context else { return }
        guard linger, !isInputClosed else {
            close()
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
    func dropRequests() {
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
