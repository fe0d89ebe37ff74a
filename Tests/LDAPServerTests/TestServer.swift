import Directory
import LDAPServer

/// A server on an empty directory of its own.
enum TestServer {
    static let rootName = "cn=config"
    static let rootPassword = "secret"

    /// Whether a directory can be made: the tests that ask it something are skipped otherwise.
    static let isAvailable = false

    static func makeDirectory() throws -> Directory { Directory() }

    /// Runs a body against a server on any free port, and stops the server afterwards.
    static func run(
        _ listeners: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 0)], limits: ServerLimits = ServerLimits(),
        log: OperationLog = .disabled, _ body: (LDAPServer) async throws -> Void
    ) async throws {
        var threads = LDAPServer.Threads()
        threads.loops = 2
        let server = try await LDAPServer.start(
            directory: makeDirectory(), listeners: listeners, limits: limits, threads: threads, log: log)
        do {
            try await body(server)
        } catch {
            await server.shutdown()
            throw error
        }
        await server.shutdown()
    }

    /// Limits whose timeouts are short enough for tests.
    static func quick(_ change: (inout ServerLimits) -> Void = { _ in }) -> ServerLimits {
        var limits = ServerLimits()
        limits.sweepInterval = .milliseconds(50)
        limits.lingerTimeout = .milliseconds(300)
        limits.stopTimeout = .seconds(5)
        change(&limits)
        return limits
    }
}
