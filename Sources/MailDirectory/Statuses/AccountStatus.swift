import BER
import LDAP

/// The statuses that an account can have (3.1).
enum AccountStatus: Int, Sendable, CaseIterable {
    case active, maintenance, locked, lockout, pending, closed

    /// As stored and shown.
    var value: [UInt8] { Self.values[rawValue] }
    private static let values = ["active", "maintenance", "locked", "lockout", "pending", "closed"].map { Array($0.utf8) }

    /// Nil for a value that is not known.
    init?(_ value: RawSpan) {
        guard let index = Self.values.firstIndex(where: { value.equalsIgnoringCase($0.rawSpan) }), let status = Self(rawValue: index) else { return nil }
        self = status
    }

    /// What an account is, as its domain leaves it; nil: what it says itself (table 3.2).
    /// - Parameters:
    ///   - own: the account's own status; nil if it has none that is known.
    ///   - admitsActive: whether accounts of a locked domain keep their status (the administration guide's reading of 3.11), or are
    ///     locked (the mail system's own).
    static func imposed(on own: AccountStatus?, by domain: DomainStatus, admitsActive: Bool) -> AccountStatus? {
        switch domain {
        case .active: return nil
        case .locked:
            if admitsActive { return nil }
            switch own {
            case .maintenance, .pending, .closed: return nil
            default: return .locked
            }
        case .maintenance:
            switch own {
            case .pending, .closed: return nil
            default: return .maintenance
            }
        case .closed: return .closed
        }
    }
}
