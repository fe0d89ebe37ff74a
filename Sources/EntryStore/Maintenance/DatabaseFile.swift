#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import LMDB

/// A database file as a whole: put in the place of another, removed, synced. Failures carry the system's words.
enum DatabaseFile {
    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Removes a file and what LMDB and checkpoints keep beside it.
    static func remove(_ path: String) {
        for name in [path, path + "-lock"] { unsafe unlink(name) }
        Checkpoint.remove(path)
    }

    /// Has the contents of a file on disk.
    static func sync(_ path: String) throws(EntryStoreError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("opening", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("syncing", path) }
    }

    /// A file that was renamed is found after a power cut only when its directory was synced.
    static func syncDirectory(of path: String) throws(EntryStoreError) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try sync(directory)
    }

    /// Puts a synced file in the place of another, or of none: at each moment one of them is there, whole. What was kept beside the other is removed.
    static func move(_ path: String, to target: String) throws(EntryStoreError) {
        guard unsafe rename(path, target) == 0 else { throw failure("renaming \(path) to", target) }
        for name in [path, target] {
            unsafe unlink(name + "-lock")
            Checkpoint.remove(name)
        }
        try syncDirectory(of: target)
    }

    /// Gives a file a second name.
    /// - Returns: false if the name is taken.
    static func link(_ path: String, as name: String) throws(EntryStoreError) -> Bool {
        #if canImport(Glibc)
        let result = unsafe Glibc.link(path, name)
        #elseif canImport(Musl)
        let result = unsafe Musl.link(path, name)
        #else
        let result = unsafe Darwin.link(path, name)
        #endif
        if result == 0 { return true }
        guard errno == EEXIST else { throw failure("keeping \(path) as", name) }
        return false
    }

    static func remove(name: String) { _ = unsafe unlink(name) }

    private static func failure(_ what: String, _ path: String) -> EntryStoreError {
        EntryStoreError(LMDBError(code: errno, call: "\(what) \(path)"))
    }
}
