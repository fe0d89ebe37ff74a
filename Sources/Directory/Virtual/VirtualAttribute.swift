import BER
import EntryStore
import LDAP
import Schema

/// An attribute type whose values (or some of them) are computed when they are asked for.
protocol VirtualAttribute: Sendable {
    var type: AttributeTypeID { get }
    /// Whether `*` includes it for entries that have it (slapd's dynamic lists do that).
    var isUserAttribute: Bool { get }
    /// Whether `+` includes it.
    var isInAllOperational: Bool { get }

    /// Whether an entry can have computed values; cheap. Where not, the stored ones are all.
    func concerns(_ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool

    /// Calls `body` with each value of an entry; `name` is the entry's DN in string form.
    func forEachValue(
        _ id: EntryID, _ record: borrowing EntryRecord, name: RawSpan, _ snapshot: borrowing Snapshot, _ context: VirtualContext,
        _ body: (RawSpan) -> Void
    ) throws(EntryStoreError)

    /// What a filter item on the type means.
    func item(_ item: borrowing CompiledFilter.Item, _ context: VirtualContext) -> VirtualItem?
}

extension VirtualAttribute {
    func concerns(_ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool { true }
}

/// What providers may use.
struct VirtualContext: Sendable {
    let catalogue: Catalogue
    let virtual: VirtualAttributes
}

/// All providers, by type.
final class VirtualAttributes: Sendable {
    let providers: [any VirtualAttribute]
    private let byType: [UInt8]

    init(known: KnownTypes, schema: Schema) {
        providers = [
            EntryDN(type: known.entryDN),
            SubschemaSubentry(type: known.subschemaSubentry),
            HasSubordinates(type: known.hasSubordinates),
            NumSubordinates(type: known.numSubordinates),
            DynamicMembers(type: known.member, url: known.memberURL),
        ]
        var byType = [UInt8](repeating: 0, count: schema.attributeTypes.count)
        for (index, provider) in providers.enumerated() { byType[Int(provider.type.rawValue)] = UInt8(index + 1) }
        self.byType = byType
    }

    /// The provider of a type.
    func index(of type: AttributeTypeID) -> Int? {
        let number = byType[Int(type.rawValue)]
        return number == 0 ? nil : Int(number) - 1
    }

    func provider(of type: AttributeTypeID) -> (any VirtualAttribute)? { index(of: type).map { providers[$0] } }
}
