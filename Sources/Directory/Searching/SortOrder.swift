import BER
import EntryStore
import LDAP
import Schema

/// Why a result cannot be sorted as asked (RFC 2891 section 1.2).
struct SortFailure: Error, Sendable {
    let code: ResultCode
    let attribute: [UInt8]?
    let message: String
}

/// Sort keys made ready: how entries stand to each other.
///
/// Of several values the least counts, in reverse order, too; entries without a value come after all others, in reverse order before
/// them (RFC 2891 section 1.1). An attribute type without an ordering rule is ordered by the canonical form of its equality rule: most
/// names of people are of such types. A value that the client may not search for counts as missing.
struct SortOrder: Sendable {
    struct Key: Sendable {
        let type: AttributeTypeID
        /// Under which numbers entries have it: options and subtypes included.
        let ids: [AttributeID]
        let rule: MatchingRule
        let isReversed: Bool
        /// Where values are computed, their provider.
        let provider: (any VirtualAttribute)?
        let datum: AccessDatum
        /// Whether bare values only are meant, so that the index of the type has them all.
        let isWholeType: Bool
    }

    let keys: [Key]

    init(_ sort: ServerSideSort, _ catalogue: Catalogue, _ view: EntrySelection.View, _ virtual: VirtualAttributes) throws(SortFailure) {
        var keys: [Key] = []
        for key in sort.keys {
            guard let (type, options) = catalogue.table.parse(key.attribute.rawSpan) else {
                throw SortFailure(code: .noSuchAttribute, attribute: key.attribute, message: "unknown attribute type in a sort key")
            }
            let description = catalogue.schema[type]
            var rule = description.ordering ?? description.equality
            if let name = key.rule {
                rule = MatchingRule.named(name.rawSpan)
                if let found = rule, found.use != .ordering || !found.applies(to: description) { rule = nil }
            }
            guard let rule else {
                throw SortFailure(code: .inappropriateMatching, attribute: key.attribute, message: "no ordering rule for a sort key")
            }
            var ids: [AttributeID] = []
            catalogue.table.appendIDs(matching: type, options: options, to: &ids)
            var provider = virtual.provider(of: type)
            if view == .realOnly || view == .stored && provider?.isInStoredView == false { provider = nil }
            keys.append(
                Key(
                    type: type, ids: ids, rule: rule, isReversed: key.isReversed, provider: provider, datum: AccessDatum(type),
                    isWholeType: options.isEmpty && catalogue.schema.subtypes(of: type).count == 1))
        }
        self.keys = keys
    }

    /// Whether the index of the only key has the entries in order.
    func isIndexed(_ catalogue: Catalogue) -> Bool {
        guard keys.count == 1, let key = keys.first, key.isWholeType, key.provider == nil else { return false }
        return OrderedWalk.serves(key.type, by: key.rule, catalogue)
    }

    /// Appends what an entry is sorted by: octets that stand to those of other entries as the entries do.
    func append(
        _ id: EntryID, _ record: borrowing EntryRecord, _ profile: AccessProfile, _ snapshot: borrowing Snapshot, _ context: VirtualContext,
        to out: inout [UInt8]
    ) throws(EntryStoreError) {
        var least: [UInt8] = []
        var value: [UInt8] = []
        for key in keys {
            var isFound = false
            let schema = snapshot.schema
            func take(_ span: RawSpan) {
                value.removeAll(keepingCapacity: true)
                guard schema.normalize(span, by: key.rule, into: &value) else { return }
                if !isFound || value.rawSpan.precedes(least.rawSpan) { swap(&least, &value) }
                isFound = true
            }
            if profile.allows(.search, key.datum), !profile.dependsOnValue(key.datum) {
                if let provider = key.provider, provider.concerns(key.type, record, snapshot.catalogue) {
                    let name = try snapshot.name(of: id)
                    try provider.forEachValue(of: key.type, id, record, name: name.rawSpan, snapshot, context) { take($0) }
                }
                for attribute in key.ids {
                    var values = record.values(of: attribute)
                    while let span = values.next() { take(span) }
                }
            }
            let start = out.count
            if isFound {
                out.append(0)
                for octet in least {
                    out.append(octet)
                    if octet == 0 { out.append(0xff) }
                }
                out.append(0)
                out.append(1)
            } else {
                out.append(0xff)
            }
            if key.isReversed { for place in start..<out.count { out[place] = ~out[place] } }
        }
    }

    /// The canonical form of a value of the first key. Nothing at all, which most syntaxes do not allow, comes before all values.
    /// - Throws: `invalidAttributeSyntax` for a value that is none.
    func normalize(_ assertion: [UInt8], _ schema: Schema, into canonical: inout [UInt8]) throws(LDAPError) {
        guard !assertion.isEmpty, let key = keys.first else { return }
        guard schema.normalize(assertion.rawSpan, by: key.rule, into: &canonical) else {
            throw LDAPError(.invalidAttributeSyntax, "virtual list view: the value is not valid for the first sort key")
        }
    }

    /// The beginning of what entries are sorted by that have a value as their first key.
    /// - Throws: `invalidAttributeSyntax` for a value that is none.
    func key(of assertion: [UInt8], _ schema: Schema) throws(LDAPError) -> [UInt8] {
        guard let key = keys.first else { return [] }
        var canonical: [UInt8] = []
        try normalize(assertion, schema, into: &canonical)
        var out: [UInt8] = [0]
        for octet in canonical {
            out.append(octet)
            if octet == 0 { out.append(0xff) }
        }
        out += [0, 1]
        if key.isReversed { for place in out.indices { out[place] = ~out[place] } }
        return out
    }
}
