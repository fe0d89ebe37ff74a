import BER
import Directory
import EntryStore
import KerberosClient
import LDAP
import LDAPClient
import Schema
import Synchronization

/// Where the accounts of a domain prove themselves, if not here (4.1, 4.2.4, 4.3).
struct OutsideLogin: Sendable {
    /// How the name to bind with is found, where an account does not have one of its own (4.3.2 to 4.3.5).
    enum Rule: Sendable {
        /// The one entry that a search finds.
        case search(base: String, filter: NameTemplate)
        case template(NameTemplate)
    }

    /// Who is asked.
    private enum Authority: Sendable {
        /// For searches and for binds; without a rule only accounts with a name of their own there can be asked for.
        case directory(LDAPClientPool, Rule?)
        case kerberos(KerberosClient, realm: String?)
        /// Nobody can be asked, and why.
        case nobody(String)
    }

    let fallsBack: Bool
    private let authority: Authority
    /// Asks for the groups that accounts are in there; nil: it cannot be asked.
    let groups: OutsideGroupSearch?

    /// Nil: the domain's accounts prove themselves here.
    /// - Parameters:
    ///   - config: the global configuration.
    ///   - asAdministrator: whether they log in where nobody but administrators may (4.1.2).
    init?(
        _ domain: EntryID, config: EntryID?, asAdministrator: Bool, _ types: OutsideLoginTypes, _ servers: OutsideConnections,
        _ kerberos: KerberosClient, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) {
        guard let record = try snapshot.record(domain) else { return nil }
        let entry = Entry(record)
        let table = snapshot.catalogue.table
        func values(_ type: AttributeTypeID) -> [String] {
            table.id(of: type).map { entry[$0].map { String(decoding: $0, as: UTF8.self) } } ?? []
        }
        func text(_ type: AttributeTypeID) -> String? { values(type).first.flatMap { $0.isEmpty ? nil : $0 } }
        let mechanism = ((asAdministrator ? text(types.adminMechanism) : nil) ?? text(types.mechanism) ?? "").lowercased()
        var groups: OutsideGroupSearch?
        switch mechanism {
        case "ldap", "ad": (authority, groups) = directory(isActiveDirectory: mechanism == "ad")
        case "kerberos5": authority = .kerberos(kerberos, realm: text(types.realm))
        // 4.1.3: the handler is a part of the mail system; as there when it is not installed.
        case _ where mechanism.hasPrefix("custom"): authority = .nobody("the mechanism \"\(mechanism)\" of the mail system is not available here")
        // `zimbra`, `carbonioAdvanced`, none, and what nobody knows (4.1.3).
        default: return nil
        }
        self.groups = groups
        var falls = text(types.fallback)
        if falls == nil, let config, let global = try snapshot.record(config) {
            falls = global.first(types.fallback, snapshot.catalogue).map { String(decoding: $0, as: UTF8.self) }
        }
        fallsBack = falls?.uppercased() != "FALSE"

        func directory(isActiveDirectory: Bool) -> (Authority, OutsideGroupSearch?) {
            let urls = values(types.url).flatMap { $0.split(separator: " ").map(String.init) }
            guard !urls.isEmpty else { return (.nobody("zimbraAuthLdapURL is not set"), nil) }
            var server = LDAPClientServer(urls: urls)
            server.startTLS = text(types.startTLS)?.uppercased() == "TRUE"
            var reader = server
            reader.bindName = text(types.searchBindName) ?? ""
            reader.password = table.id(of: types.searchBindPassword).flatMap { entry[$0].first } ?? []
            var rule: Rule?
            if let filter = text(types.searchFilter), !isActiveDirectory {
                server = reader
                rule = .search(base: text(types.searchBase) ?? "", filter: NameTemplate(filter))
            } else if let template = text(types.bindName) {
                rule = .template(NameTemplate(template))
            }
            guard let id = text(types.id) else { return (.directory(servers.pool(server), rule), nil) }
            // 10.1: another handler than the one for `memberOf` is a part of the mail system.
            let handler = text(types.groupHandler) ?? ""
            let isKnown = handler.isEmpty || handler.hasSuffix("ADGroupHandler")
            let base = text(types.searchBase) ?? ""
            let groupBase = text(types.groupBase) ?? base
            let groups = OutsideGroupSearch(
                domainID: id.lowercased(), pool: servers.pool(reader), rule: rule, accountBase: base.isEmpty ? groupBase : base, groupBase: groupBase,
                groupFilter: NameTemplate(text(types.groupFilter) ?? OutsideGroupSearch.standardFilter),
                problem: isKnown ? nil : "the handler \"\(handler)\" of the mail system is not available here")
            return (.directory(servers.pool(server), rule), groups)
        }
    }

    /// Asks, and waits.
    func verify(_ account: OutsideAccount.Names, _ password: [UInt8]) -> OutsideVerdict {
        switch authority {
        case .nobody(let reason): return .unavailable(reason)
        case .directory(let pool, let rule):
            do throws(LDAPClientError) { return try Self.ask(pool, rule, account, password) } catch { return .unavailable(error.message) }
        case .kerberos(let client, let realm):
            guard let principal = account.principal ?? realm.map({ Self.principal(account.address, $0) }) else {
                return .unavailable("zimbraAuthKerberos5Realm is not set")
            }
            do throws(KerberosError) { return try client.verify(principal, password: password) ? .right : .wrong } catch {
                return .unavailable(error.message)
            }
        }
    }

    private static func ask(
        _ pool: LDAPClientPool, _ rule: Rule?, _ account: OutsideAccount.Names, _ password: [UInt8]
    ) throws(LDAPClientError) -> OutsideVerdict {
        let bindName: String
        if let own = account.externalName, !own.isEmpty {
            bindName = String(decoding: own, as: UTF8.self)
        } else {
            switch rule {
            case .search(let base, let filter):
                var search = LDAPClientSearch(base: base, filter: filter.filter(account.address))
                search.attributes = ["1.1"]
                search.sizeLimit = 2
                let answer = try pool.search(search)
                guard answer.entries.count == 1, !answer.isTruncated, let found = answer.entries.first else { return .wrong }
                bindName = found.name
            case .template(let template): bindName = template.bindName(account.address)
            case nil: return .unavailable("neither zimbraAuthLdapSearchFilter nor zimbraAuthLdapBindDn is set")
            }
        }
        return try pool.verify(name: bindName, password: password) ? .right : .wrong
    }

    /// 4.2.4: the part of an address before its `@`, in the realm. What separates the parts of a principal stands for itself (pitfall 32).
    static func principal(_ address: [UInt8], _ realm: String) -> String {
        var name: [UInt8] = []
        for byte in address.prefix(while: { $0 != UInt8(ascii: "@") }) {
            if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") { name.append(UInt8(ascii: "\\")) }
            name.append(byte)
        }
        return String(decoding: name, as: UTF8.self) + "@" + realm
    }
}

/// An account that proves itself elsewhere.
final class OutsideAccount: OutsidePassword {
    /// By which it may be known there.
    struct Names: Sendable {
        let address: [UInt8]
        /// Its `zimbraAuthLdapExternalDn`.
        let externalName: [UInt8]?
        /// Of its `zimbraForeignPrincipal` the first that begins with `kerberos5:`, without that (4.2.4).
        let principal: String?

        init(_ record: borrowing EntryRecord, address: AttributeTypeID, _ types: OutsideLoginTypes, _ catalogue: Catalogue) {
            self.address = record.first(address, catalogue) ?? []
            externalName = record.first(types.ownName, catalogue)
            let prefix = Array("kerberos5:".utf8)
            var principal: String?
            if let attribute = catalogue.table.id(of: types.foreignPrincipal) {
                var values = record.values(of: attribute)
                while principal == nil, let value = values.next() {
                    let text = value.array
                    if text.starts(with: prefix) { principal = String(decoding: text.dropFirst(prefix.count), as: UTF8.self) }
                }
            }
            self.principal = principal
        }
    }

    let login: OutsideLogin
    let names: Names
    let id: EntryID
    /// Groups there to which something is granted that matters for this account, as grantees.
    let groups: [String]
    let known: OutsideGroups
    /// How old what is known of its groups may be at a login.
    let groupAge: Duration
    /// Gets what an administrator should see.
    let warn: @Sendable (String) -> Void

    init(
        login: OutsideLogin, names: Names, id: EntryID, groups: [String], known: OutsideGroups, groupAge: Duration,
        warn: @escaping @Sendable (String) -> Void
    ) {
        self.login = login
        self.names = names
        self.id = id
        self.groups = groups
        self.known = known
        self.groupAge = groupAge
        self.warn = warn
    }

    var fallsBack: Bool { login.fallsBack }

    func verify(_ password: [UInt8]) -> OutsideVerdict {
        let verdict = login.verify(names, password)
        if case .unavailable(let reason) = verdict {
            warn("the password of \(String(decoding: names.address, as: UTF8.self)) cannot be verified elsewhere: \(reason)")
        }
        return verdict
    }

    /// Asks for its groups there, if they matter and were not asked for lately. Who cannot be asked for has none, and logs in all the same.
    func prepareLogin() {
        guard !groups.isEmpty, let search = login.groups, known.isDue(id, groups, age: groupAge) else { return }
        let begun = ContinuousClock.now
        do throws(LDAPClientError) {
            known.keep(try search.groups(of: names, among: groups), of: id, asked: groups, at: begun)
        } catch {
            warn("\(String(decoding: names.address, as: UTF8.self)) is taken to be in no group of the other directory, for it cannot be asked: \(error.message)")
            known.keep([], of: id, asked: [], at: begun)
        }
    }
}

/// The attribute types that say where accounts prove themselves.
struct OutsideLoginTypes: Sendable {
    let mechanism: AttributeTypeID
    let adminMechanism: AttributeTypeID
    let fallback: AttributeTypeID
    let url: AttributeTypeID
    let startTLS: AttributeTypeID
    let searchFilter: AttributeTypeID
    let searchBase: AttributeTypeID
    let searchBindName: AttributeTypeID
    let searchBindPassword: AttributeTypeID
    let bindName: AttributeTypeID
    let realm: AttributeTypeID
    let id: AttributeTypeID
    let groupBase: AttributeTypeID
    let groupFilter: AttributeTypeID
    let groupHandler: AttributeTypeID
    /// Of the account.
    let ownName: AttributeTypeID
    let foreignPrincipal: AttributeTypeID
    let isVirtualAccount: AttributeTypeID

    /// Nil for a schema without them.
    init?(_ schema: Schema) {
        var isComplete = true
        func type(_ name: String) -> AttributeTypeID {
            if let type = schema.attributeType(named: name) { return type }
            isComplete = false
            return AttributeTypeID(rawValue: 0)
        }
        mechanism = type("zimbraAuthMech")
        adminMechanism = type("zimbraAuthMechAdmin")
        fallback = type("zimbraAuthFallbackToLocal")
        url = type("zimbraAuthLdapURL")
        startTLS = type("zimbraAuthLdapStartTlsEnabled")
        searchFilter = type("zimbraAuthLdapSearchFilter")
        searchBase = type("zimbraAuthLdapSearchBase")
        searchBindName = type("zimbraAuthLdapSearchBindDn")
        searchBindPassword = type("zimbraAuthLdapSearchBindPassword")
        bindName = type("zimbraAuthLdapBindDn")
        realm = type("zimbraAuthKerberos5Realm")
        id = type("zimbraId")
        groupBase = type("zimbraExternalGroupLdapSearchBase")
        groupFilter = type("zimbraExternalGroupLdapSearchFilter")
        groupHandler = type("zimbraExternalGroupHandlerClass")
        ownName = type("zimbraAuthLdapExternalDn")
        foreignPrincipal = type("zimbraForeignPrincipal")
        isVirtualAccount = type("zimbraIsExternalVirtualAccount")
        guard isComplete else { return nil }
    }
}

/// Checks what says where accounts prove themselves when it is written (4.1.3, pitfall 41's kind): a mistake there locks a domain out.
struct OutsideLoginRule: WriteRule {
    let loginTypes: OutsideLoginTypes
    var types: [AttributeTypeID] {
        [loginTypes.mechanism, loginTypes.adminMechanism, loginTypes.url, loginTypes.searchFilter, loginTypes.groupFilter]
    }
    private static let mechanisms: Set<String> = ["", "zimbra", "ldap", "ad", "kerberos5", "carbonioadvanced"]

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard let after = change.after else { return }
        let table = snapshot.catalogue.table
        func values(_ type: AttributeTypeID) -> [String] {
            table.id(of: type).map { after[$0].map { String(decoding: $0, as: UTF8.self) } } ?? []
        }
        for value in values(loginTypes.mechanism) + values(loginTypes.adminMechanism) {
            let name = value.lowercased()
            guard Self.mechanisms.contains(name) || name.hasPrefix("custom") else {
                throw LDAPError(
                    .constraintViolation, "\"\(value)\" is no mechanism: zimbra, ldap, ad, kerberos5, carbonioAdvanced, custom:…")
            }
        }
        for value in values(loginTypes.url) {
            for url in value.split(separator: " ") {
                let text = url.lowercased()
                guard ["ldap://", "ldaps://", "ldapi://"].contains(where: { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }) else {
                    throw LDAPError(.constraintViolation, "zimbraAuthLdapURL: \"\(url)\" is not of the form ldap://HOST or ldaps://HOST")
                }
            }
        }
        for (type, name) in [(loginTypes.searchFilter, "zimbraAuthLdapSearchFilter"), (loginTypes.groupFilter, "zimbraExternalGroupLdapSearchFilter")] {
            for value in values(type) {
                do throws(LDAPError) { _ = try Filter(NameTemplate(value).filter(Array("a@example.com".utf8))) } catch {
                    throw LDAPError(.constraintViolation, "\(name): \(error.message)")
                }
            }
        }
    }
}
