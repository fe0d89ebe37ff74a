import BER
import Directory
import EntryStore
import LDAP
import LDAPClient
import Schema

/// Checks what configures the address list when it is written (pitfall 41): a mistake there would show wrong entries, or all of them.
struct AddressListRules: WriteRule {
    private let checks: [(type: AttributeTypeID, check: @Sendable (_ value: [UInt8], _ filters: NamedFilters) throws(LDAPError) -> Void)]
    private let filterDefinitions: AttributeTypeID?
    var types: [AttributeTypeID] { checks.map(\.type) }

    init(_ schema: Schema) {
        typealias Check = @Sendable ([UInt8], NamedFilters) throws(LDAPError) -> Void
        let definition: Check = { value, _ throws(LDAPError) in
            guard let (_, template) = NamedFilters.parse(value) else { throw Self.wrong(value, "not of the form name:filter") }
            try Self.check(template, value)
        }
        let filter: Check = { value, filters throws(LDAPError) in
            guard value.contains(UInt8(ascii: "(")) else {
                // Rule 6.9: without a parenthesis it is the name of a definition.
                if filters[value] == nil { throw Self.wrong(value, "no filter has this name in zimbraGalLdapFilterDef of the global configuration") }
                return
            }
            try Self.check(FilterTemplate(value), value)
        }
        let map: Check = { value, _ throws(LDAPError) in _ = try AttributeMapRule(value) }
        let valueMap: Check = { value, _ throws(LDAPError) in _ = try ValueMapRule(value) }
        let base: Check = { value, _ throws(LDAPError) in
            let text = String(decoding: value, as: UTF8.self)
            if ["DOMAIN", "SUBDOMAINS", "ROOT"].contains(text) { return }
            do throws(LDAPError) { _ = try DistinguishedName(text) } catch { throw Self.wrong(value, "neither DOMAIN, SUBDOMAINS, ROOT nor a name: \(error.message)") }
        }
        let externalBase: Check = { value, _ throws(LDAPError) in
            let text = String(decoding: value, as: UTF8.self)
            if text == "ROOT" { return }
            do throws(LDAPError) { _ = try DistinguishedName(text) } catch { throw Self.wrong(value, "neither ROOT nor a name: \(error.message)") }
        }
        let url: Check = { value, _ throws(LDAPError) in
            let text = String(decoding: value, as: UTF8.self).lowercased()
            guard ["ldap://", "ldaps://", "ldapi://"].contains(where: { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }) else {
                throw Self.wrong(value, "not of the form ldap://HOST, ldaps://HOST or ldapi://PATH")
            }
        }
        let all: [(String, Check)] = [
            ("zimbraGalLdapFilterDef", definition), ("zimbraGalLdapFilter", filter), ("zimbraGalSyncLdapFilter", filter),
            ("zimbraGalAutoCompleteLdapFilter", filter), ("zimbraGalLdapAttrMap", map), ("zimbraGalLdapValueMap", valueMap),
            ("zimbraGalInternalSearchBase", base), ("zimbraGalSyncInternalSearchBase", base), ("zimbraGalLdapSearchBase", externalBase),
            ("zimbraGalSyncLdapSearchBase", externalBase), ("zimbraGalLdapURL", url), ("zimbraGalSyncLdapURL", url),
        ]
        checks = all.compactMap { name, check in schema.attributeType(named: name).map { ($0, check) } }
        filterDefinitions = schema.attributeType(named: "zimbraGalLdapFilterDef")
    }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        guard let after = change.after else { return }
        let table = snapshot.catalogue.table
        var filters: NamedFilters?
        for (type, check) in checks {
            guard let id = table.id(of: type), !after[id].isEmpty else { continue }
            // What was there before stays as it is.
            let old = change.before?[id] ?? []
            let new = after[id].filter { !old.contains($0) }
            if new.isEmpty { continue }
            if filters == nil { filters = try definitions(snapshot) }
            guard let known = filters else { continue }
            for value in new {
                do throws(LDAPError) { try check(value, known) } catch {
                    throw LDAPError(error.code, "\(snapshot.schema[type].name): \(error.message)")
                }
            }
            if type == filterDefinitions { try checkNames(after[id]) }
        }
    }

    /// Two filters of one name would leave open which one counts.
    private func checkNames(_ definitions: [[UInt8]]) throws(LDAPError) {
        var names = Set<String>()
        for definition in definitions {
            guard let (name, _) = NamedFilters.parse(definition) else { continue }
            let text = String(decoding: name, as: UTF8.self)
            if !names.insert(text.lowercased()).inserted {
                throw LDAPError(.constraintViolation, "zimbraGalLdapFilterDef: two filters have the name \"\(text)\"")
            }
        }
    }

    private func definitions(_ snapshot: borrowing Snapshot) throws(LDAPError) -> NamedFilters {
        guard let filterDefinitions, let id = snapshot.catalogue.table.id(of: filterDefinitions) else { return NamedFilters() }
        let found = try snapshot.resolve(.globalConfiguration)
        do {
            guard found.isComplete, let record = try snapshot.record(found.id) else { return NamedFilters() }
            return NamedFilters(Entry(record)[id])
        } catch { throw LDAPError(storage: error) }
    }

    /// A template is right if it is a filter whatever the key is.
    private static func check(_ template: FilterTemplate, _ value: [UInt8]) throws(LDAPError) {
        for key in ["", "key", "(*)\\"] {
            do throws(LDAPError) { _ = try template.filter(key: Array(key.utf8)) } catch { throw wrong(value, error.message) }
        }
    }

    private static func wrong(_ value: [UInt8], _ reason: String) -> LDAPError {
        LDAPError(.constraintViolation, "\"\(String(decoding: value.prefix(200), as: UTF8.self))\": \(reason)")
    }
}
