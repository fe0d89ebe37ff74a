import LDAPServer
import MailDirectory

/// Reads the files of certificates anew when they change, or when told to.
final class CertificateReloading: Sendable {
    private let contexts: TLSContexts
    private let watching: Task<Void, Never>

    /// How often the files are looked at.
    private static let interval = Duration.seconds(5)

    init(_ contexts: TLSContexts) {
        self.contexts = contexts
        watching = Task.detached(priority: .background) {
            while (try? await Task.sleep(for: Self.interval)) != nil {
                Self.reporting { () throws(TLSError) in try contexts.reloadIfChanged() }
            }
        }
    }

    func reload() {
        Self.reporting { () throws(TLSError) in
            try contexts.reload()
            return true
        }
    }

    func stop() { watching.cancel() }

    private static func reporting(_ body: () throws(TLSError) -> Bool) {
        do throws(TLSError) {
            if try body() { Assembly.complain("certificate and key were read anew") }
        } catch {
            Assembly.complain("the certificate stays as it was: \(error.message)")
        }
    }
}

/// The certificates of virtual hosts, as the server's TLS asks for them.
struct VirtualHostCertificates: ServerCertificateSource {
    let hosts: VirtualHosts

    func certificate(serverName: String) -> ServerCertificate? {
        hosts.certificate(of: serverName).map { ServerCertificate(owner: $0.domain, chain: $0.certificate, key: $0.key) }
    }
}
