public import Schema

/// What the store knows besides its entries: numbers of attribute descriptions, and indexes. Immutable; replaced as a whole.
public final class Catalogue: Sendable {
    public let table: AttributeTable
    /// Kept up to date by every change, some perhaps not complete yet.
    public let maintained: IndexSet
    /// Complete: the planner may rely on them.
    public let usable: IndexSet

    init(table: AttributeTable, maintained: IndexSet, usable: IndexSet) {
        self.table = table
        self.maintained = maintained
        self.usable = usable
    }

    public var schema: Schema { table.schema }
}
