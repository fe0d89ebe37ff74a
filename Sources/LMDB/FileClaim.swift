#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif
import Synchronization

/// That this process has a database file open, as long as it lives.
///
/// Closing a file, the system drops all locks that the process has on it, and LMDB gives all of the process's reader slots back: other programs, and
/// LMDB here, would write over what the other environment of the same file still reads.
final class FileClaim: Sendable {
    private struct File: Hashable {
        let device: UInt64
        let number: UInt64
    }

    private static let claimed = Mutex<Set<File>>([])
    private static let doubtful = Mutex<Set<File>>([])
    private let file: File

    private init(_ file: File) { self.file = file }

    /// Threads that end may still hold the environment before for a moment: that is waited for.
    private static let attempts = 2000
    private static let interval: UInt32 = 1000

    /// - Parameter creates: whether to make the file if it does not exist.
    /// - Throws: `EBUSY` if there is another claim to the file, and still after two seconds.
    static func of(_ path: String, creates: Bool) throws(LMDBError) -> FileClaim {
        let status = try FileHandle(path, creates ? O_RDWR | O_CREAT : O_RDONLY).status()
        let file = File(device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(status.st_ino))
        for _ in 0..<attempts {
            if claimed.withLock({ $0.insert(file).inserted }) { return FileClaim(file) }
            usleep(interval)
        }
        throw LMDBError(code: EBUSY, call: "opening \(path), which this process has open")
    }

    /// Whether a sync of the file failed in this process, and none has succeeded since: the system may take pages for written that it failed to write.
    /// Also known to those who open the file later.
    var isDoubtful: Bool {
        get { Self.doubtful.withLock { [file] in $0.contains(file) } }
        set { Self.doubtful.withLock { [file] in _ = newValue ? $0.insert(file).inserted : $0.remove(file) != nil } }
    }

    deinit {
        let own = file
        Self.claimed.withLock { _ = $0.remove(own) }
    }
}
