import LMDB
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Hands over an environment of its own and the name of its file.
/// - Parameter inMemory: whether the file need not be on a disk, if the system has another place for it.
func withEnvironment(flags: Environment.Flags = [], inMemory: Bool = false, _ body: (Environment, String) throws -> Void) throws {
    let folder = inMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    let path = "\(folder)/muster-lmdb-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    defer {
        unlink(path)
        unlink(path + "-lock")
    }
    try body(try Environment(path: path, mapSize: 1 << 26, flags: flags), path)
}
