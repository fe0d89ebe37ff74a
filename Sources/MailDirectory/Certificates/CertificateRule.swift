import Directory
import EntryStore
import LDAP
import Schema

/// What is written to `zimbraSSLCertificate` and `zimbraSSLPrivateKey` can be used (11.2.3): PEM that can be read, a key that fits the
/// first certificate, a chain in which each was issued by the next; else the change is refused. Certificates out of date, and virtual hosts
/// that the certificate is not for, are warned of: both can be meant.
struct CertificateRule: WriteRule {
    let types: [AttributeTypeID]
    private let certificate: AttributeTypeID
    private let key: AttributeTypeID
    private let hostName: AttributeTypeID
    private let commonName: AttributeTypeID
    private let domainName: AttributeTypeID
    private let warn: @Sendable (String) -> Void

    /// Nil for a schema without these types.
    init?(_ schema: Schema, warn: @escaping @Sendable (String) -> Void) {
        guard let certificate = schema.attributeType(named: "zimbraSSLCertificate"),
            let key = schema.attributeType(named: "zimbraSSLPrivateKey"),
            let hostName = schema.attributeType(named: "zimbraVirtualHostname"),
            let domainName = schema.attributeType(named: "zimbraDomainName"), let commonName = schema.attributeType(named: "cn")
        else { return nil }
        self.certificate = certificate
        self.key = key
        self.hostName = hostName
        self.domainName = domainName
        self.commonName = commonName
        self.warn = warn
        types = [certificate, key, hostName]
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        // A certificate that only moves was looked at when it came.
        if change.kind == .move || change.kind == .delete { return }
        let certificates = change.new(certificate)
        let keys = change.new(key)
        // A virtual host that is added does not bring an old certificate into question.
        let isNew = change.changes(certificate) || change.changes(key)
        do throws(CertificateChain.Problem) {
            let key = keys.isEmpty ? nil : try Self.named("zimbraSSLPrivateKey") { () throws(CertificateChain.Problem) in try PrivateKey(pem: keys[0]) }
            guard let pem = certificates.first else { return }
            let chain = try Self.named("zimbraSSLCertificate") { () throws(CertificateChain.Problem) in
                let chain = try CertificateChain(pem: pem)
                if isNew { try chain.checkOrder() }
                return chain
            }
            if isNew, let key, !chain.fits(key) {
                throw CertificateChain.Problem(reason: "zimbraSSLPrivateKey is not the key of the first certificate in zimbraSSLCertificate")
            }
            let hosts = change.new(hostName).filter { !chain.covers(host: $0) }.map { "it is not for \(String(decoding: $0, as: UTF8.self))" }
            let problems = (isNew ? chain.datesOutOfOrder : []) + hosts
            guard !problems.isEmpty else { return }
            let name = change.new(domainName).first ?? change.new(commonName).first ?? []
            warn("certificate of \(String(decoding: name, as: UTF8.self)): " + problems.joined(separator: "; "))
        } catch {
            if isNew { throw LDAPError(.constraintViolation, error.reason) }
        }
    }

    private static func named<T>(
        _ attribute: String, _ body: () throws(CertificateChain.Problem) -> T
    ) throws(CertificateChain.Problem) -> T {
        do throws(CertificateChain.Problem) { return try body() } catch {
            throw CertificateChain.Problem(reason: attribute + ": " + error.reason)
        }
    }
}
