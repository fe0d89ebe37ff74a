import Directory
import EntryStore
import LDAPServer
import Schema
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A server on an empty directory of its own.
enum TestServer {
    static let rootName = "cn=config"
    static let rootPassword = "secret"

    /// The standard schema, read once.
    private static let schema = Result {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/schema/"
        return try Schema(
            ["system", "core", "cosine", "inetorgperson", "dyngroup"].map { try SchemaSource(path: folder + $0 + ".schema") })
    }

    /// Runs a body against a server on any free port, and stops the server afterwards.
    static func run(
        _ listeners: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 0)], administration: [ListenAddress] = [], limits: ServerLimits = ServerLimits(),
        log: OperationLog = .disabled, _ body: (LDAPServer) async throws -> Void
    ) async throws {
        let folder = "/tmp/muster-server-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(folder, 0o700)
        defer {
            for name in ["data.mdb", "data.mdb-lock"] { unlink(folder + "/" + name) }
            rmdir(folder)
        }
        var options = EntryStore.Options()
        options.mapSize = 1 << 30
        options.durability = .none
        let store = try EntryStore(directory: folder, schema: schema.get(), indexes: [], options: options)
        var settings = DirectorySettings()
        settings.rootPassword = Array(rootPassword.utf8)
        settings.uniqueness = []
        let directory = try Directory(store: store, settings: settings, log: log)
        defer { directory.writer.stop() }
        var threads = LDAPServer.Threads()
        threads.loops = 2
        let server = try await LDAPServer.start(
            directory: directory, listeners: listeners, administrationListeners: administration, limits: limits, threads: threads, log: log)
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
