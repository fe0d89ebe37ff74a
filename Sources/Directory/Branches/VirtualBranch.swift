import BER
public import EntryStore
public import LDAP
public import Schema

/// Says where the tree has branches whose entries are not stored.
public protocol BranchProvider: Sendable {
    /// Whether a name directly below a stored entry is that of a branch. Asked in changes too: nothing may be remembered of what it sees.
    func hasBranch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> Bool

    /// The branch with a name directly below a stored entry; nil: there is none. A stored entry of that name hides it.
    /// - Throws: what a client is told; `other` when what the branch needs is broken.
    func branch(
        _ rdn: RelativeDistinguishedName, below parent: EntryID, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> (any VirtualBranch)?
}

/// A branch of the tree, one level deep, whose entries are made from stored ones (or brought from elsewhere) when a client asks for them.
///
/// Nothing can be written there. Searches above it do not see it: it is found by its name. Its entries have the attributes that
/// they are made with and no computed ones. Access rules decide on its own entry, whether it may be read; and an entry that a client may not see
/// is not shown here either.
public protocol VirtualBranch: Sendable {
    /// The branch's own name in string form.
    var name: [UInt8] { get }

    /// - Parameter budget: entries that may be looked at to decide.
    /// - Returns: false if it was not enough.
    /// - Throws: `insufficientAccessRights` for an identity that may not use the branch in the way that a filter asks for.
    func admit(
        _ identity: Identity, _ filter: Filter?, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int
    ) throws(LDAPError) -> Bool

    /// Makes the branch's own entry, with all attributes that are wanted of it (``MadeEntry/wants(_:)``).
    func makeTop(_ context: BranchContext, into made: inout MadeEntry)

    /// The stored entry that the entry with an RDN is made from.
    func find(
        _ rdn: RelativeDistinguishedName, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> EntryID?

    /// Makes the entry with an RDN: of the stored one that ``find(_:_:_:)`` gives, unless the branch says otherwise.
    func make(
        _ rdn: RelativeDistinguishedName, _ maker: inout any BranchEntryMaker, _ snapshot: borrowing Snapshot, _ context: BranchContext,
        budget: inout Int, into made: inout MadeEntry
    ) throws(LDAPError) -> Making

    /// How the entries that satisfy a client's filter are found.
    /// - Parameter sizeLimit: how many entries the client wants at most; 0: no limit.
    func query(
        _ filter: Filter, sizeLimit: Int, _ snapshot: borrowing Snapshot, _ context: BranchContext
    ) throws(LDAPError) -> BranchQuery

    /// What makes entries.
    func maker(_ wanted: WantedAttributes, _ context: BranchContext) -> any BranchEntryMaker
}

extension VirtualBranch {
    public func make(
        _ rdn: RelativeDistinguishedName, _ maker: inout any BranchEntryMaker, _ snapshot: borrowing Snapshot, _ context: BranchContext,
        budget: inout Int, into made: inout MadeEntry
    ) throws(LDAPError) -> Making {
        guard let id = try find(rdn, snapshot, context) else { return .absent }
        do {
            var visibility = EntryVisibility(context.viewer, snapshot)
            guard let record = try snapshot.record(id), visibility.contains(id, record, snapshot) else { return .absent }
            return try maker.make(id, record, snapshot, context, budget: &budget, into: &made)
        } catch { throw LDAPError(storage: error) }
    }
}

/// Which attributes entries are made with.
public enum WantedAttributes: Sendable {
    /// What a client asked for.
    case selected(EntrySelection)
    /// What filters test.
    case tested([Filter])
}

/// Gives entries that are made of numbered records other than entries, such as those of the change log. The client's filter is tested
/// on each.
public protocol BranchRecords: Sendable {
    /// Makes the entry of the first record whose number is not below another.
    /// - Returns: its number, and whether the client may see an entry of it; nil: there is no such record.
    func make(
        from number: UInt64, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) throws(EntryStoreError) -> (number: UInt64, isMade: Bool)?
}

/// Makes the entries of a branch from stored ones, one after the other; it may remember what the next one will need again.
public protocol BranchEntryMaker: Sendable {
    /// Makes the entry of a stored one.
    /// - Parameter budget: entries that may be looked at to compute values; what is left of it afterwards.
    mutating func make(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, budget: inout Int,
        into made: inout MadeEntry
    ) throws(EntryStoreError) -> Making

    /// The same of an entry for which no budget suffices: without its long attributes, which are handed out instead.
    mutating func makeLong(
        _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry
    ) throws(EntryStoreError) -> [LongValues]?
}

/// What became of an entry that was to be made.
public enum Making: Sendable {
    case made
    /// There is no entry of it in the branch.
    case absent
    /// The budget was not enough: what was made is to be forgotten.
    case tooLong
}

/// The values of an attribute that are too many to be made at once.
public struct LongValues: Sendable {
    let attribute: AttributeID
    /// The first ones, as finished OCTET STRINGs.
    let finished: [UInt8]
    /// The entries that the others stand for, and what they are written as.
    let entries: [EntryID]
    let naming: any EntryNaming

    public init(attribute: AttributeID, finished: [UInt8], entries: [EntryID], naming: any EntryNaming) {
        self.attribute = attribute
        self.finished = finished
        self.entries = entries
        self.naming = naming
    }
}

/// What finds the entries of a branch.
public struct BranchQuery: Sendable {
    /// On stored entries; nil: none of them belongs to the answer.
    public var filter: CompiledFilter?
    public var base: EntryID
    public var scope: SearchScope
    /// How many entries may be made from stored ones, and how many may be sent in all; 0: no limit.
    public var storedLimit: Int
    public var sizeLimit: Int
    /// Entries from elsewhere, which come after those.
    public var outside: (any OutsideSearch)?
    /// Entries made of other records, which come first.
    public var records: (any BranchRecords)?

    public init(
        filter: CompiledFilter?, base: EntryID, scope: SearchScope, storedLimit: Int, sizeLimit: Int, outside: (any OutsideSearch)? = nil
    ) {
        self.filter = filter
        self.base = base
        self.scope = scope
        self.storedLimit = storedLimit
        self.sizeLimit = sizeLimit
        self.outside = outside
    }
}

/// A search of another server. It waits for that server, and is carried out on a thread that may.
public protocol OutsideSearch: Sendable {
    /// Asks. Never fails: what went wrong is told in ``OutsideAnswer/diagnostic``.
    /// - Parameter deadline: when the client's time limit ends, if it has one.
    func run(deadline: ContinuousClock.Instant?) -> OutsideAnswer

    /// Makes an entry of the answer.
    /// - Returns: false if it has none in the branch.
    func make(_ index: Int, of answer: OutsideAnswer, _ snapshot: borrowing Snapshot, _ context: BranchContext, into made: inout MadeEntry)
        throws(EntryStoreError) -> Bool
}

/// What another server answered.
public struct OutsideAnswer: Sendable {
    /// An entry: its attributes by name in lower case.
    public typealias Attributes = [(name: String, values: [[UInt8]])]
    public var entries: [Attributes] = []
    /// Whether there are more that a limit kept back.
    public var isTruncated = false
    /// For people; empty if all went well.
    public var diagnostic = ""
    public init() {}
}

/// What branches may use of the directory.
public struct BranchContext: Sendable {
    public let catalogue: Catalogue
    let directory: Directory
    /// Who asks; above all rules: the server, in a change.
    let viewer: AccessControl
    /// Whether the client asks for deleted entries too.
    var showsDeleted = false

    /// Makes a filter on stored entries ready, without regard to who asks; values that are inherited do not count
    /// (``VirtualAttribute/isInStoredView``).
    public func compile(_ filter: Filter) -> CompiledFilter {
        var compiled = CompiledFilter(catalogue)
        compile(filter, into: &compiled)
        return compiled
    }

    /// The same in the place of another filter, some of whose work is done already.
    public func compile(_ filter: Filter, into compiled: inout CompiledFilter) {
        let bytes = filter.bytes
        directory.compile(
            filter.nodes, bytes.rawSpan, catalogue, .stored, viewer: directory.unlimited, into: &compiled, isRefused: { _ in false })
    }

    /// Makes a filter ready for entries that were made: they have what they have, nothing is computed.
    public func compileForMade(_ filter: Filter) -> CompiledFilter { directory.compileForMade(filter, catalogue) }

    /// The entries whose names are computed values of an attribute of a stored entry, each once.
    /// - Parameter budget: entries that may be looked at; what is left of it afterwards.
    /// - Returns: nil if it was not enough.
    public func entries(
        named type: AttributeTypeID, of id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, budget: inout Int
    ) throws(EntryStoreError) -> [EntryID]? {
        guard let provider = directory.virtual.provider(of: type) as? any LongVirtualAttribute, provider.concerns(type, record, catalogue)
        else { return [] }
        let context = VirtualContext(catalogue: catalogue, access: directory.unlimited)
        return try provider.names(of: type, id, record, snapshot, context, budget: &budget)
    }

    /// The values of an attribute of a stored entry, computed ones as well as stored ones.
    /// - Parameters:
    ///   - budget: entries that may be looked at; what is left of it afterwards.
    ///   - body: gets each value.
    /// - Returns: false if it was not enough.
    public func forEachValue(
        of type: AttributeTypeID, _ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot, budget: inout Int,
        _ body: (RawSpan) -> Void
    ) throws(EntryStoreError) -> Bool {
        if let provider = directory.virtual.provider(of: type), provider.concerns(type, record, catalogue) {
            guard provider.prepare(snapshot, budget: &budget) else { return false }
            let name = try snapshot.name(of: id)
            let context = VirtualContext(catalogue: catalogue, access: directory.unlimited)
            var isComputed = false
            try provider.forEachValue(of: type, id, record, name: name.rawSpan, snapshot, context) { value in
                isComputed = true
                body(value)
            }
            if isComputed { return true }
        }
        guard let stored = catalogue.table.id(of: type) else { return true }
        var values = record.values(of: stored)
        while let value = values.next() { body(value) }
        return true
    }
}
