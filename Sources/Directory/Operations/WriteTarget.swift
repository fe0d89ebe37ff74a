import BER
import EntryStore
import LDAP
import Schema

/// The entry that a change acts on.
struct WriteTarget: Sendable {
    let name: DistinguishedName
    /// ``name`` in canonical form.
    let canonical: [UInt8]

    /// - Throws: `invalidDNSyntax`.
    init(_ name: [UInt8], _ schema: Schema) throws(LDAPError) {
        self.name = try DistinguishedName(parsing: name.rawSpan)
        var canonical: [UInt8] = []
        try schema.normalizeDN(self.name, into: &canonical)
        self.canonical = canonical
    }

    /// The canonical form of the first RDN.
    func canonicalRDN(_ schema: Schema) throws(LDAPError) -> [UInt8] {
        var canonical: [UInt8] = []
        if let rdn = name.rdns.first { try schema.normalizeRDN(rdn, into: &canonical) }
        return canonical
    }

    /// Where a name leads.
    enum Place {
        case entry(EntryID)
        /// Elsewhere (RFC 3296).
        case referral(WriteAnswer)
    }

    /// Finds the entry.
    /// - Parameter manageDsaIT: referral entries are treated as ordinary ones (RFC 3296 section 3).
    /// - Throws: `noSuchObject`, with the part of the name that exists.
    func locate(_ directory: Directory, _ access: AccessControl, manageDsaIT: Bool, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Place {
        let found = try snapshot.resolve(canonical: canonical)
        // Of what may not be disclosed neither referrals nor branches tell.
        guard try access.allows(.disclose, access.entry, of: found.id, snapshot) else {
            if found.isComplete { return .entry(found.id) }
            throw try access.missing(below: found.id, snapshot)
        }
        if !manageDsaIT, let referral = try directory.referral(at: found, name, snapshot) { return .referral(referral) }
        guard found.isComplete else {
            try directory.demandNoBranch(found, name, snapshot)
            throw try access.missing(below: found.id, snapshot)
        }
        return .entry(found.id)
    }
}

extension Directory {
    /// An RDN as it is stored.
    /// - Throws: `unwillingToPerform` for one too long for a record.
    func rdnText(_ rdn: RelativeDistinguishedName) throws(LDAPError) -> [UInt8] {
        var text: [UInt8] = []
        checker.storedRDN(rdn).write(into: &text)
        guard text.count <= 32_768 else { throw LDAPError(.unwillingToPerform, "RDN is longer than 32768 bytes") }
        return text
    }

    /// What stands in `creatorsName` and `modifiersName` for an identity.
    func nameForRecords(_ identity: Identity) -> [UInt8] {
        switch identity {
        case .anonymous: []
        case .root: Array(settings.rootName.utf8)
        case .entry(_, let name, _): name
        }
    }

    /// The answer for a name that leads to or through a referral entry (RFC 3296 section 5.2); nil if it does not.
    func referral(
        at found: Snapshot.Resolution, _ name: DistinguishedName, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> WriteAnswer? {
        if try special.hasNoReferrals(self, snapshot) { return nil }
        var id = found.id
        var depth = found.depth
        var place: (id: EntryID, depth: Int)?
        while id != .root {
            guard let record = try record(id, snapshot) else { break }
            if record.flags.contains(.referral) { place = (id, depth) }
            id = record.parent
            depth -= 1
        }
        guard let place, let record = try record(place.id, snapshot), let ref = snapshot.catalogue.table.id(of: known.ref) else { return nil }
        let matched = try stored { () throws(EntryStoreError) in try snapshot.name(of: place.id) }
        let rest = name.rdns.dropLast(place.depth)
        var answer = WriteAnswer(LDAPError(.referral, "", matchedDN: matched))
        var values = record.values(of: ref)
        while let value = values.next() {
            // A label may stand behind the URL, after a space (RFC 3296 section 2.2 and RFC 2079).
            let text = String(decoding: value.array.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
            guard var url = try? LDAPURL(text) else {
                answer.referrals.append(text)
                continue
            }
            let base = url.dn.isEmpty ? String(decoding: matched, as: UTF8.self) : url.dn
            url.dn = rest.map(\.description).joined(separator: ",") + (rest.isEmpty || base.isEmpty ? "" : ",") + base
            url.attributes = []
            url.scope = nil
            url.filter = nil
            answer.referrals.append(url.description)
        }
        if answer.referrals.isEmpty { throw LDAPError(.other, "a referral entry has no usable ref value", matchedDN: matched) }
        return answer
    }

    /// The record of an entry.
    @_lifetime(borrow snapshot)
    func record(_ id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> EntryRecord? {
        do { return try snapshot.record(id) } catch { throw LDAPError(storage: error) }
    }

    /// The attributes of an entry that must be there.
    func entry(_ id: EntryID, _ snapshot: borrowing Snapshot) throws(LDAPError) -> Entry {
        guard let record = try record(id, snapshot) else { throw LDAPError(.noSuchObject, "") }
        return Entry(record)
    }

    /// RFC 4528.
    /// - Throws: `assertionFailed`.
    func checkAssertion(
        _ controls: WriteControls, _ id: EntryID, _ access: AccessControl, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard controls.assertion != nil, let record = try record(id, snapshot) else { return }
        try checkAssertion(controls, id, record, access, snapshot)
    }

    /// The same for an entry that is not in the store yet.
    func checkAssertion(
        _ controls: WriteControls, _ id: EntryID, _ record: borrowing EntryRecord, _ access: AccessControl,
        _ snapshot: borrowing Snapshot
    ) throws(LDAPError) {
        guard let assertion = controls.assertion else { return }
        var scratch = FilterScratch()
        let filter = access.compile(assertion, view(of: access.identity), id, record, snapshot)
        guard filter.evaluate(id, record, snapshot, scratch: &scratch) == .yes else {
            throw LDAPError(.assertionFailed, "the entry does not match the asserted filter")
        }
    }

    /// A response control with an entry (RFC 4527); nil if none was asked for.
    func readEntry(
        _ selectors: [[UInt8]]?, oid: String, _ id: EntryID, _ access: AccessControl, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Control? {
        guard let selectors, let record = try record(id, snapshot) else { return nil }
        let profile = access.profile(id, record, snapshot)
        guard profile.entry.contains(.read) else { return nil }
        let name = try stored { () throws(EntryStoreError) in try snapshot.name(of: id) }
        return try control(
            selectors, oid: oid, view: view(of: access.identity), profile, id, name: name.rawSpan, record, access, snapshot)
    }

    /// The same of an entry outside the store.
    func readEntry(
        _ entry: PseudoEntry, _ selectors: [[UInt8]]?, oid: String, _ access: AccessControl, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Control? {
        guard let selectors else { return nil }
        guard let record = EntryRecord(entry.record.rawSpan) else { throw entry.damage }
        return try control(
            selectors, oid: oid, view: .realOnly, .unlimited, .root, name: entry.name.rawSpan, record, access, snapshot)
    }

    private func control(
        _ selectors: [[UInt8]], oid: String, view: EntrySelection.View, _ profile: AccessProfile, _ id: EntryID, name: RawSpan,
        _ record: borrowing EntryRecord, _ access: AccessControl, _ snapshot: borrowing Snapshot
    ) throws(LDAPError) -> Control {
        var bytes: [UInt8] = []
        let places = selectors.map { selector in
            let place = ByteRange(start: bytes.count, count: selector.count)
            bytes += selector
            return place
        }
        let selection = EntrySelection(
            places, in: bytes.rawSpan, view: view, profile: profile, snapshot.catalogue, virtual)
        do {
            return Control(oid: oid, value: try selection.searchResultEntry(id: id, name: name, record: record, snapshot, viewer: access))
        } catch { throw LDAPError(storage: error) }
    }
}
