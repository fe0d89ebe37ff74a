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
    public func concerns(_ type: AttributeTypeID, _ record: borrowing EntryRecord, _ catalogue: Catalogue) -> Bool { true }
}

/// What providers may use.
public struct VirtualContext: Sendable {
    public let catalogue: Catalogue
    let virtual: VirtualAttributes
    /// The computed attributes that the client asked for, in no order; empty in a filter.
    public internal(set) var requested: [AttributeTypeID] = []
}

/// All providers, by type.
final class VirtualAttributes: Sendable {
    let providers: [any VirtualAttribute]
    private let byType: [UInt8]

    /// - Throws: when two providers claim one type, or there are more than 255.
    init(_ providers: [any VirtualAttribute], schema: Schema) throws(DirectoryError) {
        guard providers.count <= 255 else { throw DirectoryError("more than 255 providers of virtual attributes") }
        self.providers = providers
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
        let number = byType[Int(type.rawValue)]
        return number == 0 ? nil : Int(number) - 1
    }

    func provider(of type: AttributeTypeID) -> (any VirtualAttribute)? { index(of: type).map { providers[$0] } }
}
