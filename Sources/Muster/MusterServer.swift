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

    private let server: LDAPServer
    private let assembly: Assembly
    private let lock: DataDirectory
    private let log: OperationLog
    private let certificates: CertificateReloading?
    private let indexRequests: IndexRequestWatch

    private init(
        _ server: LDAPServer, _ assembly: Assembly, _ lock: DataDirectory, _ log: OperationLog,
        _ certificates: CertificateReloading?, initialPassword: String?
    ) {
        self.server = server
        self.assembly = assembly
        self.lock = lock
        self.log = log
        self.certificates = certificates
        self.initialPassword = initialPassword
        indexRequests = IndexRequestWatch(assembly, directory: lock.path)
        addresses = server.addresses
    }

    /// Opens the data directory (a new one gets the initial tree) and listens.
    ///
    /// - Parameter sample: whether a new directory also gets the sample organisation.
    /// - Throws: ``ConfigurationError``, ``DataDirectory/InUse``, ``ListenError`` and what schema and store say.
    public static func start(_ configuration: MusterConfiguration, sample: Bool = false) async throws -> MusterServer {
        let lock = try DataDirectory(configuration.dataDirectory)
        let log = try openLog(configuration)
        let password = Assembly.isNew(configuration) ? try Maintenance.create(configuration, sample: sample) : nil
        let assembly = try Assembly.open(configuration, log: log)
        do {
            let certificates = try assembly.certificates(configuration)
            let server = try await LDAPServer.start(
                directory: assembly.directory, listeners: configuration.listeners,
                administrationListeners: configuration.administrationListeners, limits: configuration.limits, threads: configuration.threads,
                unixSocketMode: configuration.unixSocketMode, tls: certificates, log: log)
            return MusterServer(server, assembly, lock, log, certificates.map(CertificateReloading.init), initialPassword: password)
        } catch {
            assembly.close()
            log.finish()
            throw error
        }
    }

    /// What the server has counted since it started.
    public var counters: ServerCounters.Values { server.counters.values }

    /// What the writer has done since the server started.
    public var writerStatistics: WriterStatistics { assembly.directory.writer.statistics }

    /// The state of the database; it takes milliseconds.
    public func storeStatistics() throws -> StoreStatistics { try assembly.directory.store.statistics() }

    /// Reads certificate, key and authorities anew, for connections that come; those that exist go on. They are also read anew when the
    /// files change. What cannot be used is said on standard error and leaves everything as it was.
    public func reloadCertificates() { certificates?.reload() }

    /// Stops accepting, lets running operations end, closes connections and database. Further calls do nothing.
    public func stop() async {
        certificates?.stop()
        indexRequests.stop()
        await server.shutdown()
        assembly.close()
        log.finish()
    }

    private static func openLog(_ configuration: MusterConfiguration) throws -> OperationLog {
        guard configuration.logLevel == .stats else { return .disabled }
        return try OperationLog(to: configuration.logFile.map { .file($0) } ?? .standardError)
    }
}
