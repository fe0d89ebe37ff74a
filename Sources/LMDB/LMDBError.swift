internal import CLMDB
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A failure reported by LMDB or the operating system beneath it.
public struct LMDBError: Error, Hashable, Sendable, CustomStringConvertible {
    /// LMDB's return code: negative for its own, positive for an `errno`.
    public let code: Int32
    /// The call that failed.
    public let call: String

    @inline(never)
    public init(code: Int32, call: String) {
        self.code = code
        self.call = call
    }

    /// Something that was written is not what it should be.
    static func invalid(_ call: String) -> LMDBError { LMDBError(code: Int32(MDB_INVALID), call: call) }
    /// Recorded changes cannot be understood.
    public static var damagedLog: LMDBError { .invalid("reading the write-ahead log") }

    /// The reserved address space is used up by data.
    public var isMapFull: Bool { code == MDB_MAP_FULL }
    /// There is no room: in the map, on the disk, or within a quota. What needs less may succeed, and all may later.
    public var isNoSpace: Bool { isMapFull || code == ENOSPC || code == EDQUOT || code == EFBIG }
    /// No transaction can begin before the file is opened anew, see ``Environment/isBroken``.
    public var isBroken: Bool { code == MDB_PANIC }
    /// Another program holds the wrong version or the file is not a database.
    public var isInvalid: Bool { code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_CORRUPTED }
    public var description: String {
        // Sound: mdb_strerror returns a static, NUL-terminated string for every code.
        let text = unsafe mdb_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return "\(call): \(text)"
    }
}

@inline(__always)
func check(_ code: Int32, _ call: @autoclosure () -> String) throws(LMDBError) {
    if code != MDB_SUCCESS { throw LMDBError(code: code, call: call()) }
}
