public import EntryStore
public import LDAP
public import Schema

/// An entry on its way back from among the deleted ones.
public struct ReturningEntry: Sendable {
    /// As it was deleted.
    public let record: ChangeRecord
    /// As it was.
    public let before: Entry
    /// As it will be.
    public var entry: Entry
    /// Its name as it will be.
    public let name: [UInt8]
    /// Its first RDN, before and after.
    public let oldRDN: RelativeDistinguishedName
    public let rdn: RelativeDistinguishedName
    /// The stored entry that it, or the top of what comes back with it, will stand below.
    public let parent: EntryID
    /// Whether it comes back to another name than it had.
    public let isRenamed: Bool
    /// Whether it is the entry that the client named, not one below it.
    public let isTop: Bool
    /// Entries elsewhere in the tree that were deleted with it or by the same client shortly before: what belongs to it may be made
    /// ``companions``.
    public let candidates: [ChangeRecord]
    /// Entries that come back with it, each to its own place.
    public var companions: [Companion] = []
    /// What cannot come back, for people.
    public var notes: [String] = []

    public struct Companion: Sendable {
        public var record: ChangeRecord
        public var entry: Entry

        public init(record: ChangeRecord, entry: Entry) {
            self.record = record
            self.entry = entry
        }
    }
}

/// What a module above knows of entries that come back (section 12 of the semantics).
public protocol ReturnRule: Sendable {
    /// Makes an entry fit to come back: values that no longer make sense go, each with a note; what is its own elsewhere comes along.
    /// - Throws: what the client is told; nothing comes back then.
    func adjust(_ returning: inout ReturningEntry, _ snapshot: borrowing Snapshot) throws(LDAPError)

    /// By what values other entries name an entry, and what is to stand there now.
    func identifiers(of returning: ReturningEntry, _ table: AttributeTable) -> [[UInt8]: [UInt8]]

    /// Splits a value of another entry into what names an entry, in the form of ``identifiers(of:_:)``, and the rest behind it; nil:
    /// it names none.
    func reference(_ value: [UInt8], of type: AttributeTypeID) -> (key: [UInt8], rest: [UInt8])?
}
