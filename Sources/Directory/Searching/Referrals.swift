import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// The URLs of a referral entry, for a name that leads to it or below it (RFC 3296 section 5.2 and 5.3).
    ///
    /// What a URL says of scope, filter and attributes stays, as in slapd; the scope is given to those without one.
    /// - Parameters:
    ///   - name: of the entry, in string form.
    ///   - rest: what a name has before that of the entry.
    ///   - scope: for URLs that have none.
    func referralURLs(
        _ record: borrowing EntryRecord, named name: [UInt8], below rest: [RelativeDistinguishedName] = [], scope: SearchScope?,
        _ catalogue: Catalogue
    ) -> [String] {
        guard let attribute = catalogue.table.id(of: known.ref) else { return [] }
        var urls: [String] = []
        var values = record.values(of: attribute)
        while let value = values.next() {
            // A label may stand behind the URL, after a space (RFC 3296 section 2.2 and RFC 2079).
            let text = String(decoding: value.array.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
            guard var url = try? LDAPURL(text) else {
                urls.append(text)
                continue
            }
            let base = url.dn.isEmpty ? String(decoding: name, as: UTF8.self) : url.dn
            url.dn = rest.map(\.description).joined(separator: ",") + (rest.isEmpty || base.isEmpty ? "" : ",") + base
            if url.scope == nil { url.scope = scope }
            urls.append(url.description)
        }
        return urls
    }

    /// The referral for a name that leads to a referral entry or through one; nil if it does not.
    /// - Parameters:
    ///   - found: where the name leads.
    ///   - scope: of the search; nil for other operations.
    func searchReferral(
        at found: Snapshot.Resolution, _ name: DistinguishedName, scope: SearchScope?, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> LDAPError? {
        guard found.id != .root, let record = try record(found.id, snapshot), record.flags.contains(.referral) else { return nil }
        let matched = try stored { () throws(EntryStoreError) in try snapshot.name(of: found.id) }
        let rest = found.isComplete ? [] : Array(name.rdns.dropLast(found.depth))
        var error = LDAPError(.referral, "", matchedDN: matched)
        error.referrals = referralURLs(record, named: matched, below: rest, scope: scope, snapshot.catalogue)
        guard !error.referrals.isEmpty else { return LDAPError(.other, "a referral entry has no usable ref value", matchedDN: matched) }
        return error
    }

    /// The referral for a name of which nothing exists here, if the configuration names servers for such names; nil if not.
    func defaultReferral(
        at found: Snapshot.Resolution, _ name: DistinguishedName, scope: SearchScope?
    ) -> LDAPError? {
        guard !settings.referrals.isEmpty, !found.isComplete, found.id == .root else { return nil }
        var error = LDAPError(.referral, "")
        error.referrals = settings.referrals.map { text in
            guard var url = try? LDAPURL(text) else { return text }
            url.dn = name.description
            if url.scope == nil { url.scope = scope }
            return url.description
        }
        return error
    }
}

/// Referral entries, whatever else a search asks for: they are part of its answer (RFC 3296 section 5.3).
struct ReferralPredicate: EntryPredicate {
    /// Ascending.
    let ids: [EntryID]

    var isTwoValued: Bool { true }

    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary {
        Ternary(record.flags.contains(.referral))
    }

    func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? { ids }
}
