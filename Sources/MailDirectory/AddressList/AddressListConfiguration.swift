import BER
import EntryStore
import LDAP
import Schema

/// What a domain and the global configuration say of a domain's address list.
struct AddressListConfiguration: Sendable {
    enum Mode: Sendable { case `internal`, external, both }

    var mode = Mode.internal
    var rules: [AttributeMapRule] = []
    var valueMap: [ValueMapRule] = []
    var filters = NamedFilters()
    /// Rule 6.5; 0: no limit.
    var searchLimit = 100
    /// Rule 6.4.5; 0: no limit.
    var syncLimit = 30_000
    /// Rule 6.3.2: `DOMAIN`, `SUBDOMAINS`, `ROOT` or a name.
    var searchBase = "DOMAIN"
    var syncBase: String?
    var searchTokenizing = Tokenizing.and
    var autoCompleteTokenizing = Tokenizing.and
    /// Rule 6.7.3.
    var alwaysIncludesResources = false
    /// Where entries from outside come from: for searches and completions, for synchronisation.
    var outside: OutsideSource?
    var outsideSync: OutsideSource?

    /// - Parameter global: the global configuration; nil if there is none.
    init(domain: Entry, global: Entry?, _ catalogue: Catalogue) {
        let own = StringValues(catalogue)
        func values(_ name: String) -> [[UInt8]] {
            let values = own.values(name, domain)
            // Rule 2.4: all or nothing.
            return values.isEmpty ? global.map { own.values(name, $0) } ?? [] : values
        }
        func number(_ name: String, _ otherwise: Int) -> Int {
            values(name).first.flatMap { Int(String(decoding: $0, as: UTF8.self)) }.map { max(0, $0) } ?? otherwise
        }
        func text(_ name: String) -> String? { values(name).first.map { String(decoding: $0, as: UTF8.self) } }
        switch own.text("zimbraGalMode", domain) {
        case "ldap"?: mode = .external
        case "both"?: mode = .both
        default: mode = .internal
        }
        rules = values("zimbraGalLdapAttrMap").compactMap { rule in try? AttributeMapRule(rule) }
        if rules.isEmpty { rules = Self.defaultRules }
        valueMap = values("zimbraGalLdapValueMap").compactMap { rule in try? ValueMapRule(rule) }
        if let global { filters = NamedFilters(own.values("zimbraGalLdapFilterDef", global)) }
        searchLimit = number("zimbraGalMaxResults", 100)
        syncLimit = number("zimbraGalSyncSizeLimit", 30_000)
        searchBase = text("zimbraGalInternalSearchBase") ?? "DOMAIN"
        syncBase = text("zimbraGalSyncInternalSearchBase")
        searchTokenizing = Tokenizing(values("zimbraGalTokenizeSearchKey").first)
        autoCompleteTokenizing = Tokenizing(values("zimbraGalTokenizeAutoCompleteKey").first)
        alwaysIncludesResources = text("zimbraGalAlwaysIncludeLocalCalendarResources") == "TRUE"
        guard mode != .internal else { return }
        let autoComplete = text("zimbraGalAutoCompleteLdapFilter") ?? "externalLdapAutoComplete"
        outside = OutsideSource(
            "zimbraGalLdap", domain, own, filters, pageSize: number("zimbraGalLdapPageSize", 1000), autoComplete: autoComplete)
        // Rule 6.9: the twin for synchronisation counts as a whole, if it is complete; its filter counts by itself (pitfall 39).
        outsideSync =
            OutsideSource(
                "zimbraGalSyncLdap", domain, own, filters, pageSize: number("zimbraGalSyncLdapPageSize", 1000),
                autoComplete: autoComplete) ?? outside
        if let filter = own.text("zimbraGalSyncLdapFilter", domain) { outsideSync?.setFilter(filter, filters) }
        outsideSync?.timestampFormat = text("zimbraGalSyncTimestampFormat")
    }

    /// The catalogue's default (rule 6.6), for a directory whose global configuration has none.
    static let defaultRules: [AttributeMapRule] = [
        "displayName,cn=fullName,fullName2,fullName3,fullName4,fullName5,fullName6,fullName7,fullName8,fullName9,fullName10",
        "zimbraMailDeliveryAddress,zimbraMailAlias,mail=email,email2,email3,email4,email5,email6,email7,email8,email9,email10,email11,email12,"
            + "email13,email14,email15,email16",
        "givenName,gn=firstName", "sn=lastName", "initials=initials", "company=company", "ou=department", "title=jobTitle",
        "physicalDeliveryOfficeName=office", "l=workCity", "st=workState", "street,streetAddress=workStreet", "postalCode=workPostalCode",
        "co=workCountry", "telephoneNumber=workPhone", "facsimileTelephoneNumber,fax=workFax", "homeTelephoneNumber,homePhone=homePhone",
        "mobileTelephoneNumber,mobile=mobilePhone", "pagerTelephoneNumber,pager=pager", "description=notes", "objectClass=objectClass",
        "zimbraId=zimbraId", "zimbraMailForwardingAddress=member", "whenChanged,modifyTimeStamp=modifyTimeStamp",
        "whenCreated,createTimeStamp=createTimeStamp", "zimbraCalResType,msExchResourceSearchProperties=zimbraCalResType",
        "(certificate) userCertificate=userCertificate", "(binary) userSMIMECertificate=userSMIMECertificate",
        "(binary) thumbnailPhoto=thumbnailPhoto",
    ].compactMap { rule in try? AttributeMapRule(Array(rule.utf8)) }
}

/// Reads values of entries by the names of attributes. For entries that are read once and remembered.
struct StringValues: Sendable {
    private let catalogue: Catalogue

    init(_ catalogue: Catalogue) { self.catalogue = catalogue }

    /// None for a type that the schema does not have.
    func values(_ name: String, _ entry: Entry) -> [[UInt8]] {
        guard let type = catalogue.schema.attributeType(named: name), let id = catalogue.table.id(of: type) else { return [] }
        return entry[id]
    }

    /// The first value as text.
    func text(_ name: String, _ entry: Entry) -> String? { values(name, entry).first.map { String(decoding: $0, as: UTF8.self) } }

    /// None for a type that the schema does not have.
    func values(_ name: String, _ record: borrowing EntryRecord) -> [[UInt8]] {
        guard let type = catalogue.schema.attributeType(named: name), let id = catalogue.table.id(of: type) else { return [] }
        var list: [[UInt8]] = []
        var values = record.values(of: id)
        while let value = values.next() { list.append(value.array) }
        return list
    }

    /// The first value as text.
    func text(_ name: String, _ record: borrowing EntryRecord) -> String? {
        values(name, record).first.map { String(decoding: $0, as: UTF8.self) }
    }
}
