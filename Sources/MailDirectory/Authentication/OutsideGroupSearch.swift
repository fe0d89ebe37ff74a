import BER
import LDAP
import LDAPClient

/// Asks the directory in which the accounts of a domain prove themselves for the groups they are in (10.1, grantees of type `egp`): the account's
/// `memberOf` holds the name of the group that a search finds.
struct OutsideGroupSearch: Sendable {
    /// The domain's `zimbraId`, in lower case: grantees begin with it.
    let domainID: String
    let pool: LDAPClientPool
    /// How the account's entry is found, where it does not have a name of its own there.
    let rule: OutsideLogin.Rule?
    /// Where accounts are looked for whose name there is no DN.
    let accountBase: String
    let groupBase: String
    let groupFilter: NameTemplate
    /// Why nobody can be asked; nil: nothing stands against it. For people.
    let problem: String?

    /// What is used without `zimbraExternalGroupLdapSearchFilter`.
    static let standardFilter = "(mail=%n)"
    /// Of more groups none is asked for.
    static let groupLimit = 64
    /// How long all questions of one login may take.
    private static let time = Duration.seconds(5)
    /// More values, and longer ones, are not looked at.
    private static let valueLimit = 10_000
    private static let lengthLimit = 4096

    /// Asks, and waits.
    /// - Parameter grantees: the groups that matter, as in grants.
    /// - Returns: those that the account is in.
    func groups(of account: OutsideAccount.Names, among grantees: [String]) throws(LDAPClientError) -> Set<String> {
        if let problem { throw LDAPClientError(code: 92, message: problem) }
        let deadline = ContinuousClock.now + Self.time
        let entry = try only(try entrySearch(account), ["memberOf"], deadline)
        guard let entry else { throw LDAPClientError(code: 32, message: "the account has no entry there, or several") }
        var names = Set<DistinguishedName>()
        for attribute in entry.attributes {
            // Active Directory gives many values in parts: `memberOf;range=0-1499`.
            guard attribute.name.split(separator: ";").first?.lowercased() == "memberof" else { continue }
            for value in attribute.values.prefix(Self.valueLimit) { if let name = Self.canonical(value) { names.insert(name) } }
        }
        var found = Set<String>()
        if names.isEmpty { return found }
        for grantee in grantees.prefix(Self.groupLimit) {
            let address = Array(grantee.utf8.dropFirst(domainID.utf8.count + 1))
            let search = LDAPClientSearch(base: groupBase, filter: groupFilter.filter(address))
            guard let group = try only(search, ["1.1"], deadline), let name = Self.canonical(Array(group.name.utf8)) else { continue }
            if names.contains(name) { found.insert(grantee) }
        }
        return found
    }

    /// The one entry that a search finds; nil if it finds none, or several.
    private func only(
        _ search: LDAPClientSearch, _ attributes: [String], _ deadline: ContinuousClock.Instant
    ) throws(LDAPClientError) -> LDAPClientAnswer.Entry? {
        let left = (deadline - ContinuousClock.now).components
        let milliseconds = Int(left.seconds) * 1000 + Int(left.attoseconds / 1_000_000_000_000_000)
        guard milliseconds > 0 else { throw LDAPClientError(code: 85, message: "the groups were not found in time") }
        var search = search
        search.attributes = attributes
        search.sizeLimit = 2
        search.timeout = milliseconds
        let answer = try pool.search(search)
        return answer.entries.count == 1 && !answer.isTruncated ? answer.entries.first : nil
    }

    private func entrySearch(_ account: OutsideAccount.Names) throws(LDAPClientError) -> LDAPClientSearch {
        if let own = account.externalName, !own.isEmpty { return search(named: String(decoding: own, as: UTF8.self)) }
        switch rule {
        case .search(let base, let filter): return LDAPClientSearch(base: base, filter: filter.filter(account.address))
        case .template(let template): return search(named: template.bindName(account.address))
        case nil: throw LDAPClientError(code: 89, message: "the account has no name there")
        }
    }

    /// The entry that somebody binds as: by its DN, or by the name that Active Directory takes in its place.
    private func search(named name: String) -> LDAPClientSearch {
        let bytes = Array(name.utf8)
        if bytes.contains(UInt8(ascii: "=")), let parsed = try? DistinguishedName(parsing: bytes.rawSpan), !parsed.isRoot, !bytes.contains(0) {
            var search = LDAPClientSearch(base: name, filter: "(objectClass=*)")
            search.scope = 0
            return search
        }
        return LDAPClientSearch(base: accountBase, filter: NameTemplate("(userPrincipalName=%n)").filter(bytes))
    }

    /// A name in a form in which equal ones are the same, whatever the other server's schema: without a difference of case and of spaces.
    static func canonical(_ name: [UInt8]) -> DistinguishedName? {
        guard name.count <= lengthLimit, var parsed = try? DistinguishedName(parsing: name.rawSpan), !parsed.isRoot else { return nil }
        for level in parsed.rdns.indices {
            parsed.rdns[level].values = parsed.rdns[level].values
                .map { AttributeTypeAndValue(type: $0.type.lowercased(), value: folded($0.value)) }
                .sorted { ($0.type, String(decoding: $0.value, as: UTF8.self)) < ($1.type, String(decoding: $1.value, as: UTF8.self)) }
        }
        return parsed
    }

    /// What is not UTF-8 stays as it is.
    private static func folded(_ value: [UInt8]) -> [UInt8] {
        guard let text = String(validating: value, as: UTF8.self) else { return value }
        return Array(text.lowercased().split(separator: " ").joined(separator: " ").utf8)
    }
}
