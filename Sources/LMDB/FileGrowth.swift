#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Has the system hold the part of a database file that LMDB will grow into in single pages, before it is written.
///
/// LMDB writes new pages in one piece, and the system would hold them as one: each page of it that is used again would cost as much as the
/// piece (``PageSize/small``). The file is longer than what is in use by some MiB then, in which nothing is and which take no space on the disk.
///
/// To be used by the thread that writes, between its transactions.
public struct FileGrowth {
    private let path: String
    /// How far the file was made ready.
    private var end = 0

    /// - Parameter path: of the database file.
    public init(path: String) { self.path = path }

    /// Makes the next part ready if the last is nearly used up. Nothing is lost if that cannot be done, or where the system is not Linux.
    public mutating func advance(_ environment: Environment) {
        #if os(Linux)
        let used = environment.information.usedSize
        guard used >= Environment.leastWarmed, used + Self.leastAhead > end else { return }
        let start = max(used, end)
        end = used + Self.step
        guard let file = try? FileHandle(path, O_RDWR) else { return }
        file.extend(to: end)
        file.readIn(end - start, at: start)
        #endif
    }

    #if os(Linux)
    static let leastAhead = 4 << 20
    private static let step = 8 << 20
    #endif
}
