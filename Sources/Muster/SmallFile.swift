#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file or folder that the system refuses, and why.
public struct FileError: Error, Hashable, CustomStringConvertible {
    public let path: String
    public let reason: String
    public var description: String { "\(path): \(reason)" }

    init(_ path: String, errno code: Int32) {
        self.path = path
        reason = String(cString: strerror(code))
    }
}

/// Reads and writes whole small files.
enum SmallFile {
    /// - Throws: ``FileError`` if it cannot be read, or is longer than `limit` bytes.
    static func contents(_ path: String, limit: Int = 64 << 20) throws(FileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path, errno: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(path, errno: errno)
            }
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw FileError(path, errno: EFBIG) }
            bytes.append(contentsOf: buffer[0..<count])
        }
    }

    /// Makes or replaces a file that only its owner may read.
    static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(path, errno: errno) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { Muster.write(descriptor, $0, from: offset) }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(path, errno: errno)
            }
            offset += count
        }
    }

    /// The names in a folder, sorted; nil if it cannot be read.
    static func names(in folder: String) -> [String]? {
        guard let handle = opendir(folder) else { return nil }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            // Sound: d_name is a NUL-terminated string inside the entry, which lives until the next readdir.
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted()
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

private func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, from offset: Int) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    #if canImport(Glibc)
    return Glibc.write(descriptor, base + offset, bytes.count - offset)
    #elseif canImport(Musl)
    return Musl.write(descriptor, base + offset, bytes.count - offset)
    #else
    return Darwin.write(descriptor, base + offset, bytes.count - offset)
    #endif
}

/// A file whose first line is a password.
enum PasswordFile {
    static func read(_ path: String) throws(FileError) -> String {
        let bytes = try SmallFile.contents(path, limit: 1 << 16)
        let line = bytes.prefix { $0 != 0x0a && $0 != 0x0d }
        guard !line.isEmpty, let password = String(validating: line, as: UTF8.self) else {
            throw FileError(path, reason: "the first line is not a password in UTF-8")
        }
        return password
    }
}

extension FileError {
    init(_ path: String, reason: String) {
        self.path = path
        self.reason = reason
    }
}
