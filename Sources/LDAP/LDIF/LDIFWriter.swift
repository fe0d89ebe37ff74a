import BER
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes LDIF (RFC 2849) into a buffer of its own, which the caller takes or sends to a file descriptor from time to time.
///
///     var writer = LDIFWriter()
///     writer.version()
///     writer.beginRecord(dn: dn.rawSpan)
///     writer.attribute(description.rawSpan, value.rawSpan)
///     writer.endRecord()
///     try writer.flush(to: descriptor)
public struct LDIFWriter: ~Copyable {
    /// Columns after which lines are folded; 0: never.
    public let width: Int
    /// What was written since the last ``flush(to:)`` or ``removeAll()``.
    public private(set) var bytes: [UInt8] = []

    /// A writer that folds lines at so many columns; 0 or less: never.
    public init(width: Int = 76) { self.width = width <= 0 ? 0 : max(width, 2) }

    /// Forgets what was written; keeps the memory.
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// The line that says which LDIF this is: first in a file.
    public mutating func version() { bytes.append(contentsOf: "version: 1\n\n".utf8) }

    /// A comment; line ends in it begin new comment lines.
    public mutating func comment(_ text: String) {
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            bytes.append(contentsOf: "# ".utf8)
            bytes.append(contentsOf: line.utf8)
            bytes.append(0x0a)
        }
    }

    /// Begins a record with its name.
    public mutating func beginRecord(dn: RawSpan) { attribute("dn", dn) }

    /// Ends a record.
    public mutating func endRecord() { bytes.append(0x0a) }

    /// One line with a description or keyword and a value.
    public mutating func attribute(_ description: StaticString, _ value: RawSpan) {
        // Sound: the static string lives for ever and has as many code units as it says.
        line(
            unsafe RawSpan(_unsafeStart: UnsafeRawPointer(description.utf8Start), byteCount: description.utf8CodeUnitCount), value)
    }

    /// One value of an attribute.
    public mutating func attribute(_ description: RawSpan, _ value: RawSpan) { line(description, value) }

    /// An entry, as an `ldif-attrval-record`.
    public mutating func entry(_ entry: SearchResultEntry) {
        beginRecord(dn: entry.name.rawSpan)
        for attribute in entry.attributes {
            for value in attribute.values { line(attribute.description.rawSpan, value.rawSpan) }
        }
        endRecord()
    }

    /// An entry to add, as a change record.
    public mutating func change(_ request: AddRequest) {
        beginRecord(dn: request.entry.rawSpan)
        bytes.append(contentsOf: "changetype: add\n".utf8)
        for attribute in request.attributes {
            for value in attribute.values { line(attribute.description.rawSpan, value.rawSpan) }
        }
        endRecord()
    }

    /// A deletion, as a change record.
    public mutating func change(_ request: DeleteRequest) {
        beginRecord(dn: request.entry.rawSpan)
        bytes.append(contentsOf: "changetype: delete\n".utf8)
        endRecord()
    }

    /// A modification, as a change record.
    public mutating func change(_ request: ModifyRequest) {
        beginRecord(dn: request.object.rawSpan)
        bytes.append(contentsOf: "changetype: modify\n".utf8)
        modifications(request.changes)
        endRecord()
    }

    /// The modifications of a change record, without its name and end.
    public mutating func modifications(_ changes: [ModifyRequest.Change]) {
        for change in changes {
            switch change.operation {
            case .add: attribute("add", change.attribute.description.rawSpan)
            case .delete: attribute("delete", change.attribute.description.rawSpan)
            case .replace: attribute("replace", change.attribute.description.rawSpan)
            case .increment: attribute("increment", change.attribute.description.rawSpan)
            }
            for value in change.attribute.values { line(change.attribute.description.rawSpan, value.rawSpan) }
            bytes.append(contentsOf: "-\n".utf8)
        }
    }

    /// A rename, as a change record.
    public mutating func change(_ request: ModifyDNRequest) {
        beginRecord(dn: request.entry.rawSpan)
        bytes.append(contentsOf: "changetype: modrdn\n".utf8)
        attribute("newrdn", request.newRDN.rawSpan)
        bytes.append(contentsOf: request.deleteOldRDN ? "deleteoldrdn: 1\n".utf8 : "deleteoldrdn: 0\n".utf8)
        if let newSuperior = request.newSuperior { attribute("newsuperior", newSuperior.rawSpan) }
        endRecord()
    }

    /// Sends all that was written to a descriptor and forgets it.
    public mutating func flush(to descriptor: Int32) throws(LDIFError) {
        var sent = 0
        while sent < bytes.count {
            // Sound: the place from `sent` on lies inside the array.
            let count = unsafe bytes.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                return unsafe write(descriptor, base + sent, bytes.count - sent)
            }
            if count < 0 {
                if errno == EINTR { continue }
                let reason = errno
                bytes.removeSubrange(0..<sent)
                throw LDIFError(line: 0, reason: "writing failed: error \(reason)")
            }
            sent += count
        }
        removeAll()
    }

    private mutating func line(_ description: RawSpan, _ value: RawSpan) {
        let start = bytes.count
        bytes.append(description)
        bytes.append(0x3a)
        if value.byteCount == 0 {
            // Nothing after the colon.
        } else if Self.isSafe(value) {
            bytes.append(0x20)
            bytes.append(value)
        } else {
            bytes.append(0x3a)
            bytes.append(0x20)
            Base64.encode(value, into: &bytes)
        }
        if width > 0, bytes.count - start > width { fold(from: start) }
        bytes.append(0x0a)
    }

    /// Whether a value may stand as it is: SAFE-STRING, and without a space at the end (RFC 2849 notes 4 and 8).
    private static func isSafe(_ value: RawSpan) -> Bool {
        let count = value.byteCount
        switch value[at: 0] {
        case 0x20, 0x3a, 0x3c: return false
        default: break
        }
        guard value[at: count - 1] != 0x20 else { return false }
        for index in 0..<count {
            let byte = value[at: index]
            if byte >= 0x80 || byte == 0x0a || byte == 0x0d || byte == 0x00 { return false }
        }
        return true
    }

    /// Breaks the line that begins at `start`: each continuation begins with a space.
    private mutating func fold(from start: Int) {
        let line = Array(bytes[start...])
        bytes.removeLast(bytes.count - start)
        bytes.append(contentsOf: line[..<width])
        var index = width
        while index < line.count {
            let next = min(index + width - 1, line.count)
            bytes.append(0x0a)
            bytes.append(0x20)
            bytes.append(contentsOf: line[index..<next])
            index = next
        }
    }
}
