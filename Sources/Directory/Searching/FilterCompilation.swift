import BER
import EntryStore
import LDAP
import Schema

extension Directory {
    /// Makes a filter ready, whatever the client may search for: virtual attributes by their providers.
    func compile(_ filter: Filter, _ catalogue: Catalogue, _ view: EntrySelection.View, viewer: AccessControl) -> CompiledFilter {
        compile(filter, catalogue, view, viewer: viewer, profile: .unlimited, judging: nil)
    }

    /// The same for an entry of an access profile: items on what is not allowed are Undefined.
    /// - Parameters:
    ///   - wanted: the right that an item needs.
    ///   - judging: decides on the values of items.
    func compile(
        _ filter: Filter, _ catalogue: Catalogue, _ view: EntrySelection.View, viewer: AccessControl, profile: AccessProfile,
        wanted: AccessPrivileges = .search, judging: AccessValues?
    ) -> CompiledFilter {
        var compiled = CompiledFilter(catalogue)
        let bytes = filter.bytes
        compile(
            filter.nodes, bytes.rawSpan, catalogue, view, viewer: viewer, into: &compiled,
            isRefused: { type in
                let datum = AccessDatum(type)
                return !profile.dependsOnValue(datum) && !profile.allows(wanted, datum)
            },
            isJudged: { profile.dependsOnValue(AccessDatum($0)) },
            refuses: { type, value in
                guard let judging else { return false }
                return !judging.allows(wanted, AccessDatum(type), value)
            })
        return compiled
    }

    /// The same of a filter's nodes, which have places in `text`.
    /// - Parameters:
    ///   - isRefused: whether items on a type are Undefined. Of its subtypes those that are refused do not count.
    ///   - isJudged: whether that is decided by the item.
    ///   - refuses: decides by the item's value; nil for items without one value.
    func compile(
        _ nodes: [Filter.Node], _ text: RawSpan, _ catalogue: Catalogue, _ view: EntrySelection.View, viewer: AccessControl,
        into compiled: inout CompiledFilter, isRefused: (AttributeTypeID) -> Bool, isJudged: (AttributeTypeID) -> Bool = { _ in false },
        refuses: (AttributeTypeID, [UInt8]?) -> Bool = { _, _ in false }
    ) {
        func hides(_ subtype: AttributeTypeID, of type: AttributeTypeID) -> Bool { subtype != type && (isRefused(subtype) || isJudged(subtype)) }
        func hidesSubtypes(of type: AttributeTypeID) -> Bool {
            let subtypes = catalogue.schema.subtypes(of: type)
            return subtypes.count > 1 && subtypes.contains { hides($0, of: type) }
        }
        compiled.compile(
            nodes, text, catalogue,
            isSpecial: { type in
                isRefused(type) || type == known.objectClass || virtual.index(of: type) != nil || isJudged(type) || hidesSubtypes(of: type)
            },
            resolver: { type, item in
                if isRefused(type) { return .constant(.undefined) }
                if isJudged(type), refuses(type, item.kind == .present || item.kind == .substrings ? nil : item.value.array) {
                    return .constant(.undefined)
                }
                if type == known.objectClass { return virtual.classes.item(item, catalogue) }
                if let provider = virtual.provider(of: type), view != .stored || provider.isInStoredView {
                    let context = VirtualContext(catalogue: catalogue, access: viewer)
                    if let meaning = provider.item(item, context) { return meaning }
                }
                if hidesSubtypes(of: type) { return .filter(item.onStored(catalogue, without: { hides($0, of: type) })) }
                return nil
            })
    }
}
