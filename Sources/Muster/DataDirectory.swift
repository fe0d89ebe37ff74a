#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A data directory that this process alone may change, as long as the object lives.
///
/// The lock is `flock` on the file `lock` in the directory: the system lets go of it however the process ends.
public final class DataDirectory: Sendable {
    /// Another process has it.
    public struct InUse: Error, Hashable, CustomStringConvertible {
        public let path: String
        /// The process that has it, if it said so.
        public let process: String
        public var description: String {
            "data directory \(path) is in use by another muster process" + (process.isEmpty ? "" : " (pid \(process))")
        }
    }

    public let path: String
    private let descriptor: Int32

    /// Takes a data directory, and makes it if it does not exist.
    ///
    /// - Throws: ``InUse``, or ``FileError``.
    public init(_ path: String) throws {
        self.path = path
        try Self.make(path)
        let lock = path + "/lock"
        let descriptor = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(lock, errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw FileError(lock, errno: code) }
            let owner = (try? SmallFile.contents(lock, limit: 64)) ?? []
            throw InUse(path: path, process: String(decoding: owner.filter { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self))
        }
        let process = Array("\(getpid())\n".utf8)
        // Only to name the owner in a message; without it the lock is as good.
        ftruncate(descriptor, 0)
        _ = process.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Makes the directory and the ones above it.
    private static func make(_ path: String) throws(FileError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part
            if mkdir(made, 0o700) != 0 && errno != EEXIST { throw FileError(made, errno: errno) }
            made += "/"
        }
    }
}
