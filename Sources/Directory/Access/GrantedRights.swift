public import EntryStore
public import LDAP
public import Schema

/// Rights that entries give, beside the access rules: they widen what the rules allow and take nothing away. A module above knows them.
public protocol GrantedRights: AnyObject, Sendable {
    /// A number that changes whenever an identity may hold something else though the directory is the same.
    var revision: Int { get }

    /// What an identity holds as of a snapshot; nil: nothing. Asked once for each bound client, commit and ``revision``.
    /// - Parameter context: for virtual attributes, above all rules.
    func holder(
        _ identity: Identity, _ snapshot: borrowing Snapshot, _ context: VirtualContext
    ) throws(EntryStoreError) -> (any RightsHolder)?
}

/// What one identity holds, as of one snapshot.
public protocol RightsHolder: AnyObject, Sendable {
    /// What it may do with some entry at least, for all attributes together.
    var most: AccessGrant { get }

    /// What it may do with an entry, which need not be in the store (yet); nil: nothing. The same object for entries alike, as far as
    /// possible: what follows from one is kept.
    func grant(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> AccessGrant?

    /// Checks values that an attribute is to get, and to lose, by virtue of these rights.
    /// - Throws: `insufficientAccessRights`, `constraintViolation`.
    func check(
        _ values: [[UInt8]], removed: [[UInt8]], of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) throws(LDAPError)

    /// In words, where the privileges on an attribute of an entry come from; for people.
    func reasons(
        _ type: AttributeTypeID?, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot
    ) -> [String]
}

/// What is granted on one kind of entry: privileges for each attribute and for the entry as such.
public final class AccessGrant: Sendable {
    /// By ``AccessDatum``.
    private let privileges: [AccessPrivileges]

    public init(_ schema: Schema, _ build: (inout Draft) -> Void) {
        var draft = Draft(schema)
        build(&draft)
        privileges = draft.privileges
    }

    subscript(_ datum: AccessDatum) -> AccessPrivileges { self[datum.index] }
    subscript(_ index: Int) -> AccessPrivileges { index < privileges.count ? privileges[index] : [] }

    /// What is granted on an attribute.
    public func privileges(_ type: AttributeTypeID) -> AccessPrivileges { self[AccessDatum(type)] }

    /// A grant being put together.
    public struct Draft {
        fileprivate var privileges: [AccessPrivileges]

        fileprivate init(_ schema: Schema) {
            privileges = Array(repeating: [], count: AccessDatum.count(schema))
        }

        /// Adds privileges on an attribute.
        public mutating func allow(_ more: AccessPrivileges, _ type: AttributeTypeID) { privileges[AccessDatum(type).index].formUnion(more) }
        /// Takes privileges on an attribute away again.
        public mutating func refuse(_ less: AccessPrivileges, _ type: AttributeTypeID) { privileges[AccessDatum(type).index].subtract(less) }
        /// Adds privileges on the entry itself.
        public mutating func allowEntry(_ more: AccessPrivileges) { privileges[AccessDatum.entry.index].formUnion(more) }
        /// Adds privileges on the set of entries below it.
        public mutating func allowChildren(_ more: AccessPrivileges) { privileges[AccessDatum.children.index].formUnion(more) }
        /// Adds everything that another grant gives.
        public mutating func allow(_ other: AccessGrant) {
            for index in privileges.indices { privileges[index].formUnion(other[index]) }
        }
        public var isEmpty: Bool { privileges.allSatisfy(\.isEmpty) }
    }
}
