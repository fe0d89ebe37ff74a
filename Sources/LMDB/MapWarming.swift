internal import CLMDB
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// How a map came to be in memory.
public struct MapWarming: Sendable {
    /// Bytes of the file in use.
    public var size = 0
    /// Bytes of it that the processor sees through large pages.
    public var inLargePages = 0
    /// Whether the file was read anew because the system held it in small pages.
    public var wasReread = false
}

extension Environment {
    /// Brings the whole file into memory and into the page table, in large pages where the system has them.
    ///
    /// A look-up in a large tree touches pages at random, and most of what each costs is finding its address: with pages of 2 MiB instead
    /// of 4 KiB the processor finds nearly all in its own table. Pages that were written in small pieces (by an import) are held in small
    /// pages by the system until they are read again, which is done here, a part at a time. May be called beside readers and a writer;
    /// changes nothing that they see.
    ///
    /// Only for files that are small beside the memory: where pages are fetched on demand, large ones read too much.
    /// - Parameters:
    ///   - limit: a larger file is left alone, in bytes.
    ///   - isWanted: asked now and then whether to go on.
    ///   - populated: called when the whole file is in memory, before it is read anew if it must be.
    /// - Returns: nil if nothing was done (the file is small or too large, or the system is not Linux).
    public func warm(limit: Int, while isWanted: () -> Bool, populated: () -> Void = {}) -> MapWarming? {
        #if os(Linux)
        let used = information.usedSize
        guard used >= Self.leastWarmed, used <= limit, let address = unsafe addressInMap(), let region = MappedRegion(containing: address),
            region.size >= used
        else { return nil }
        var report = MapWarming(size: used)
        let hasLargePages = unsafe madvise(region.pointer(0), region.size, MADV_HUGEPAGE) == 0
        forEachPart(of: used) { offset, count in
            guard isWanted() else { return false }
            return unsafe madvise(region.pointer(offset), count, Self.populateRead) == 0
        }
        populated()
        report.inLargePages = MappedRegion(containing: address)?.inLargePages ?? 0
        guard hasLargePages, report.inLargePages < used / 10 * 8 else { return report }
        var descriptor: mdb_filehandle_t = -1
        guard unsafe mdb_env_get_fd(handle, &descriptor) == 0 else { return report }
        // What is not on disk yet could not be let go of.
        _ = fdatasync(descriptor)
        forEachPart(of: used) { offset, count in
            guard isWanted() else { return false }
            // Out of the page table, out of the system's memory (what is on disk already), and in again.
            _ = unsafe madvise(region.pointer(offset), count, MADV_DONTNEED)
            _ = posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
            guard unsafe madvise(region.pointer(offset), count, Self.populateRead) == 0 else { return false }
            report.wasReread = true
            guard offset == 0 else { return true }
            // A file system that has no large pages for the first part has none for the others.
            let before = report.inLargePages
            return MappedRegion(containing: address)?.inLargePages ?? 0 > before
        }
        report.inLargePages = MappedRegion(containing: address)?.inLargePages ?? 0
        return report
        #else
        return nil
        #endif
    }

    #if os(Linux)
    /// Smaller files fit the processor's table as they are.
    private static let leastWarmed = 32 << 20
    /// So much is out of the process's memory at a time while it is read anew.
    private static let part = 4 << 20
    /// MADV_POPULATE_READ (Linux 5.14).
    private static let populateRead: Int32 = 22

    private func forEachPart(of size: Int, _ body: (_ offset: Int, _ count: Int) -> Bool) {
        var offset = 0
        while offset < size {
            let count = min(Self.part, size - offset)
            guard body(offset, count) else { return }
            offset += count
        }
    }

    /// An address inside the map: LMDB does not tell where it begins.
    @unsafe private func addressInMap() -> UInt? {
        guard let transaction = try? beginRead() else { return nil }
        // The names of the databases stand in the unnamed one.
        guard let pair = try? transaction.first(in: Database(dbi: 1)) else { return nil }
        return unsafe pair.key.withUnsafeBytes { unsafe $0.baseAddress.map { UInt(bitPattern: $0) } }
    }
    #endif
}

#if os(Linux)
/// A mapping of this process, as `/proc/self/smaps` shows it.
private struct MappedRegion {
    private let start: UInt
    let size: Int
    let inLargePages: Int

    /// - Parameter address: an address inside the mapping.
    init?(containing address: UInt) {
        guard let file = unsafe fopen("/proc/self/smaps", "re") else { return nil }
        defer { unsafe fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { unsafe free(line) }
        var found: (start: UInt, size: Int)?
        var large = 0
        while unsafe getline(&line, &capacity, file) > 0, let bytes = unsafe line {
            let text = unsafe String(cString: bytes)
            let fields = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
            guard let first = fields.first else { continue }
            if first.last != ":" {
                // The head of a mapping: from-to, then permissions and so on.
                if found != nil { break }
                let ends = first.split(separator: "-")
                guard ends.count == 2, let from = UInt(ends[0], radix: 16), let to = UInt(ends[1], radix: 16) else { continue }
                if from <= address, address < to { found = (from, Int(clamping: to - from)) }
            } else if found != nil, first == "FilePmdMapped:" || first == "ShmemPmdMapped:", fields.count > 1, let kilobytes = Int(fields[1]) {
                large += kilobytes << 10
            }
        }
        guard let found else { return nil }
        start = found.start
        size = found.size
        inLargePages = large
    }

    /// Where an offset of the file lies.
    @unsafe func pointer(_ offset: Int) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: start + UInt(offset))
    }
}
#endif
