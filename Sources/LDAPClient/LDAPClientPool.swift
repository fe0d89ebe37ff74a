import Synchronization

/// Connections to one other server, kept for the next who needs one. Calls block the thread that makes them: not for event loops.
///
/// After a failure to connect, or to answer in time, the server is left alone for a while (``retryDelay``); who asks meanwhile is told at once. No more than
/// ``connectionLimit`` calls are under way at a time.
public final class LDAPClientPool: Sendable {
    private struct State {
        /// Bound as the configuration says: for searches.
        var bound: [LDAPClientConnection] = []
        /// Bound as whoever came last: for nothing but binds.
        var loose: [LDAPClientConnection] = []
        var inUse = 0
        /// Until when no connection is tried, and why.
        var pause: (end: ContinuousClock.Instant, reason: LDAPClientError)?
    }

    private enum Purpose { case search, verification }

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
        try use(.search) { connection throws(LDAPClientError) in try connection.search(search) }
    }

    /// Whether somebody has a password, by a simple bind (RFC 4511 section 4.2). Empty names and passwords are never sent: they
    /// would be no proof of anything (RFC 4513 section 5.1.2).
    /// - Throws: when the server cannot be reached or says neither yes nor no.
    public func verify(name: String, password: [UInt8]) throws(LDAPClientError) -> Bool {
        guard !name.isEmpty, !password.isEmpty, !name.utf8.contains(0) else { return false }
        return try use(.verification) { connection throws(LDAPClientError) in try connection.verify(name, password) }
    }

    private func use<T>(
        _ purpose: Purpose, _ body: (LDAPClientConnection) throws(LDAPClientError) -> T
    ) throws(LDAPClientError) -> T {
        var (connection, isFresh) = try take(purpose)
        while true {
            do throws(LDAPClientError) {
                let answer = try body(connection)
                give(connection, purpose)
                return answer
            } catch {
                if !error.isDisconnection {
                    give(connection, purpose)
                    throw error
                }
                // A connection that was kept may have been closed by the server: once more with a new one.
                guard error.isStale, !isFresh else {
                    leaveAlone(error)
                    give(nil, purpose)
                    throw error
                }
                do throws(LDAPClientError) { connection = try open(purpose) } catch {
                    give(nil, purpose)
                    throw error
                }
                isFresh = true
            }
        }
    }

    private func take(_ purpose: Purpose) throws(LDAPClientError) -> (LDAPClientConnection, isFresh: Bool) {
        let now = ContinuousClock.now
        let kept: Result<LDAPClientConnection?, LDAPClientError> = state.withLock { state in
            if let pause = state.pause {
                if now < pause.end { return .failure(pause.reason) }
                state.pause = nil
            }
            guard state.inUse < Self.connectionLimit else {
                return .failure(LDAPClientError(code: 51, message: "\(server.urls.first ?? ""): \(Self.connectionLimit) requests are under way"))
            }
            state.inUse += 1
            state.bound.removeAll { now - $0.idleSince > Self.idleTime }
            state.loose.removeAll { now - $0.idleSince > Self.idleTime }
            return .success(purpose == .search ? state.bound.popLast() : state.loose.popLast())
        }
        if let connection = try kept.get() { return (connection, false) }
        do throws(LDAPClientError) { return (try open(purpose), true) } catch {
            give(nil, purpose)
            throw error
        }
    }

    private func open(_ purpose: Purpose) throws(LDAPClientError) -> LDAPClientConnection {
        do throws(LDAPClientError) { return try LDAPClientConnection.open(server, binds: purpose == .search) } catch {
            // Who is refused has reached it.
            if error.isDisconnection { leaveAlone(error) }
            throw error
        }
    }

    /// A server that does not answer costs its time-out once, not for each who asks.
    private func leaveAlone(_ reason: LDAPClientError) {
        state.withLock { $0.pause = (ContinuousClock.now + Self.retryDelay, reason) }
    }

    private func give(_ connection: LDAPClientConnection?, _ purpose: Purpose) {
        connection?.idleSince = ContinuousClock.now
        state.withLock { state in
            state.inUse -= 1
            guard let connection else { return }
            if purpose == .search { state.bound.append(connection) } else { state.loose.append(connection) }
        }
    }
}
