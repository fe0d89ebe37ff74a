import BER
public import EntryStore
import LDAP
public import Schema

/// Attribute types whose values (or some of them) are computed when they are asked for.
public protocol VirtualAttribute: Sendable {
    /// The types, each belonging to one provider only.
    var types: [AttributeTypeID] { get }
    /// Whether `*` includes them for entries that have them (slapd's dynamic lists do that).
    var isUserAttribute: Bool { get }
    /// Whether `+` includes them.
    var isInAllOperational: Bool { get }

    /// Whether clients with the stored view (``DirectorySettings/storedViewIdentities``) get them, and filters of such clients see them.
    var isInStoredView: Bool { get }

    /// Whether an entry can have computed values of a type; cheap. Where not, the stored ones are all.
    func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool

    /// Makes ready what values are computed from, if that takes looking at no more than so many entries; false if it takes more. Who
    /// computes values all the same has it done then.
    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool

    /// Calls `body` with each value of an entry, the stored ones of the type included; `name` is the entry's DN in string form.
    /// No call at all: nothing is computed, the stored values are all.
    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError)

    /// What a filter item on one of the types means; nil: just what it says.
    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem?
}

extension VirtualAttribute {
    public var isUserAttribute: Bool { false }
    public var isInAllOperational: Bool { false }
    public var isInStoredView: Bool { true }
    public func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { true }
    public func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool { true }
}

/// A virtual attribute whose values can be so many that neither an event loop nor the memory should have to do with all at once:
/// stored values first, then names of entries.
public protocol LongVirtualAttribute: VirtualAttribute {
    /// As ``VirtualAttribute/forEachValue(of:_:_:name:_:_:_:)``, as long as that takes no more than a bounded effort.
    /// - Parameters:
    ///   - budget: entries that may be looked at; what is left of it afterwards.
    ///   - body: gets each value in two parts, of names the RDN and what follows it.
    /// - Returns: false if it was not enough; what `body` has got is then to be forgotten.
    func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, budget: inout Int, _ body: (RawSpan, RawSpan) -> Void
    ) throws(EntryStoreError) -> Bool

    /// The entries whose names are values beside the stored ones, each once.
    /// - Parameter budget: entries that may be looked at; what is left of it afterwards.
    /// - Returns: nil if it was not enough.
    func names(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: VirtualContext,
        budget: inout Int
    ) throws(EntryStoreError) -> [EntryID]?
}

extension LongVirtualAttribute {
    public func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot,
        _ context: VirtualContext, _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) {
        // More than there can be entries.
        var budget = Int.max
        var whole: [UInt8] = []
        _ = try forEachValue(of: type, id, record, name: name, snapshot, context, budget: &budget) { first, second in
            if second.isEmpty { return body(first) }
            whole.removeAll(keepingCapacity: true)
            whole.append(first)
            whole.append(second)
            body(whole.rawSpan)
        }
    }
}

/// What providers may use.
public struct VirtualContext: Sendable {
    public let catalogue: Catalogue
    /// Who gets the values, with his rights.
    let access: AccessControl
    /// What the viewer may do with the entry whose values are made.
    var profile = AccessProfile.unlimited
    /// The computed attributes that the client asked for, in no order; empty in a filter.
    public internal(set) var requested: [AttributeTypeID] = []

    /// Who gets the values.
    public var viewer: Identity { access.identity }
    /// The same as a name in canonical form; empty for who has none.
    public var viewerName: [UInt8] { access.subject.name }
    var virtual: VirtualAttributes { access.directory.virtual }

    /// Whether the viewer may read an attribute of the entry whose values are made: for values that tell of other attributes.
    public func mayRead(_ type: AttributeTypeID) -> Bool {
        profile.allows(.read, AccessDatum(type)) && !profile.dependsOnValue(AccessDatum(type))
    }

    /// The same above all rules: for what holds whoever asks, such as who was granted what.
    public var unlimited: VirtualContext { VirtualContext(catalogue: catalogue, access: access.directory.unlimited, requested: requested) }

    /// Tells which entries the viewer may be told of: for values that name entries.
    public func visibility(_ snapshot: borrowing Snapshot) -> EntryVisibility { EntryVisibility(access, snapshot) }

    /// Makes a filter ready that stands in an entry, such as that of a dynamic list. It sees attributes as they are stored; what is
    /// operational and virtual comes from its provider, but for types that are excluded: they are Undefined.
    public func compile(kept filter: Filter, excluding: AttributeTypeID? = nil) -> CompiledFilter {
        compile(kept: filter, excluding: excluding, refusing: [])
    }

    /// - Parameter refused: types that are Undefined too.
    func compile(kept filter: Filter, excluding: AttributeTypeID?, refusing refused: [AttributeTypeID]) -> CompiledFilter {
        let virtual = self.virtual
        let objectClass = virtual.objectClass
        return CompiledFilter(
            filter, catalogue,
            isSpecial: { type in
                type == objectClass || type == excluding || refused.contains(type) || catalogue.schema[type].isOperational && virtual.index(of: type) != nil
            },
            resolver: { type, item in
                if type == excluding || refused.contains(type) { return .constant(.undefined) }
                if type == objectClass { return virtual.classes.item(item, catalogue) }
                return virtual.provider(of: type)?.item(item, self)
            })
    }
}

/// All providers, by type.
final class VirtualAttributes: Sendable {
    let providers: [any VirtualAttribute]
    let classes: ClassHierarchy
    let objectClass: AttributeTypeID
    private let byType: [UInt8]

    /// - Throws: when two providers claim one type, or there are more than 255.
    init(_ providers: [any VirtualAttribute], known: KnownTypes, schema: Schema) throws(DirectoryError) {
        guard providers.count <= 255 else { throw DirectoryError("more than 255 providers of virtual attributes") }
        self.providers = providers
        classes = ClassHierarchy(known: known, schema: schema)
        objectClass = known.objectClass
        var byType = [UInt8](repeating: 0, count: schema.attributeTypes.count)
        for (index, provider) in providers.enumerated() {
            for type in provider.types {
                guard byType[Int(type.rawValue)] == 0 else {
                    throw DirectoryError("two providers of virtual attributes claim \(schema[type].name)")
                }
                byType[Int(type.rawValue)] = UInt8(index + 1)
            }
        }
        self.byType = byType
    }

    /// The provider of a type.
    func index(of type: AttributeTypeID) -> Int? {
        // Types that were defined since are not computed.
        guard Int(type.rawValue) < byType.count else { return nil }
        let number = byType[Int(type.rawValue)]
        return number == 0 ? nil : Int(number) - 1
    }

    func provider(of type: AttributeTypeID) -> (any VirtualAttribute)? { index(of: type).map { providers[$0] } }
}
