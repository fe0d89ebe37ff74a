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
    /// Whether the file was read anew because the system held it in pages of the other size.
    public var wasReread = false
}

/// In which pages the system is to hold a file.
public enum PageSize: Sendable {
    /// Of 2 MiB where the system has them. A look-up in a large tree touches pages at random, and most of what each costs is finding its address:
    /// the processor finds nearly all of these in its own table.
    case large
    /// Of the processor's usual size, each by itself. A system that holds a file in large ones goes through all parts of a large page for
    /// each small one in it that is written: with ext4 and Linux 6.18 that makes a commit ten times as dear.
    case small
}

extension Environment {
    /// Brings the whole file into memory and into the page table, in pages of one size.
    ///
    /// The system keeps the pages that it has until the file is read again: what an import has written lies in pages of all sizes. So the file is
    /// read anew, a part at a time, if it is not held as it should be. May be called beside readers and a writer; changes nothing that they see.
    ///
    /// Only for files that are small beside the memory: where pages are fetched on demand, large ones read too much.
    /// - Parameters:
    ///   - limit: a larger file is left alone, in bytes.
    ///   - isWanted: asked now and then whether to go on.
    ///   - populated: called when the whole file is in memory, before it is read anew if it must be.
    /// - Returns: nil if nothing was done (the file is small or too large, or the system is not Linux).
    public func warm(_ pages: PageSize, limit: Int, while isWanted: () -> Bool, populated: () -> Void = {}) -> MapWarming? {
        #if os(Linux)
        let used = information.usedSize
        guard used >= Self.leastWarmed, used <= limit, let address = unsafe addressInMap(), let region = MappedRegion(containing: address),
            region.size >= used
        else { return nil }
        var report = MapWarming(size: used)
        let advice = unsafe madvise(region.pointer(0), region.size, pages == .large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)
        if pages == .large {
            forEachPart(of: used) { offset, count in
                guard isWanted() else { return false }
                return unsafe madvise(region.pointer(offset), count, Self.populateRead) == 0
            }
        }
        populated()
        report.inLargePages = MappedRegion(containing: address)?.inLargePages ?? 0
        // Of its own: an error of the disk that LMDB's descriptor had told here would be kept from the next sync.
        guard let file = openAgain() else { return report }
        switch pages {
        case .large: guard advice == 0, report.inLargePages < used / 10 * 8 else { return report }
        case .small: guard isInLargePieces(region, file, used) else { return report }
        }
        forEachPart(of: used) { offset, count in
            guard isWanted() else { return false }
            // Out of the page table, out of the system's memory, and in again. What is written just now stays: a large page in which something is
            // written all the time, where single ones are wanted most, goes when it is found between two writes.
            for _ in 0..<Self.attempts {
                guard region.letGo(count, at: offset, of: file) else { return false }
                if pages == .large || !region.isHeld(count, at: offset) { break }
            }
            if pages == .small { file.readIn(count, at: offset) }
            guard unsafe madvise(region.pointer(offset), count, Self.populateRead) == 0 else { return false }
            report.wasReread = true
            guard pages == .large, offset == 0 else { return true }
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
    static let leastWarmed = 32 << 20
    /// So much is out of the process's memory at a time while it is read anew.
    private static let part = 4 << 20
    /// MADV_POPULATE_READ (Linux 5.14).
    private static let populateRead: Int32 = 22
    private static let samples = 32
    private static let attempts = 16

    /// The database file, opened for this alone.
    private func openAgain() -> FileHandle? {
        var path: UnsafePointer<CChar>?
        // Sound: the path is LMDB's own and stays as long as the environment.
        guard unsafe mdb_env_get_path(handle, &path) == 0, let path = unsafe path else { return nil }
        return try? FileHandle(unsafe String(cString: path), O_RDONLY)
    }

    /// Whether the system holds a good part of the file in pieces of more than a page, which it does not tell: but a page that is part of a larger
    /// piece cannot be let go of alone.
    private func isInLargePieces(_ region: borrowing MappedRegion, _ file: borrowing FileHandle, _ used: Int) -> Bool {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard page > 0 else { return false }
        var kept = 0
        for sample in 0..<Self.samples {
            let offset = used / Self.samples * sample / page * page
            // Only what is on disk already can be let go of.
            guard region.letGo(page, at: offset, of: file) else { return false }
            if region.isHeld(page, at: offset) { kept += 1 }
        }
        return kept > Self.samples / 4
    }

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

    /// Lets go of some bytes of the file: out of the page table, and out of the system's memory but for what is written just now. False if the disk
    /// refused something.
    func letGo(_ count: Int, at offset: Int, of file: borrowing FileHandle) -> Bool {
        guard file.writeOut(count, at: offset) else { return false }
        _ = unsafe madvise(pointer(offset), count, MADV_DONTNEED)
        file.letGo(count, at: offset)
        return true
    }

    /// Whether the system holds a good part of some bytes of the file in memory.
    func isHeld(_ count: Int, at offset: Int) -> Bool {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard page > 0, count > 0 else { return false }
        var residence = [UInt8](repeating: 0, count: (count + page - 1) / page)
        guard unsafe mincore(pointer(offset), count, &residence) == 0 else { return false }
        return residence.count { $0 & 1 != 0 } > residence.count / 8
    }

    /// Where an offset of the file lies.
    @unsafe func pointer(_ offset: Int) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: start + UInt(offset))
    }
}
#endif
