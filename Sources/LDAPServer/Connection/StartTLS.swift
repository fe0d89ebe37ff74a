import Directory
import LDAP
import NIOCore
import Synchronization

// TLS, from the first byte or by StartTLS.
extension LDAPConnection {
    /// RFC 4511 section 4.14, RFC 4513 section 3.1.1.
    /// - Parameter rest: bytes that came behind the request.
    /// - Returns: why the connection is to be ended, if it is.
    func start(
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
        sendGatheredFirst()
        flushAnswers()
        secure(context)
        return nil
    }

    /// Begins a handshake.
    func secure(_ context: ChannelHandlerContext) {
        guard !isInputClosed else { return close() }
        guard let contexts = loop.server.tls else { return abort("TLS is not configured") }
        do {
            handshake = try Handshake(contexts, context.channel, since: .now(), before: self)
            phase = .securing
            direct = nil
            holds.insert(.securing)
        } catch {
            abort("\(error)")
        }
    }

    /// Ends a connection whose handshake cannot go on. What else goes wrong while it closes is not counted again.
    func failHandshake(_ reason: String) {
        loop.server.counters.handshakesFailed.add(1, ordering: .relaxed)
        handshake = nil
        phase = .closed
        abort(reason)
    }

    func handshakeCompleted(_ context: ChannelHandlerContext) {
        guard case .securing = phase, let handshake else { return }
        do {
            let facts = try handshake.facts(context.channel)
            session.protection = .tls(facts)
            loop.server.counters.handshakes.add(1, ordering: .relaxed)
            if loop.server.log.isEnabled { loop.server.log.secured(connection: id, descriptor: descriptor, facts) }
        } catch {
            return failHandshake(error.message)
        }
        self.handshake = nil
        isSecured = true
        phase = .open
        holds.remove(.securing)
        lastActivity = loop.now
        if loop.isStopping { stop() }
    }
}
