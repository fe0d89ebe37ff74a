public import Schema

/// What the store knows besides its entries: the schema, numbers of attribute descriptions, and indexes. Immutable; replaced as a whole.
public final class Catalogue: Sendable {
    public let table: AttributeTable
    /// Kept up to date by every change, some perhaps not complete yet.
    public let maintained: IndexSet
    /// Complete: the planner may rely on them.
    public let usable: IndexSet
    /// What was defined beside the schema files; nil: nothing ever was.
    public let revision: SchemaRevision?

    init(table: AttributeTable, maintained: IndexSet, usable: IndexSet, revision: SchemaRevision?) {
        self.revision = revision
        self.table = table
        self.maintained = maintained
        self.usable = usable
    }

    public var schema: Schema { table.schema }

    /// The same numbers and indexes by another schema, of which this one's is a successor or the other way round: what is under way reads with
    /// it by the schema that it began with. Descriptions that only this schema knows have names and no types in it.
    public func read(by schema: Schema) -> Catalogue {
        Catalogue(table: table.with(schema), maintained: maintained, usable: usable, revision: revision)
    }

    /// The same with another table.
    func with(_ table: AttributeTable) -> Catalogue {
        Catalogue(table: table, maintained: maintained, usable: usable, revision: revision)
    }
}
