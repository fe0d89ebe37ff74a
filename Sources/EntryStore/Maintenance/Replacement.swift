import LMDB
import Schema

extension EntryStore {
    /// Lets `body` change a copy of a directory's database, which then takes the place of the original: all or nothing, also when the
    /// machine stops in the midst of it. Nobody else may have the directory open for writing.
    public static func replacing<T>(
        directory: String, schema: Schema, options: Options = Options(), indexes: (Schema) throws(EntryStoreError) -> [IndexDefinition],
        _ body: (EntryStore) throws -> T
    ) throws -> T {
        let original = file(in: directory)
        let copy = original + ".new"
        DatabaseFile.remove(copy)
        do {
            if DatabaseFile.exists(original) {
                do {
                    try Checkpoint.recover(original, words: StoreTransaction.make)
                    let environment = try Environment(path: original, mapSize: options.mapSize, flags: [.readOnly])
                    try environment.copy(to: copy, compact: true)
                } catch { throw EntryStoreError(error) }
            }
            var loading = options
            loading.durability = .none
            let result = try {
                let store = try EntryStore(directory: directory, schema: schema, options: loading, file: copy, indexes: indexes)
                let result = try body(store)
                try store.sync()
                return result
            }()
            try DatabaseFile.move(copy, to: original)
            return result
        } catch {
            DatabaseFile.remove(copy)
            throw error
        }
    }
}
