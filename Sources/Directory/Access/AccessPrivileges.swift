/// What may be done to an entry or an attribute of it, as slapd.access(5) names it.
public struct AccessPrivileges: OptionSet, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// To be told in errors that it exists.
    public static let disclose = AccessPrivileges(rawValue: 1)
    /// To be used when somebody proves who they are.
    public static let auth = AccessPrivileges(rawValue: 2)
    public static let compare = AccessPrivileges(rawValue: 4)
    /// To be named in filters.
    public static let search = AccessPrivileges(rawValue: 8)
    public static let read = AccessPrivileges(rawValue: 16)
    public static let add = AccessPrivileges(rawValue: 32)
    public static let delete = AccessPrivileges(rawValue: 64)
    public static let manage = AccessPrivileges(rawValue: 128)
    public static let write: AccessPrivileges = [.add, .delete]
    public static let all = AccessPrivileges(rawValue: 255)

    /// The levels, each of which holds the ones before it.
    static let levels: [(name: String, privileges: AccessPrivileges)] = [
        ("none", []),
        ("disclose", .disclose),
        ("auth", [.disclose, .auth]),
        ("compare", [.disclose, .auth, .compare]),
        ("search", [.disclose, .auth, .compare, .search]),
        ("read", [.disclose, .auth, .compare, .search, .read]),
        ("add", [.disclose, .auth, .compare, .search, .read, .add]),
        ("delete", [.disclose, .auth, .compare, .search, .read, .delete]),
        ("write", [.disclose, .auth, .compare, .search, .read, .add, .delete]),
        ("manage", .all),
    ]

    private static let letters: [(Character, AccessPrivileges)] = [
        ("m", .manage), ("w", .write), ("a", .add), ("z", .delete), ("r", .read), ("s", .search), ("c", .compare), ("x", .auth),
        ("d", .disclose),
    ]

    /// What a letter of the form `=rscx` stands for; `0` is nothing.
    static func named(_ letter: Character) -> AccessPrivileges? {
        if letter == "0" { return [] }
        return letters.first { $0.0 == letter }?.1
    }

    /// The level's name if it is one, and the letters: `read(=rscxd)`.
    public var description: String {
        var text = "="
        for (letter, privileges) in Self.letters where isSuperset(of: privileges) {
            if contains(.write), letter == "a" || letter == "z" { continue }
            text.append(letter)
        }
        if isEmpty { text += "0" }
        guard let level = Self.levels.first(where: { $0.privileges == self }) else { return text }
        return "\(level.name)(\(text))"
    }
}
