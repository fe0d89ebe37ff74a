public import EntryStore
public import LDAPServer
import Directory
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// A directory server inside this process.
///
/// ```swift
/// var configuration = MusterConfiguration(dataDirectory: "/var/lib/muster")
/// configuration.rootPassword = "secret"
/// let server = try await MusterServer.start(configuration)
/// print(server.addresses)
/// await server.stop()
/// ```
///
/// One server per data directory, over all processes. A server that was not stopped leaves nothing to repair: every acknowledged
/// change is in the database (see ``MusterConfiguration/durability-swift.property``).
public final class MusterServer: Sendable {
    /// The version of this software.
    public static var version: String { MusterVersion.current }

    /// Where the server listens, with real ports, in the order of the configuration, the listeners for administrators last.
    public let addresses: [ListenAddress]
    /// The password that was made up for the administrator of a directory that this start has made; nil otherwise.
    public let initialPassword: String?

    private let configuration: MusterConfiguration
    private let lock: DataDirectory
    private let log: OperationLog
    private let state: Mutex<State>

    private struct State {
        /// Nil once it is stopped, and while it is opened anew.
        var running: RunningServer?
        var counters: ServerCounters
        var opening: Task<Void, Never>?
        var isStopped = false
    }

    /// Between attempts to open the database anew.
    private static let openingInterval = Duration.milliseconds(100)

    private init(
        _ running: RunningServer, _ configuration: MusterConfiguration, _ lock: DataDirectory, _ log: OperationLog, initialPassword: String?
    ) {
        // It listens at the same ports when it is opened anew.
        var real = configuration
        real.listeners = running.server.openAddresses
        real.administrationListeners = running.server.administrationAddresses
        self.configuration = real
        self.lock = lock
        self.log = log
        self.initialPassword = initialPassword
        addresses = running.server.addresses
        state = Mutex(State(running: running, counters: running.server.counters))
        watch(running)
    }

    /// Opens the data directory (a new one gets the initial tree) and listens.
    ///
    /// - Parameter sample: whether a new directory also gets the sample organisation.
    /// - Throws: ``ConfigurationError``, ``DataDirectory/InUse``, ``ListenError`` and what schema and store say.
    public static func start(_ configuration: MusterConfiguration, sample: Bool = false) async throws -> MusterServer {
        let lock = try DataDirectory(configuration.dataDirectory)
        let log = try openLog(configuration)
        let password = Assembly.isNew(configuration) ? try Maintenance.create(configuration, sample: sample) : nil
        do {
            return MusterServer(try await RunningServer.start(configuration, log: log), configuration, lock, log, initialPassword: password)
        } catch {
            log.finish()
            throw error
        }
    }

    /// What the server has counted since it started, or was last opened anew.
    public var counters: ServerCounters.Values { state.withLock(\.counters).values }

    /// What the writer has done since then.
    /// - Throws: ``NotOpen``.
    public func writerStatistics() throws -> WriterStatistics { try running().assembly.directory.writer.statistics }

    /// The state of the database; it takes milliseconds.
    /// - Throws: ``NotOpen``, `EntryStoreError`.
    public func storeStatistics() throws -> StoreStatistics { try running().assembly.directory.store.statistics() }

    /// The server was stopped, or opens its database anew just now.
    public struct NotOpen: Error, Hashable, CustomStringConvertible {
        public var description: String { "the directory is not open" }
    }

    private func running() throws(NotOpen) -> RunningServer {
        guard let running = state.withLock(\.running) else { throw NotOpen() }
        return running
    }

    /// Reads certificate, key and authorities anew, for connections that come; those that exist go on. They are also read anew when the
    /// files change. What cannot be used is said on standard error and leaves everything as it was.
    public func reloadCertificates() { state.withLock(\.running)?.certificates?.reload() }

    /// Stops accepting, lets running operations end, closes connections and database. Further calls do nothing.
    public func stop() async {
        let wasStopped = state.withLock { state in
            defer { state.isStopped = true }
            return state.isStopped
        }
        guard !wasStopped else { return }
        await state.withLock(\.opening)?.value
        await state.withLock({ $0.running.take() })?.stop()
        log.finish()
    }

    // MARK: A database that refuses all

    private func watch(_ running: RunningServer) {
        running.assembly.directory.store.whenBroken { [weak self] in self?.beginOpening() }
    }

    private func beginOpening() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.opening = Task { await self.openAnew() }
        }
    }

    /// Closes all connections and the database, and opens it until that succeeds or the server is stopped: a service need not be started by hand because
    /// its disk was full for a moment.
    private func openAnew() async {
        Assembly.complain("the disk refused a page of the database: it is closed, and opened anew")
        await state.withLock({ $0.running.take() })?.stop()
        var reason = ""
        while !state.withLock(\.isStopped) {
            do {
                let running = try await RunningServer.start(configuration, log: log)
                state.withLock { state in
                    state.running = running
                    state.counters = running.server.counters
                }
                watch(running)
                return Assembly.complain("the database is open again")
            } catch {
                if reason != "\(error)" {
                    reason = "\(error)"
                    Assembly.complain("the database cannot be opened: \(reason)")
                }
            }
            try? await Task.sleep(for: Self.openingInterval)
        }
    }

    private static func openLog(_ configuration: MusterConfiguration) throws -> OperationLog {
        guard configuration.logLevel == .stats else { return .disabled }
        return try OperationLog(to: configuration.logFile.map { .file($0) } ?? .standardError)
    }
}
