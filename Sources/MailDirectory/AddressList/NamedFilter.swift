import BER
import LDAP

/// What a client wants of the address list (rule 6.1.2).
enum AddressListOperation: Sendable {
    case search, autoComplete, sync
}

/// Which entries it wants.
enum AddressListKind: Sendable, CaseIterable {
    case all, account, resource, group
}

/// A filter with places for a key: `(|(cn=*%s*)(mail=*%s*))` (rules 6.2 and 6.3.3).
struct FilterTemplate: Sendable, Hashable {
    let text: [UInt8]

    init(_ text: some Sequence<UInt8>) { self.text = Array(text) }
    init(_ text: String) { self.text = Array(text.utf8) }

    /// The filter for a key (rules 6.3.3, 6.3.5, 6.3.6): stars at the ends of the key do not count, the template decides where they are;
    /// what is special in filters is escaped (pitfall 32).
    /// - Parameter isExact: without stars: the key must be the whole value.
    /// - Throws: `other` if what comes out is no filter.
    func filter(key: some BidirectionalCollection<UInt8>, isExact: Bool = false) throws(LDAPError) -> Filter {
        let star = UInt8(ascii: "*")
        let stripped = Array(key.drop { $0 == star }.reversed().drop { $0 == star }.reversed())
        var escaped: [UInt8] = []
        Filter.escape(stripped.rawSpan, into: &escaped)
        var expanded: [UInt8] = []
        let isBare = text.first != UInt8(ascii: "(")
        if isBare { expanded.append(UInt8(ascii: "(")) }
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == star {
                if isExact || expanded.last == star { continue }
            } else if byte == UInt8(ascii: "%"), index < text.count {
                let code = text[index]
                index += 1
                if code == UInt8(ascii: "s") { expanded += escaped } else { expanded.append(code) }
                continue
            }
            expanded.append(byte)
        }
        if isBare { expanded.append(UInt8(ascii: ")")) }
        do { return try Filter(parsing: expanded.rawSpan) } catch {
            throw LDAPError(.other, "the filter \(String(decoding: text, as: UTF8.self)) of the address list is not valid: \(error.message)")
        }
    }
}

/// The filters that have names: those of `zimbraGalLdapFilterDef` in the global configuration (rule 6.2), and for each that is missing
/// there the one that the catalogue gives.
struct NamedFilters: Sendable {
    private var templates: [[UInt8]: FilterTemplate]

    /// - Parameter definitions: values of the form `name:template`; others are left out.
    init(_ definitions: [[UInt8]] = []) {
        templates = Self.builtIn
        for definition in definitions {
            guard let (name, template) = Self.parse(definition) else { continue }
            templates[Self.key(name)] = template
        }
    }

    static func parse(_ definition: [UInt8]) -> (name: [UInt8], template: FilterTemplate)? {
        guard let colon = definition.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return nil }
        let template = Array(definition[(colon + 1)...].drop { $0 == 0x20 })
        guard !template.isEmpty else { return nil }
        return (Array(definition[..<colon]), FilterTemplate(template))
    }

    subscript(_ name: [UInt8]) -> FilterTemplate? { templates[Self.key(name)] }
    subscript(_ name: String) -> FilterTemplate? { templates[Self.key(Array(name.utf8))] }

    /// The filter of an operation on the directory's own entries.
    func template(_ operation: AddressListOperation, _ kind: AddressListKind) -> FilterTemplate {
        self[Self.name(operation, kind)] ?? FilterTemplate("(objectClass=*)")
    }

    /// Rule 6.2, selection.
    static func name(_ operation: AddressListOperation, _ kind: AddressListKind) -> String {
        let beginning: String
        switch (kind, operation) {
        case (.all, .search): return "zimbraSearch"
        case (.account, .search): return "zimbraAccounts"
        case (.resource, .search): return "zimbraResources"
        case (.group, .search): return "zimbraGroups"
        case (.all, _): beginning = "zimbra"
        case (.account, _): beginning = "zimbraAccount"
        case (.resource, _): beginning = "zimbraResource"
        case (.group, _): beginning = "zimbraGroup"
        }
        return beginning + (operation == .sync ? "Sync" : "AutoComplete")
    }

    /// Names do not differ by case.
    private static func key(_ name: [UInt8]) -> [UInt8] { name.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 } }

    private static let builtIn: [[UInt8]: FilterTemplate] = {
        let addresses = ["mail", "zimbraMailDeliveryAddress", "zimbraMailAlias"]
        let names = ["displayName", "cn", "sn", "gn"]
        let phonetic = ["zimbraPhoneticFirstName", "zimbraPhoneticLastName"]
        func any(_ attributes: [String], _ pattern: String) -> String {
            "(|" + attributes.map { "(\($0)=\(pattern))" }.joined() + ")"
        }
        let kinds = "(|(objectclass=zimbraAccount)(objectclass=zimbraDistributionList)(objectclass=zimbraGroup))"
        let noResource = "(!(objectclass=zimbraCalendarResource))"
        let groups = "(|(objectclass=zimbraDistributionList)(objectclass=zimbraGroup))"
        let resources = "(objectclass=zimbraCalendarResource)(zimbraAccountStatus=active)"
        let persons = names + phonetic + addresses
        let others = names + addresses
        let foreign = any(["displayName", "cn", "sn", "givenName", "mail"], "%p")
        let activeDirectory =
            "(!(msExchHideFromAddressLists=TRUE))(|(&(objectCategory=person)(objectClass=user)(!(homeMDB=*))(!(msExchHomeServerName=*)))"
            + "(&(objectCategory=person)(objectClass=user)(|(homeMDB=*)(msExchHomeServerName=*)))(&(objectCategory=person)(objectClass=contact))"
            + "(objectCategory=group)(objectCategory=publicFolder)(objectCategory=msExchDynamicDistributionList))"
        func patterned(_ text: String, _ pattern: String) -> String {
            text.split(separator: "%p", omittingEmptySubsequences: false).joined(separator: pattern)
        }
        var definitions = [
            "zimbraSearch": "(&" + any(persons, "*%s*") + kinds + ")",
            "zimbraAutoComplete": "(&" + any(persons, "%s*") + kinds + ")",
            "zimbraSync": "(&" + kinds + "(!(&(objectclass=zimbraCalendarResource)(!(|(zimbraAccountStatus=active)"
                + "(zimbraIsAddressListActive=TRUE)(zimbraMailStatus=enabled))))))",
            "zimbraAccounts": "(&" + any(persons, "*%s*") + kinds + noResource + ")",
            "zimbraAccountAutoComplete": "(&(|(displayName=*%s*)" + any(Array(persons.dropFirst()), "%s*") + ")" + kinds + noResource + ")",
            "zimbraAccountSync": "(&" + kinds + noResource + ")",
            "zimbraResources": "(&" + any(others, "*%s*") + resources + ")",
            "zimbraResourceAutoComplete": "(&" + any(others, "%s*") + resources + ")",
            "zimbraResourceSync": "(&" + resources + ")",
            "zimbraGroups": "(&" + any(others, "*%s*") + groups + ")",
            "zimbraGroupAutoComplete": "(&" + any(others, "%s*") + groups + ")",
            "zimbraGroupSync": groups,
            "ad": "(&" + patterned(foreign, "*%s*") + activeDirectory + ")",
            "adAutoComplete": "(&" + patterned(foreign, "%s*") + activeDirectory + ")",
            "externalLdapAutoComplete": any(["cn", "sn", "gn", "mail"], "%s*"),
            "department_has": "(ou=*%s*)", "firstName_has": "(gn=*%s*)", "lastName_has": "(sn=*%s*)", "middleName_has": "(initials=*%s*)",
            "nickname_has": "(|(displayName=*%s*)(cn=*%s*))", "notes_has": "(description=*%s*)",
            "phoneticFirstName_has": "(zimbraPhoneticFirstName=*%s*)", "phoneticLastName_has": "(zimbraPhoneticLastName=*%s*)",
            "email_has": "(mail=*%s*)",
        ]
        for number in 2...16 { definitions["email\(number)_has"] = "(mail=*%s*)" }
        var result: [[UInt8]: FilterTemplate] = [:]
        for (name, text) in definitions { result[key(Array(name.utf8))] = FilterTemplate(text) }
        return result
    }()
}
