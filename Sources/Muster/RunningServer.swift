import Directory
import LDAPServer

/// An open directory and the server in front of it.
final class RunningServer: Sendable {
    let server: LDAPServer
    let assembly: Assembly
    let certificates: CertificateReloading?
    private let indexRequests: IndexRequestWatch

    /// Opens the database and listens.
    static func start(_ configuration: MusterConfiguration, log: OperationLog) async throws -> RunningServer {
        let assembly = try Assembly.open(configuration, log: log)
        do {
            let certificates = try assembly.certificates(configuration)
            let server = try await LDAPServer.start(
                directory: assembly.directory, listeners: configuration.listeners,
                administrationListeners: configuration.administrationListeners, limits: configuration.limits, threads: configuration.threads,
                unixSocketMode: configuration.unixSocketMode, tls: certificates, log: log)
            return RunningServer(server, assembly, certificates.map(CertificateReloading.init), directory: configuration.dataDirectory)
        } catch {
            assembly.close()
            throw error
        }
    }

    private init(_ server: LDAPServer, _ assembly: Assembly, _ certificates: CertificateReloading?, directory: String) {
        self.server = server
        self.assembly = assembly
        self.certificates = certificates
        indexRequests = IndexRequestWatch(assembly, directory: directory)
    }

    /// Stops accepting, lets running operations end, closes connections and database.
    func stop() async {
        certificates?.stop()
        indexRequests.stop()
        await server.shutdown()
        assembly.close()
    }
}
