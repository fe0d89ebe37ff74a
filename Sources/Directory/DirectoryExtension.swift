public import EntryStore
public import LDAP
public import Schema

/// What a module above plugs into the directory: meanings that go beyond LDAP's own.
public struct DirectoryExtension: Sendable {
    /// Attributes that are computed.
    public var virtualAttributes: [any VirtualAttribute] = []
    /// Checks of entries that are about to be written.
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

/// A check of entries before they are written by a client. What is loaded by an import is not checked: it was accepted elsewhere.
public protocol WriteRule: Sendable {
    /// The types whose change the rule is to see.
    var types: [AttributeTypeID] { get }

    /// Checks an entry as it will be after the change.
    /// - Parameters:
    ///   - before: as it is; nil for a new one.
    ///   - parent: the entry it stands below.
    /// - Throws: what the client is told; nothing is changed then.
    func check(
        _ after: Entry, before: Entry?, parent: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LDAPError)
}

extension Directory {
    /// Runs the rules that a changed entry concerns.
    /// - Throws: as the first rule that refuses.
    func checkRules(
        _ after: Entry, before: Entry?, parent: EntryID, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        let table = snapshot.catalogue.table
        for rule in writeRules {
            let isConcerned = rule.types.contains { type in
                guard let id = table.id(of: type) else { return false }
                return after[id] != (before?[id] ?? [])
            }
            if isConcerned { try rule.check(after, before: before, parent: parent, snapshot) }
        }
    }
}
