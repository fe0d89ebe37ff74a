/// A filter item on values that are not stored: what a provider of virtual attributes puts in the place of the item.
public protocol EntryPredicate: Sendable {
    /// Whether an entry satisfies the item.
    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary
    /// Whether it is never Undefined.
    var isTwoValued: Bool { get }
    /// The entries that can satisfy the item, ascending; nil if the provider cannot name them. For items that few entries satisfy.
    func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]?
    /// The entries that can satisfy the item, by the store's own sets. Nil: any entry.
    /// - Parameter negated: those that can fail it instead; asked only of what is two-valued.
    func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates?
    /// Works out what the other calls will need, if that takes looking at no more than so many entries; false if it takes more.
    func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool
    /// The same for who only evaluates, a few entries.
    func prepareEvaluation(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool
}

extension EntryPredicate {
    public var isTwoValued: Bool { false }
    public func prepare(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { true }
    public func prepareEvaluation(_ snapshot: borrowing Snapshot, budget: inout Int) -> Bool { prepare(snapshot, budget: &budget) }
    public func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]? { nil }
    public func sets(negated: Bool, _ snapshot: borrowing Snapshot) -> Candidates? {
        negated ? nil : candidates(snapshot).map { Candidates(.ids($0)) }
    }
}

/// The entries that can satisfy a predicate.
public struct Candidates: Sendable {
    public let set: CandidateSet
    /// Whether all of them do, so that none need be tested.
    public let isExact: Bool

    public init(_ set: CandidateSet, isExact: Bool = false) {
        self.set = set
        self.isExact = isExact
    }
}

/// Entries in terms of what the store has sets of; the planner reads them block by block.
public indirect enum CandidateSet: Sendable {
    /// Ascending.
    case ids([EntryID])
    /// Those that were gathered beforehand.
    case gathered(GatheredEntries)
    /// Those that a filter on stored attributes finds.
    case matching(CompiledFilter)
    /// Those directly below an entry.
    case directlyBelow(EntryID)
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
