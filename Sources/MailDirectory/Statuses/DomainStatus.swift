import BER
import LDAP

/// What a domain's status does to its accounts: a row of table 3.2.
enum DomainStatus: Sendable, Hashable {
    case active
    case locked
    /// `maintenance`, `suspended` or `shutdown`.
    case maintenance
    /// `closed`, or a value that is not known.
    case closed

    init(_ value: RawSpan) {
        self = Self.known.first { value.equalsIgnoringCase($0.0.rawSpan) }?.1 ?? .closed
    }

    /// Whether a value lets nobody change what is in the domain (3.10).
    static func rests(_ value: RawSpan) -> Bool {
        value.equalsIgnoringCase(suspended.rawSpan) || value.equalsIgnoringCase(shutdown.rawSpan)
    }

    private static let suspended = Array("suspended".utf8)
    private static let shutdown = Array("shutdown".utf8)

    private static let known: [([UInt8], DomainStatus)] = [
        (Array("active".utf8), .active), (Array("locked".utf8), .locked), (Array("maintenance".utf8), .maintenance),
        (Array("suspended".utf8), .maintenance), (Array("shutdown".utf8), .maintenance), (Array("closed".utf8), .closed),
    ]
}

/// Values of `zimbraMailStatus` and `musterEffectiveMailStatus`.
enum MailStatus {
    static let enabled = Array("enabled".utf8)
    static let disabled = Array("disabled".utf8)
}
