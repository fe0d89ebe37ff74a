import BER
import Directory
import EntryStore
import LDAP
import Schema

/// Who may see what a list finds in another's name: the list's `dgAuthz`, in OpenLDAP's forms. Where there is none everybody may who may read
/// the list; whom none of the values fits sees no computed members.
enum ListAuthorization {
    /// Whether a list's members are computed for who asks.
    static func admits(
        _ list: ListIndex.List, _ types: ListTypes, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) -> Bool {
        if list.authorization.isEmpty || list.identity?.isEmpty ?? true || context.viewer == .root { return true }
        for rule in list.authorization where admits(rule, types, snapshot, context) { return true }
        return false
    }

    private static func admits(
        _ rule: [UInt8], _ types: ListTypes, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) -> Bool {
        // Values are ordered: `{1}dn:…`.
        var text = rule[...]
        if text.first == UInt8(ascii: "{"), let end = text.firstIndex(of: UInt8(ascii: "}")) { text = text[(end + 1)...] }
        if text.elementsEqual("*".utf8) { return true }
        // The others are about names.
        let viewer = context.viewerName
        guard !viewer.isEmpty else { return false }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return isNamed(text, viewer, snapshot.schema) }
        let form = String(decoding: text[..<colon], as: UTF8.self).lowercased()
        let rest = text[(colon + 1)...]
        switch form {
        case "dn" where rest.elementsEqual("*".utf8): return true
        case "dn", "dn.exact": return isNamed(rest, viewer, snapshot.schema)
        case "dn.subtree": return isNamed(rest, viewer, snapshot.schema) || isBelow(rest, viewer, snapshot.schema)
        case "dn.children": return isBelow(rest, viewer, snapshot.schema)
        case "dn.onelevel": return isBelow(rest, viewer, snapshot.schema, byOne: true)
        case "ldap": return isFound(Array(text), viewer: context.viewer, types, snapshot, context)
        default: return false
        }
    }

    private static func canonical(_ name: ArraySlice<UInt8>, _ schema: Schema) -> [UInt8]? {
        let bytes = Array(name)
        var canonical: [UInt8] = []
        guard let parsed = try? DistinguishedName(parsing: bytes.rawSpan), (try? schema.normalizeDN(parsed, into: &canonical)) != nil else { return nil }
        return canonical
    }

    private static func isNamed(_ name: ArraySlice<UInt8>, _ viewer: [UInt8], _ schema: Schema) -> Bool { canonical(name, schema) == viewer }

    private static func isBelow(_ name: ArraySlice<UInt8>, _ viewer: [UInt8], _ schema: Schema, byOne: Bool = false) -> Bool {
        guard let base = canonical(name, schema) else { return false }
        return CompiledFilter.nameScope(byOne ? .dnOneLevelMatch : .dnSubordinateMatch, viewer.rawSpan, base.rawSpan)
    }

    /// Whether the search that a URL stands for finds who asks.
    private static func isFound(
        _ url: [UInt8], viewer: Identity, _ types: ListTypes, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) -> Bool {
        guard case .entry(let id, _, _) = viewer, let url = try? ListURL(url.rawSpan, types, snapshot.schema),
            let base = try? snapshot.resolve(url.base), base.isComplete, let record = try? snapshot.record(id)
        else { return false }
        let isInScope =
            switch url.scope {
            case .baseObject: id == base.id
            case .singleLevel: record.parent == base.id
            case .wholeSubtree: (try? snapshot.isInSubtree(id, of: base.id)) ?? false
            case .subordinateSubtree: id != base.id && ((try? snapshot.isInSubtree(id, of: base.id)) ?? false)
            }
        var scratch = FilterScratch()
        return isInScope
            && context.compile(kept: url.filter, excluding: types.memberOf).evaluate(id, record, snapshot, scratch: &scratch) == .yes
    }
}
