import BER
import Directory
import EntryStore
import LDAP
import Schema

/// A `memberURL` taken apart: a search that finds members (rule 7.7). Shared by all who use the list.
final class ListURL: Sendable {
    private let scheme: LDAPURL.Scheme
    let base: DistinguishedName
    /// ``base`` in canonical form.
    let canonicalBase: [UInt8]
    let scope: SearchScope
    let filter: Filter
    let anchors: ListAnchors

    /// - Throws: `invalidAttributeSyntax`, saying what is wrong with the URL.
    init(_ value: RawSpan, _ types: ListTypes, _ schema: Schema) throws(LDAPError) {
        guard let text = String(validating: value.array, as: UTF8.self) else { throw Self.failure("is not UTF-8") }
        let url: LDAPURL
        do { url = try LDAPURL(text) } catch { throw Self.failure(error.message) }
        scheme = url.scheme
        guard url.host.isEmpty, url.port == nil else {
            throw Self.failure("names a host (\(url.host)): members are looked for in this directory only, as in ldap:///\(url.dn)?…")
        }
        guard url.attributes.isEmpty else {
            throw Self.failure("names attributes (\(url.attributes.joined(separator: ","))): this part must be empty, as in ldap:///base??sub?(filter)")
        }
        if let critical = url.extensions.first(where: \.isCritical) {
            throw Self.failure("has the critical extension \(critical.type), which is unknown")
        }
        var canonical: [UInt8] = []
        do {
            base = try DistinguishedName(url.dn)
            try schema.normalizeDN(base, into: &canonical)
        } catch { throw Self.failure("base \"\(url.dn)\": \(error.message)") }
        canonicalBase = canonical
        // RFC 4516 section 2: without a scope, base.
        scope = url.scope ?? .baseObject
        do { filter = try Filter(url.filter ?? "(objectClass=*)") } catch { throw Self.failure("filter: \(error.message)") }
        anchors = ListAnchors(filter, types, schema)
    }

    /// What is demanded of a new value beyond what a search needs: its scheme is `ldap`, every attribute of the filter exists, none is one that itself
    /// depends on lists, and assertions are values of their types.
    /// - Throws: `invalidAttributeSyntax`.
    func check(_ types: ListTypes, _ schema: Schema) throws(LDAPError) {
        guard scheme == .ldap else { throw Self.failure("begins with \(scheme.rawValue)://, not with ldap:///") }
        let bytes = filter.bytes
        var index = 0
        while index < filter.nodes.count {
            let node = filter.nodes[index]
            index += 1
            switch node.kind {
            case .and, .or, .not, .initial, .any, .final, .undefined: continue
            default: break
            }
            guard !node.attribute.isEmpty else { continue }
            let description = bytes.rawSpan.slice(node.attribute)
            let end = AttributeDescription.endOfType(description)
            guard let type = schema.attributeType(description.extracting(0..<end)) else {
                throw Self.failure("filter: unknown attribute \(String(decoding: description.array, as: UTF8.self))")
            }
            if type == types.memberOf { throw Self.failure("filter: memberOf cannot be used, it depends on the members of lists") }
            if node.kind == .equality, let rule = schema[type].equality {
                guard schema.isAssertion(bytes.rawSpan.slice(node.value), by: rule) else {
                    throw Self.failure("filter: \(schema[type].name) has no value \(String(decoding: bytes.rawSpan.slice(node.value).array, as: UTF8.self))")
                }
            }
        }
    }

    private static func failure(_ reason: String) -> LDAPError { LDAPError(.invalidAttributeSyntax, "memberURL: \(reason)") }
}

/// `memberURL` is checked when a client writes it (rule 7.7, pitfall 43). What an import brings is not: there a URL that cannot be
/// read has no members.
struct ListURLRule: WriteRule {
    let listTypes: ListTypes

    var types: [AttributeTypeID] { [listTypes.memberURL] }

    func check(_ change: RuledChange, _ snapshot: borrowing Snapshot) throws(LDAPError) {
        // What is there already, perhaps from an import, does not stand in the way of other changes.
        for value in change.added(listTypes.memberURL) {
            try ListURL(value.rawSpan, listTypes, snapshot.schema).check(listTypes, snapshot.schema)
        }
    }
}
