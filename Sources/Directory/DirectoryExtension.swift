public import Schema

/// What a module above plugs into the directory: meanings that go beyond LDAP's own.
public struct DirectoryExtension: Sendable {
    /// Attributes that are computed.
    public var virtualAttributes: [any VirtualAttribute] = []
    /// What changes must keep to, and what follows from them; at most 64.
    public var writeRules: [any WriteRule] = []
    /// What deleted entries need when they come back.
    public var returnRules: [any ReturnRule] = []
    /// Branches of the tree whose entries are not stored.
    public var branches: [any BranchProvider] = []

    /// Who may log in, and by which names.
    public var login: (any LoginPolicy)?
    /// Types that change with logins (2.15): a change of nothing else leaves `modifyTimestamp` and `entryCSN` as they are.
    public var ephemeralTypes: [AttributeTypeID] = []
    /// What passwords may be.
    public var passwordRules: (any PasswordRules)?

    /// Rights that entries give beside the access rules.
    public var rights: (any GrantedRights)?

    public init() {}
}
