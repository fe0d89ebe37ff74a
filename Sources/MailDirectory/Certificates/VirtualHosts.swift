import BER
public import EntryStore
import Schema
import Synchronization

/// Which domain a virtual host belongs to, and with which certificate (11.1, 11.2): as `zimbraVirtualHostname`, `zimbraSSLCertificate` and
/// `zimbraSSLPrivateKey` of the domains say at the moment. Any thread may ask; nobody waits for others.
public final class VirtualHosts: Sendable {
    /// A domain's certificate with its key, both in PEM as stored.
    public struct Certificate: Sendable, Hashable {
        /// The entry of the domain.
        public let domain: UInt64
        public let certificate: [UInt8]
        public let key: [UInt8]
    }

    private let store: EntryStore
    private let domains: ClassTest
    private let hostName: AttributeTypeID
    private let certificate: AttributeTypeID
    private let key: AttributeTypeID
    private let watch: ClassWatch
    private let kept = Mutex<Table?>(nil)

    /// Immutable; made anew when a domain has changed. It holds no certificates: those are read from the domains themselves.
    private struct Table: Sendable {
        let commit: Int
        /// By host name in lower case. A name that several domains have belongs to the first.
        let domains: [[UInt8]: EntryID]
    }

    /// Nil for a schema without the mail system's part.
    public init?(_ store: EntryStore) {
        let catalogue = store.catalogue
        let schema = catalogue.schema
        guard let domains = ClassTest(["zimbraDomain"], catalogue), let hostName = schema.attributeType(named: "zimbraVirtualHostname"),
            let certificate = schema.attributeType(named: "zimbraSSLCertificate"),
            let key = schema.attributeType(named: "zimbraSSLPrivateKey")
        else { return nil }
        self.store = store
        self.domains = domains
        self.hostName = hostName
        self.certificate = certificate
        self.key = key
        watch = store.watch(domains.classes, schema)
    }

    /// The domain whose `zimbraVirtualHostname` a name is; nil if there is none.
    /// - Parameter name: in lower case.
    public func domain(of name: String, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> EntryID? {
        if let table = kept.withLock({ $0 }), snapshot.serves(watch, madeAt: table.commit) { return table.domains[Array(name.utf8)] }
        let table = try table(snapshot)
        if !snapshot.isUncommitted {
            kept.withLock { kept in
                if kept.map({ $0.commit < table.commit }) ?? true { kept = table }
            }
        }
        return table.domains[Array(name.utf8)]
    }

    /// The certificate of a virtual host; nil if no domain has the name, or the domain has no certificate with key, or the database
    /// cannot be read.
    /// - Parameter name: in lower case.
    public func certificate(of name: String) -> Certificate? {
        do throws(EntryStoreError) {
            let snapshot = try store.snapshot()
            guard let domain = try domain(of: name, snapshot), let record = try snapshot.record(domain) else { return nil }
            func first(_ type: AttributeTypeID, _ record: borrowing EntryRecord) -> [UInt8]? {
                guard let attribute = snapshot.catalogue.table.id(of: type) else { return nil }
                var values = record.values(of: attribute)
                return values.next()?.array
            }
            guard let certificate = first(certificate, record), let key = first(key, record) else { return nil }
            return Certificate(domain: UInt64(domain.rawValue), certificate: certificate, key: key)
        } catch { return nil }
    }

    private func table(_ snapshot: borrowing Snapshot) throws(EntryStoreError) -> Table {
        let catalogue = snapshot.catalogue
        var found: [[UInt8]: EntryID] = [:]
        if let attribute = catalogue.table.id(of: hostName) {
            try snapshot.forEach(domains.filter(catalogue, holding: hostName)) { id, record throws(EntryStoreError) in
                var values = record.values(of: attribute)
                while let value = values.next() {
                    let name = value.array.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 }
                    if found[name] == nil { found[name] = id }
                }
            }
        }
        return Table(commit: snapshot.commit, domains: found)
    }
}
