import BER
import LMDB
public import Schema

extension StoreTransaction {
    /// The catalogue with another schema, in which what is new has numbers as far as there are any.
    /// - Throws: `tooManyAttributes`; `input` for a type that is operational by one of the two schemas only: its number says which it is.
    public func catalogue(with schema: Schema, _ revision: SchemaRevision) throws(EntryStoreError) -> Catalogue {
        var table = catalogue.table.with(schema)
        var next = (user: table.nextID(operational: false), operational: table.nextID(operational: true))
        var names: [(id: AttributeID, name: [UInt8])] = []
        for type in schema.attributeTypes where !type.isRemoved {
            if let id = table.id(of: type.id) {
                guard id.isOperational == type.isOperational else {
                    throw EntryStoreError(
                        .input, "\(type.name): the name was that of \(id.isOperational ? "an operational" : "a user") attribute, and is for ever")
                }
                continue
            }
            guard let id = type.isOperational ? next.operational : next.user else {
                throw EntryStoreError(.tooManyAttributes, "the directory has \(AttributeID.limit) attribute descriptions already")
            }
            if type.isOperational { next.operational = id.next } else { next.user = id.next }
            names.append((id, type.nameBytes))
        }
        if !names.isEmpty { table = table.adding(names) }
        // Two types that were numbered, and are one by their names now: values of one would not be found under the number of the other.
        var seen: [DescriptionKey: AttributeID] = [:]
        for description in table.all {
            guard let type = description.type else { continue }
            if seen.updateValue(description.id, forKey: DescriptionKey(type: type, options: description.options)) != nil {
                throw EntryStoreError(.input, "\(schema[type].name): one of its names was that of another attribute, and is for ever")
            }
        }
        return Catalogue(table: table, maintained: catalogue.maintained, usable: catalogue.usable, revision: revision)
    }

    /// Makes a catalogue of ``catalogue(with:_:)`` the directory's, and writes its revision down. Nothing else may be changed in this
    /// transaction: what others are to do with the new schema they do after the commit.
    /// - Parameters:
    ///   - name: of the subschema subentry, for the change log.
    ///   - before: the subentry as it was.
    ///   - after: the subentry as it will be.
    ///   - publication: called after the commit, on the writer's thread; has the new catalogue seen by everybody from when it calls its
    ///     argument.
    public mutating func changeSchema(
        to new: Catalogue, name: [UInt8], before: Entry, after: Entry, publication: @escaping @Sendable (_ publish: () -> Void) -> Void
    ) throws(EntryStoreError) {
        guard let revision = new.revision else { return }
        let databases = snapshot.store.databases
        let old = catalogue.table
        try change { transaction throws(LMDBError) in
            // A number goes by the name that the type has now: a name that a later change drops must not take the number with it.
            for description in new.table.all where old[description.id]?.name != description.name {
                try EntryStore.number(description.id, description.name, &transaction, databases)
            }
            try transaction.put(SchemaRevision.key.rawSpan, revision.encoded.rawSpan, in: databases.meta)
        }
        try logSchemaChange(name, csn: revision.csn, before, after)
        self.publication = publication
        snapshot.use(new)
    }
}

/// What one number stands for.
private struct DescriptionKey: Hashable {
    let type: AttributeTypeID
    let options: [[UInt8]]
}
