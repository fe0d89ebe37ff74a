import LMDB
public import Schema

/// What a backup holds.
public struct BackupSummary: Sendable, Hashable, CustomStringConvertible {
    /// Entries, all of them checked.
    public var entries: Int
    /// Bytes of the file.
    public var size: Int
    public var description: String { "\(entries) entries, \(size >> 10) KiB" }
}

extension EntryStore {
    /// Writes the state of the last commit to a file, without free pages, while others read and write. The file appears under its name
    /// when it has been checked in all its parts and is on disk.
    /// - Parameter replaces: whether a file of that name may be replaced.
    /// - Throws: `input` if it exists and may not be.
    public func backUp(to target: String, replaces: Bool = false) throws(EntryStoreError) -> BackupSummary {
        let existing = EntryStoreError(.input, "\(target) exists already")
        if !replaces, DatabaseFile.exists(target) { throw existing }
        let partial = target + ".partial"
        DatabaseFile.remove(partial)
        do throws(EntryStoreError) {
            do { try environment.copy(to: partial, compact: true) } catch { throw EntryStoreError(error) }
            let summary = try Self.inspectBackup(partial, schema: fileSchema, mapSize: options.mapSize)
            try DatabaseFile.sync(partial)
            if replaces {
                try DatabaseFile.move(partial, to: target)
            } else {
                // Not a rename: it would replace a file that somebody made meanwhile.
                guard try DatabaseFile.link(partial, as: target) else { throw existing }
                DatabaseFile.remove(partial)
                try DatabaseFile.syncDirectory(of: target)
            }
            return summary
        } catch {
            DatabaseFile.remove(partial)
            throw error
        }
    }

    /// Reads a backup in all its parts.
    /// - Throws: `format` if it is none, or damaged.
    public static func inspectBackup(_ file: String, schema: Schema, mapSize: Int = Options().mapSize) throws(EntryStoreError) -> BackupSummary {
        guard DatabaseFile.exists(file) else { throw EntryStoreError(.input, "there is no file \(file)") }
        let store = try EntryStore(reading: "", schema: schema, mapSize: mapSize, file: file)
        let snapshot = try store.snapshot()
        var first: String?
        let problems = try snapshot.check { if first == nil { first = $0 } }
        if let first { throw EntryStoreError(.format, "\(file): \(problems) differences between entries and indexes, the first: \(first)") }
        return BackupSummary(entries: try snapshot.entryCount(), size: store.information.usedSize)
    }

    /// Makes a backup the database of a directory. Nobody else may have the directory open.
    /// - Parameter keepsOld: whether the database that is there is kept, beside the new one.
    /// - Returns: what was restored, and the name under which the old database was kept.
    public static func restoreBackup(
        from backup: String, directory: String, schema: Schema, mapSize: Int = Options().mapSize, keepsOld: Bool = true
    ) throws(EntryStoreError) -> (summary: BackupSummary, old: String?) {
        let summary = try inspectBackup(backup, schema: schema, mapSize: mapSize)
        let original = file(in: directory)
        let copy = original + ".new"
        DatabaseFile.remove(copy)
        do throws(EntryStoreError) {
            do {
                let environment = try Environment(path: backup, mapSize: mapSize, flags: [.readOnly, .noLock])
                try environment.copy(to: copy, compact: true)
            } catch { throw EntryStoreError(error) }
            try DatabaseFile.sync(copy)
            let old = keepsOld ? try keep(original) : nil
            try DatabaseFile.move(copy, to: original)
            return (summary, old)
        } catch {
            DatabaseFile.remove(copy)
            throw error
        }
    }

    /// Gives a database a further name under which it stays.
    private static func keep(_ original: String) throws(EntryStoreError) -> String? {
        guard DatabaseFile.exists(original) else { return nil }
        // What a power cut left is put right as long as it is known how.
        do { try Checkpoint.recover(original, words: StoreTransaction.make) } catch { throw EntryStoreError(error) }
        try DatabaseFile.sync(original)
        for number in 1...9999 {
            let name = "\(original).before-restore" + (number == 1 ? "" : "-\(number)")
            if try DatabaseFile.link(original, as: name) { return name }
        }
        throw EntryStoreError(.input, "too many databases are kept beside \(original)")
    }
}
