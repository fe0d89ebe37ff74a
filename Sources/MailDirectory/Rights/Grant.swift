import BER

/// One value of `zimbraACE` (10.1): `grantee type [modifier]right`, read from its right end, for a grantee may hold spaces.
struct Grant: Sendable, Hashable {
    enum GranteeType: String, Sendable, CaseIterable {
        case user = "usr", group = "grp", externalGroup = "egp", domain = "dom", externalDomain = "edom", guest = "gst", key, email, all
        case everybody = "pub"

        /// In the order in which grants of one level are tested (10.3.4).
        var precedence: Int {
            switch self {
            case .user, .guest, .key, .email, .externalDomain: 0
            case .group, .externalGroup: 1
            case .domain: 2
            case .all: 3
            case .everybody: 4
            }
        }

        /// Whether such grantees may hold rights of administrators (10.1). Domains may hold ``crossDomainAdmin`` alone.
        var mayAdminister: Bool { self == .user || self == .group || self == .externalGroup }
    }

    enum Modifier: UInt8, Sendable {
        case deny = 0x2d, delegate = 0x2b, subdomains = 0x2a, withoutSubgroups = 0x5e
    }

    /// The grantees `all` and `pub`.
    static let allID = "00000000-0000-0000-0000-000000000000"
    static let everybodyID = "99999999-9999-9999-9999-999999999999"
    static let crossDomainAdmin = "crossDomainAdmin"

    /// As stored.
    let text: String
    /// In lower case, without the secret of a guest or key.
    let grantee: String
    let type: GranteeType
    let modifiers: [Modifier]
    let right: String

    var isDenied: Bool { modifiers.contains(.deny) }
    var isForSubdomains: Bool { modifiers.contains(.subdomains) }
    var isWithoutSubgroups: Bool { modifiers.contains(.withoutSubgroups) }

    /// Of a group in another directory, the `zimbraId` of the domain that asks there.
    var outsideDomain: String? {
        guard type == .externalGroup, let colon = grantee.firstIndex(of: ":") else { return nil }
        return String(grantee[..<colon])
    }

    struct Problem: Error { let reason: String }

    /// - Throws: in words, what is wrong.
    init(_ value: [UInt8]) throws(Problem) {
        guard let text = String(validating: value, as: UTF8.self) else { throw Problem(reason: "not UTF-8") }
        self.text = text
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count >= 3, let last = parts.last, !last.isEmpty else {
            throw Problem(reason: "not of the form \"grantee type right\"")
        }
        guard let type = GranteeType(rawValue: String(parts[parts.count - 2])) else {
            let known = GranteeType.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(reason: "\"\(parts[parts.count - 2])\" is not a type of grantee (\(known))")
        }
        self.type = type
        var name = last[...]
        var modifiers: [Modifier] = []
        while let first = name.utf8.first, let modifier = Modifier(rawValue: first) {
            guard !modifiers.contains(modifier) else { throw Problem(reason: "modifier \(name.prefix(1)) is given twice") }
            modifiers.append(modifier)
            name = name.dropFirst()
        }
        self.modifiers = modifiers
        right = String(name)
        var grantee = parts.dropLast(2).joined(separator: " ").lowercased()
        guard !grantee.isEmpty else { throw Problem(reason: "the grantee is missing") }
        switch type {
        case .guest, .key:
            // Of a guest or key what follows the last colon is its secret.
            if let colon = grantee.lastIndex(of: ":") { grantee = String(grantee[..<colon]) }
        case .all where grantee != Self.allID: throw Problem(reason: "the grantee of type all is \(Self.allID)")
        case .everybody where grantee != Self.everybodyID: throw Problem(reason: "the grantee of type pub is \(Self.everybodyID)")
        case .externalGroup where !grantee.contains(":"):
            throw Problem(reason: "the grantee of type egp is the domain's zimbraId, a colon, and the group's address")
        default: break
        }
        self.grantee = grantee
        // 10.1
        if modifiers.contains(.delegate), modifiers.count > 1 { throw Problem(reason: "modifier + stands alone") }
    }

    /// For people, without secrets.
    var description: String {
        let marks = modifiers.map { String(UnicodeScalar($0.rawValue)) }.joined()
        return "\(grantee) \(type.rawValue) \(marks)\(right)"
    }
}
