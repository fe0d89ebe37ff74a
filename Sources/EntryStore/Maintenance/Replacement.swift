#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import LMDB
import Schema

extension EntryStore {
    /// Lets `body` change a copy of a directory's database, which then takes the place of the original: all or nothing, also when the
    /// machine stops in the midst of it. Nobody else may have the directory open for writing.
    public static func replacing<T>(
        directory: String, schema: Schema, indexes: [IndexDefinition], options: Options = Options(),
        _ body: (EntryStore) throws -> T
    ) throws -> T {
        let original = file(in: directory)
        let copy = original + ".new"
        removeFile(copy)
        removeFile(copy + "-lock")
        if unsafe access(original, F_OK) == 0 {
            do {
                try Checkpoint.recover(original)
                let environment = try Environment(path: original, mapSize: options.mapSize, flags: [.readOnly])
                try environment.copy(to: copy, compact: true)
            } catch { throw EntryStoreError(error) }
        }
        var loading = options
        loading.durability = .none
        do {
            let result = try {
                let store = try EntryStore(directory: directory, schema: schema, indexes: indexes, options: loading, file: copy)
                let result = try body(store)
                try store.sync()
                return result
            }()
            guard unsafe rename(copy, original) == 0 else { throw EntryStoreError(.storage, "cannot rename \(copy): error \(errno)") }
            removeFile(copy + "-lock")
            removeFile(original + "-lock")
            syncDirectory(directory)
            Checkpoint.remove(original)
            return result
        } catch {
            removeFile(copy)
            removeFile(copy + "-lock")
            throw error
        }
    }

    private static func removeFile(_ path: String) { _ = unsafe unlink(path) }

    /// A renamed file is found after a power cut only when its directory was synced.
    private static func syncDirectory(_ path: String) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
