import BER
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Makes a record out of its lines, one after another (RFC 2849, the grammar of ldif-attrval-record and ldif-change-record).
struct LDIFRecordBuilder {
    private enum State {
        /// Nothing yet.
        case start
        /// After the name: controls, a change type or the first attribute may come.
        case afterName
        /// After a control: only another one or the change type.
        case afterControl
        case attributes
        /// Nothing may follow.
        case delete
        /// Between the changes of a modification.
        case betweenChanges
        /// Among the values of a change.
        case inChange
        case newRDN, deleteOldRDN, newSuperior
        /// A complete rename.
        case renamed
    }

    private var state = State.start
    /// Whether the version line may still come: only in front of the first record, and once.
    var mayBeVersion: Bool

    init(mayBeVersion: Bool) { self.mayBeVersion = mayBeVersion }

    var isEmpty: Bool {
        if case .start = state { true } else { false }
    }

    /// Takes one unfolded line that is neither empty nor a comment.
    mutating func add(_ text: RawSpan, line: Int, to record: inout LDIFRecord, limit: Int) throws(LDIFError) {
        guard record.bytes.count + text.byteCount <= limit else {
            throw error(record, line, "record is longer than \(limit) bytes")
        }
        if text.byteCount == 1, text[at: 0] == 0x2d {
            guard case .inChange = state else { throw error(record, line, "\"-\" outside of a modification") }
            try checkLastChange(record)
            state = .betweenChanges
            return
        }
        let (description, value) = try append(text, line: line, to: &record)
        switch state {
        case .attributes:
            guard AttributeDescription.isValid(record.bytes.rawSpan.slice(description)) else {
                throw error(record, line, "not an attribute description: \(record.string(description))")
            }
            record.attributes.append(LDIFRecord.Attribute(description: description, value: value, line: line))
        case .inChange:
            guard record.bytes.rawSpan.slice(description)
                .equalsIgnoringCase(record.bytes.rawSpan.slice(record.changes[record.changes.count - 1].description))
            else { throw error(record, line, "value of another attribute than the change names") }
            record.attributes.append(LDIFRecord.Attribute(description: description, value: value, line: line))
            record.changes[record.changes.count - 1].values = record.changes[record.changes.count - 1].values.lowerBound..<record.attributes.count
        case .start:
            guard record.bytes.rawSpan.slice(description).equalsIgnoringCase("dn") else {
                throw error(record, line, "record does not begin with \"dn:\"")
            }
            record.dn = value
            record.line = line
            state = .afterName
        case .afterName, .afterControl:
            try afterName(description, value, line, &record)
        case .delete:
            throw error(record, line, "nothing may follow a delete")
        case .betweenChanges:
            try beginChange(description, value, line, &record)
        case .newRDN, .deleteOldRDN, .newSuperior, .renamed:
            try rename(description, value, line, &record)
        }
    }

    /// The blank line or the end of the input was reached.
    func finish(_ record: inout LDIFRecord) throws(LDIFError) {
        switch state {
        case .start, .delete, .betweenChanges, .newSuperior, .renamed: break
        case .attributes:
            if record.attributes.isEmpty { throw error(record, record.line, "entry without attributes") }
        case .inChange: try checkLastChange(record)
        case .afterName: throw error(record, record.line, "entry without attributes")
        case .afterControl: throw error(record, record.line, "control without a change type")
        case .newRDN: throw error(record, record.line, "\"newrdn:\" is missing")
        case .deleteOldRDN: throw error(record, record.line, "\"deleteoldrdn:\" is missing")
        }
    }

    private func error(_ record: LDIFRecord, _ line: Int, _ reason: String) -> LDIFError {
        LDIFError(line: line, dn: isEmpty ? nil : record.string(record.dn), reason: reason)
    }

    /// Splits a line at its colon, decodes the value and appends both to the record's bytes.
    private func append(
        _ text: RawSpan, line: Int, to record: inout LDIFRecord
    ) throws(LDIFError) -> (description: ByteRange, value: ByteRange) {
        let count = text.byteCount
        // Sound: the pointer is used only inside the closure, within the counted bytes.
        let colon: Int = unsafe text.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = unsafe memchr(base, 0x3a, bytes.count) else { return -1 }
            return unsafe UnsafeRawPointer(found) - base
        }
        guard colon >= 0 else { throw error(record, line, "line has no colon") }
        guard colon > 0 else { throw error(record, line, "line begins with a colon") }
        var valueStart = colon + 1
        let marker = valueStart < count ? text[at: valueStart] : 0
        if marker == 0x3c {
            throw error(record, line, "values by URL (\":<\") are not supported; write the value itself")
        }
        if marker == 0x3a { valueStart += 1 }
        while valueStart < count, text[at: valueStart] == 0x20 { valueStart += 1 }
        let start = record.bytes.count
        if marker != 0x3a {
            record.bytes.append(text)
            return (
                ByteRange(start: start, count: colon), ByteRange(start: start + valueStart, count: count - valueStart)
            )
        }
        record.bytes.append(text.extracting(0..<colon))
        let decoded = record.bytes.count
        var valueEnd = count
        while valueEnd > valueStart, text[at: valueEnd - 1] == 0x20 { valueEnd -= 1 }
        guard Base64.decode(text.extracting(valueStart..<valueEnd), into: &record.bytes) else {
            throw error(record, line, "value is not base64")
        }
        return (ByteRange(start: start, count: colon), ByteRange(start: decoded, count: record.bytes.count - decoded))
    }

    private mutating func afterName(
        _ description: ByteRange, _ value: ByteRange, _ line: Int, _ record: inout LDIFRecord
    ) throws(LDIFError) {
        if record.bytes.rawSpan.slice(description).equalsIgnoringCase("control") {
            record.controls.append(try control(value, line, record))
            state = .afterControl
            return
        }
        guard record.bytes.rawSpan.slice(description).equalsIgnoringCase("changetype") else {
            if case .afterControl = state { throw error(record, line, "expected \"changetype:\" after a control") }
            guard AttributeDescription.isValid(record.bytes.rawSpan.slice(description)) else {
                throw error(record, line, "not an attribute description: \(record.string(description))")
            }
            record.attributes.append(LDIFRecord.Attribute(description: description, value: value, line: line))
            state = .attributes
            return
        }
        switch record.string(value).lowercased() {
        case "add":
            record.kind = .add
            state = .attributes
        case "delete":
            record.kind = .delete
            state = .delete
        case "modify":
            record.kind = .modify
            state = .betweenChanges
        case "modrdn", "moddn":
            record.kind = .modifyDN
            state = .newRDN
        default:
            throw error(record, line, "unknown change type: \(record.string(value))")
        }
    }

    /// `control: OID [true|false] [: value | :: base64]`.
    private func control(_ place: ByteRange, _ line: Int, _ record: LDIFRecord) throws(LDIFError) -> Control {
        let text = record.bytes.rawSpan.slice(place).array
        let head = text.prefix { $0 != 0x3a }
        var words = head.split(separator: 0x20)[...]
        guard let first = words.popFirst(), NumericOID.isValid(Array(first).rawSpan) else {
            throw error(record, line, "control without an object identifier")
        }
        var control = Control(oid: String(decoding: first, as: UTF8.self))
        if let word = words.popFirst() {
            switch String(decoding: word, as: UTF8.self).lowercased() {
            case "true": control.isCritical = true
            case "false": break
            default: throw error(record, line, "criticality of a control is neither true nor false")
            }
        }
        guard words.isEmpty else { throw error(record, line, "words after the criticality of a control") }
        var rest = text[head.endIndex...]
        guard rest.popFirst() != nil else { return control }
        let marker = rest.first
        if marker == 0x3c { throw error(record, line, "values by URL (\":<\") are not supported; write the value itself") }
        if marker == 0x3a { rest.removeFirst() }
        rest = rest.drop { $0 == 0x20 }
        if marker == 0x3a {
            guard let value = Base64.decode(Array(rest).rawSpan) else { throw error(record, line, "value is not base64") }
            control.value = value
        } else {
            control.value = Array(rest)
        }
        return control
    }

    private mutating func beginChange(
        _ word: ByteRange, _ attribute: ByteRange, _ line: Int, _ record: inout LDIFRecord
    ) throws(LDIFError) {
        let operation: ModifyRequest.Operation
        switch record.string(word).lowercased() {
        case "add": operation = .add
        case "delete": operation = .delete
        case "replace": operation = .replace
        case "increment": operation = .increment
        default: throw error(record, line, "expected add, delete, replace or increment: \(record.string(word))")
        }
        guard AttributeDescription.isValid(record.bytes.rawSpan.slice(attribute)) else {
            throw error(record, line, "not an attribute description: \(record.string(attribute))")
        }
        let next = record.attributes.count
        record.changes.append(
            LDIFRecord.Change(operation: operation, description: attribute, values: next..<next, line: line))
        state = .inChange
    }

    /// What the protocol would refuse as well is refused here, with its line.
    private func checkLastChange(_ record: LDIFRecord) throws(LDIFError) {
        guard let change = record.changes.last else { return }
        if change.operation == .add, change.values.isEmpty { throw error(record, change.line, "add of no values") }
        if change.operation == .increment, change.values.count != 1 {
            throw error(record, change.line, "increment takes exactly one value")
        }
    }

    private mutating func rename(
        _ description: ByteRange, _ value: ByteRange, _ line: Int, _ record: inout LDIFRecord
    ) throws(LDIFError) {
        let word = record.string(description).lowercased()
        switch (state, word) {
        case (.newRDN, "newrdn"):
            record.newRDN = value
            state = .deleteOldRDN
        case (.deleteOldRDN, "deleteoldrdn"):
            switch record.string(value) {
            case "0": record.deleteOldRDN = false
            case "1": record.deleteOldRDN = true
            default: throw error(record, line, "deleteoldrdn is neither 0 nor 1")
            }
            state = .newSuperior
        case (.newSuperior, "newsuperior"):
            record.newSuperior = value
            state = .renamed
        case (.newRDN, _): throw error(record, line, "expected \"newrdn:\"")
        case (.deleteOldRDN, _): throw error(record, line, "expected \"deleteoldrdn:\"")
        default: throw error(record, line, "nothing may follow here: \(word)")
        }
    }
}
