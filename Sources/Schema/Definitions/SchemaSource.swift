#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Text with schema definitions: OpenLDAP's `.schema` syntax or LDIF, told apart by content.
public struct SchemaSource: Sendable {
    /// For error messages: the file's name.
    public let name: String
    public let text: [UInt8]

    /// Largest file that is read, in bytes.
    public static let maximumSize = 64 << 20

    public init(name: String, text: [UInt8]) {
        self.name = name
        self.text = text
    }

    /// Text given as a string.
    public init(name: String, text: String) {
        self.init(name: name, text: Array(text.utf8))
    }

    /// Reads a file whole. Throws when it cannot be read or is larger than ``maximumSize``.
    public init(path: String) throws(SchemaError) {
        func failure(_ reason: String) -> SchemaError {
            SchemaError(source: path, line: 0, definition: "", reason: reason)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot be opened: " + String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw failure("cannot be read: " + String(cString: strerror(errno)))
            }
            guard text.count + count <= Self.maximumSize else { throw failure("is larger than \(Self.maximumSize) bytes") }
            text.append(contentsOf: chunk[..<count])
        }
        self.init(name: path, text: text)
    }
}
