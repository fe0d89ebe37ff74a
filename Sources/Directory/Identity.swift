import EntryStore

/// Who a client is, as its last bind settled it.
public enum Identity: Sendable, Hashable {
    case anonymous
    /// The root identity of the configuration: above all rules, not an entry.
    case root
    /// An entry. `name` is its DN in string form at the time of the bind; `isAdministrator`: it stands below `cn=admins,cn=zimbra`
    /// (semantics 1.17).
    case entry(EntryID, name: [UInt8], isAdministrator: Bool)

    public var isAdministrator: Bool {
        switch self {
        case .anonymous: false
        case .root: true
        case .entry(_, _, let isAdministrator): isAdministrator
        }
    }

    /// Somebody whom SASL EXTERNAL knows by a name that is no entry of the directory.
    static func external(_ name: [UInt8]) -> Identity { .entry(EntryID(rawValue: .max), name: name, isAdministrator: false) }

    public var isAnonymous: Bool { if case .anonymous = self { true } else { false } }
}
