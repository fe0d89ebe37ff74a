import Synchronization

/// Connections to one other server, kept for the next who needs one. Calls block the thread that makes them: not for event loops.
///
/// After a failure to connect, or to answer in time, the server is left alone for a while (``retryDelay``); who asks meanwhile is told at once. No more than
/// ``connectionLimit`` calls are under way at a time.
public final class LDAPClientPool: Sendable {
    private struct State {
        var idle: [LDAPClientConnection] = []
        var inUse = 0
        /// Until when no connection is tried, and why.
        var pause: (end: ContinuousClock.Instant, reason: LDAPClientError)?
    }

    public let server: LDAPClientServer
    private let state = Mutex(State())

    /// Calls under way at a time.
    public static let connectionLimit = 8
    /// How long a server is left alone that could not be reached.
    public static let retryDelay = Duration.seconds(5)
    /// How long a connection is kept without use.
    private static let idleTime = Duration.seconds(60)

    public init(_ server: LDAPClientServer) { self.server = server }

    /// Carries a search out.
    /// - Throws: when the server cannot be reached or refuses.
    public func search(_ search: LDAPClientSearch) throws(LDAPClientError) -> LDAPClientAnswer {
        var (connection, isFresh) = try take()
        while true {
            do throws(LDAPClientError) {
                let answer = try connection.search(search)
                give(connection)
                return answer
            } catch {
                if !error.isDisconnection {
                    give(connection)
                    throw error
                }
                // A connection that was kept may have been closed by the server: once more with a new one.
                guard error.isStale, !isFresh else {
                    leaveAlone(error)
                    give(nil)
                    throw error
                }
                do throws(LDAPClientError) { connection = try open() } catch {
                    give(nil)
                    throw error
                }
                isFresh = true
            }
        }
    }

    private func take() throws(LDAPClientError) -> (LDAPClientConnection, isFresh: Bool) {
        let now = ContinuousClock.now
        let kept: Result<LDAPClientConnection?, LDAPClientError> = state.withLock { state in
            if let pause = state.pause {
                if now < pause.end { return .failure(pause.reason) }
                state.pause = nil
            }
            guard state.inUse < Self.connectionLimit else {
                return .failure(LDAPClientError(code: 51, message: "\(server.urls.first ?? ""): \(Self.connectionLimit) searches are under way"))
            }
            state.inUse += 1
            state.idle.removeAll { now - $0.idleSince > Self.idleTime }
            return .success(state.idle.popLast())
        }
        if let connection = try kept.get() { return (connection, false) }
        do throws(LDAPClientError) { return (try open(), true) } catch {
            give(nil)
            throw error
        }
    }

    private func open() throws(LDAPClientError) -> LDAPClientConnection {
        do throws(LDAPClientError) { return try LDAPClientConnection.open(server) } catch {
            leaveAlone(error)
            throw error
        }
    }

    /// A server that does not answer costs its time-out once, not for each who asks.
    private func leaveAlone(_ reason: LDAPClientError) {
        state.withLock { $0.pause = (ContinuousClock.now + Self.retryDelay, reason) }
    }

    private func give(_ connection: LDAPClientConnection?) {
        connection?.idleSince = ContinuousClock.now
        state.withLock { state in
            state.inUse -= 1
            if let connection { state.idle.append(connection) }
        }
    }
}
