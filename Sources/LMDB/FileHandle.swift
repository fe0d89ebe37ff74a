internal import CLMDB
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// An open file, for the few things that LMDB itself does not do. Failures are `errno` values.
struct FileHandle: ~Copyable, Sendable {
    private let descriptor: Int32
    private let path: String

    init(_ path: String, _ flags: Int32) throws(LMDBError) {
        self.path = path
        descriptor = unsafe open(path, flags | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw LMDBError(code: errno, call: "opening \(path)") }
    }

    deinit { close(descriptor) }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// The number of the file in its file system.
    func number() throws(LMDBError) -> UInt64 { UInt64(try status().st_ino) }

    func status() throws(LMDBError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("looking at") }
        return status
    }

    /// Up to so many bytes; fewer at the end of the file.
    func read(_ count: Int, at offset: Int) throws(LMDBError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            // Sound: the buffer has room for what is still wanted.
            let result = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress.map { unsafe $0 + done }, count - done, off_t(offset + done))
            }
            if result < 0 {
                if errno == EINTR { continue }
                throw failure("reading")
            }
            if result == 0 { break }
            done += result
        }
        bytes.removeLast(count - done)
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(LMDBError) {
        var done = 0
        while done < bytes.count {
            // Sound: only what is left of the buffer is written.
            let result = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done, off_t(offset + done))
            }
            if result < 0 {
                if errno == EINTR { continue }
                throw failure("writing")
            }
            done += result
        }
    }

    func sync() throws(LMDBError) {
        guard fdatasync(descriptor) == 0 else { throw failure("syncing") }
    }

    /// Writes out what the system holds of the first bytes of the file, a part at a time, so that somebody who syncs another file meanwhile
    /// does not have to wait for all of it. Nothing is lasting before ``sync()``.
    func writeOut(count: Int) {
        #if os(Linux)
        let part = 4 << 20
        for offset in stride(from: 0, to: count, by: part) { _ = writeOut(part, at: offset) }
        #endif
    }

    #if os(Linux)
    /// Writes a part of the file out, and waits for it; false if the disk refused something. The system tells that once to each who has opened the
    /// file: never to be done with a descriptor whose syncs others rely on.
    func writeOut(_ count: Int, at offset: Int) -> Bool {
        // SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE and _WAIT_AFTER.
        sync_file_range(descriptor, __off64_t(offset), __off64_t(count), 1 | 2 | 4) == 0
    }

    /// Has the system begin to write a part of the file out.
    func beginWritingOut(_ count: Int, at offset: Int) {
        // SYNC_FILE_RANGE_WRITE.
        _ = sync_file_range(descriptor, __off64_t(offset), __off64_t(count), 2)
    }

    /// Whether the file lies in a file system of one of these kinds (ext2 and ext3 count as ext4).
    var isOnExt4OrXFS: Bool {
        var system = statfs()
        guard unsafe fstatfs(descriptor, &system) == 0 else { return false }
        return system.f_type == 0xEF53 || system.f_type == 0x5846_5342
    }

    /// Maps the first bytes of the file, shared, for reading.
    @unsafe func map(_ count: Int) -> UnsafeMutableRawPointer? {
        let address = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0)
        return unsafe address == MAP_FAILED ? nil : address
    }

    /// Lets the system forget what it holds of a part of the file, as far as that is on disk and nobody has it in his page table.
    func letGo(_ count: Int, at offset: Int) { _ = posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_DONTNEED) }

    /// Has the system read a part of the file in, in single pages.
    func readIn(_ count: Int, at offset: Int) { _ = posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_WILLNEED) }

    /// Makes a shorter file this long, with nothing in the new part.
    func extend(to size: Int) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, Int(status.st_size) < size else { return }
        _ = ftruncate(descriptor, off_t(size))
    }
    #endif

    /// Writes the first bytes of the file again as they are. A system that failed to write a page out may take it for written; after
    /// this it does not. Nobody may change the file meanwhile.
    func rewrite(count: Int) throws(LMDBError) {
        var offset = 0
        while offset < count {
            let bytes = try read(min(1 << 20, count - offset), at: offset)
            if bytes.isEmpty { return }
            try write(bytes, at: offset)
            offset += bytes.count
        }
    }

    /// A file that was made, renamed or removed is so after a power cut only when its directory was synced.
    static func syncDirectory(of path: String) throws(LMDBError) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { String(path[..<$0]) } ?? "."
        let handle = try FileHandle(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY)
        guard fsync(handle.descriptor) == 0 else { throw handle.failure("syncing") }
    }

    private func failure(_ what: String) -> LMDBError { LMDBError(code: errno, call: "\(what) \(path)") }
}
