#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Makes some pages of a database file lasting, and not the others that were written, as a sync of the file would.
///
/// `sync_file_range` writes pages out and waits until the disk has them; with ext4 and XFS the file then also knows where they lie. What is left, the file
/// system's own notes and what the disk holds back, a sync of one page of the file (`msync`) has written. Other file systems promise less:
/// with them the file is synced as a whole.
struct PageSync: ~Copyable, Sendable {
    private let file: FileHandle
    private let pageSize: Int
    /// Where the first page of the file is mapped.
    private let address: UInt

    /// Pages that are being written out at a time: who syncs another file on the same disk waits for so many at most.
    private static let part = 128
    /// Fewer pages than this between two that are to be written cost less, written with them, than another piece of work for the disk.
    private static let gap = 4

    /// Opens the file anew: the system tells an error of the disk once to each who has it open.
    /// - Returns: nil where a sync of the file has to do.
    init?(_ path: String, pageSize: Int) {
        #if os(Linux)
        guard let file = try? FileHandle(path, O_RDWR), file.isOnExt4OrXFS, let page = unsafe file.map(pageSize) else { return nil }
        self.file = file
        self.pageSize = pageSize
        address = unsafe UInt(bitPattern: page)
        #else
        return nil
        #endif
    }

    deinit {
        // Sound: mapped once, and nobody has read there.
        _ = unsafe munmap(UnsafeMutableRawPointer(bitPattern: address), pageSize)
    }

    /// Waits until these pages are on disk, and the two meta pages, each in some version that it has had since the call.
    /// - Parameter pages: in rising order.
    func sync(_ pages: [Range<Int>]) throws(LMDBError) {
        #if os(Linux)
        var part: [Range<Int>] = [0..<2]
        var size = 0
        for range in pages {
            var rest = range
            while !rest.isEmpty {
                let piece = rest.prefix(Self.part - size)
                rest = piece.upperBound..<rest.upperBound
                if let last = part.last, piece.lowerBound - last.upperBound < Self.gap {
                    part[part.count - 1] = last.lowerBound..<piece.upperBound
                } else {
                    part.append(piece)
                }
                size += piece.count
                guard size == Self.part else { continue }
                try writeOut(part)
                part = []
                size = 0
            }
        }
        try writeOut(part)
        guard unsafe msync(UnsafeMutableRawPointer(bitPattern: address), pageSize, MS_SYNC) == 0 else {
            throw LMDBError(code: errno, call: "syncing the database")
        }
        #endif
    }

    #if os(Linux)
    private func writeOut(_ part: [Range<Int>]) throws(LMDBError) {
        // Begun all at once, so that the disk has them to choose from; that alone may leave some out.
        for range in part { file.beginWritingOut(range.count * pageSize, at: range.lowerBound * pageSize) }
        for range in part where !file.writeOut(range.count * pageSize, at: range.lowerBound * pageSize) {
            throw LMDBError(code: errno, call: "writing the database out")
        }
    }
    #endif
}
