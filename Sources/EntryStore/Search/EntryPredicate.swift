/// A filter item on values that are not stored: what a provider of virtual attributes puts in the place of the item.
public protocol EntryPredicate: Sendable {
    /// Whether an entry satisfies the item.
    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary
    /// Whether it is never Undefined.
    var isTwoValued: Bool { get }
    /// The entries that can satisfy the item, ascending; nil if the provider cannot name them. For items that few entries satisfy.
    func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]?
    /// The entries that can satisfy the item, by the store's own sets; each is tested before it is found. Nil: any entry.
    /// - Parameter negated: those that can fail it instead; asked only of what is two-valued.
    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> CandidateSet?
    /// Whether all entries of the sets satisfy (or fail) the item, so that none needs to be tested.
    var setsAreExact: Bool { get }
    /// Works out what the other calls will need, if that takes looking at no more than so many entries; false if it takes more.
    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool
}

extension EntryPredicate {
    public var isTwoValued: Bool { false }
    public var setsAreExact: Bool { false }
    public func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { true }
    public func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? { nil }
    public func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> CandidateSet? {
        negated ? nil : candidates(snapshot).map { .ids($0) }
    }
}

/// Entries in terms of what the store has sets of; the planner reads them block by block.
public indirect enum CandidateSet: Sendable {
    /// Ascending.
    case ids([EntryID])
    /// Those that a filter on stored attributes finds.
    case matching(CompiledFilter)
    /// Those anywhere below an entry.
    case below(EntryID)
    case union([CandidateSet])
    case intersection([CandidateSet])
    /// All others. A set that is only known to contain them all cannot be turned round: then every entry.
    case except(CandidateSet)
}

/// What a provider says to a filter item on a type of its own.
public enum VirtualItem: Sendable {
    /// The item has this value for all entries.
    case constant(Ternary)
    /// To be asked for each entry.
    case predicate(any EntryPredicate)
    /// Another filter on stored attributes says the same.
    case filter(CompiledFilter)
}
