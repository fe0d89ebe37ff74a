/// A filter item on values that are not stored: what a provider of virtual attributes puts in the place of the item.
public protocol EntryPredicate: Sendable {
    /// Whether an entry satisfies the item.
    func evaluate(_ id: EntryID, _ record: borrowing EntryRecord, _ snapshot: borrowing Snapshot) -> Ternary
    /// The entries that can satisfy it, ascending; nil if the provider cannot name them.
    func candidates(_ snapshot: borrowing Snapshot) -> [EntryID]?
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
