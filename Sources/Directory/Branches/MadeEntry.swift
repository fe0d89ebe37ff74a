import BER
public import EntryStore
import LDAP

/// An entry of a virtual branch as it is made, attribute by attribute in ascending order of their numbers. Either it is to be looked at (to
/// be tested by a filter, compared with), then it becomes a record; or it goes to a client, then what the client asked for is written just
/// as it is sent. Used again and again.
public struct MadeEntry: ~Copyable {
    /// Its name in string form.
    public var name: [UInt8] = []
    private var builder = RecordBuilder()
    /// Finished PartialAttributes.
    private(set) var answer = BERBuffer()
    /// What goes to a client; nil: it becomes a record.
    private let selection: EntrySelection?
    private let isAnswer: Bool
    private let isTypesOnly: Bool
    private let names: AttributeTable.EncodedNames
    /// Of the attribute that was begun: where it and its values begin.
    private var attribute = 0
    private var values = 0

    /// An entry that is looked at.
    init(_ catalogue: Catalogue) {
        selection = nil
        isAnswer = false
        isTypesOnly = false
        names = catalogue.table.encodedNames
    }

    /// An entry for a client.
    init(_ selection: EntrySelection) {
        self.selection = selection
        isAnswer = true
        names = selection.encodedNames
        isTypesOnly = selection.isTypesOnly
    }

    /// Whether an attribute need be made at all.
    public func wants(_ id: AttributeID) -> Bool { selection?.includes(id) ?? true }

    /// Begins a new entry; what the last one was is gone. The name is set apart.
    public mutating func begin() {
        if isAnswer { answer.removeAll() } else { builder.begin() }
    }

    /// Takes an attribute whose values stand somewhere as a finished `SET OF` OCTET STRING.
    @inline(__always)
    public mutating func append(_ id: AttributeID, set: borrowing RawSpan) {
        guard isAnswer else { return builder.append(id, set: set) }
        if isTypesOnly {
            beginAttribute(id)
            endAttribute()
        } else {
            Self.append(names, id, set, to: &answer)
        }
    }

    @inline(__always)
    private static func append(
        _ names: borrowing AttributeTable.EncodedNames, _ id: AttributeID, _ set: borrowing RawSpan, to answer: inout BERBuffer
    ) {
        answer.append(BERTag.sequence, names.bytes.rawSpan.slice(names[id]), set)
    }

    /// Takes an attribute with one value.
    public mutating func append(_ id: AttributeID, value: borrowing RawSpan) {
        beginAttribute(id)
        appendValue(value)
        endAttribute()
    }

    /// Begins an attribute whose values follow one by one.
    public mutating func beginAttribute(_ id: AttributeID) {
        guard isAnswer else { return builder.beginAttribute(id) }
        attribute = answer.begin(BERTag.sequence)
        let bytes = names.bytes
        answer.append(bytes.rawSpan.slice(names[id]))
        values = answer.begin(BERTag.set)
    }

    /// Takes a value of the attribute that was begun.
    public mutating func appendValue(_ value: borrowing RawSpan) {
        if !isAnswer { builder.appendValue(value) } else if !isTypesOnly { answer.append(BERTag.octetString, contents: value) }
    }

    /// Takes several values of the attribute that was begun, finished as OCTET STRINGs.
    public mutating func appendValues(_ finished: borrowing RawSpan) {
        if !isAnswer { builder.appendValues(finished) } else if !isTypesOnly { answer.append(finished) }
    }

    /// Ends the attribute that was begun.
    public mutating func endAttribute() {
        if !isAnswer { return builder.endAttribute() }
        answer.end(values)
        answer.end(attribute)
    }

    /// Ends the entry.
    public mutating func finish() {
        if !isAnswer { builder.finish() }
    }

    /// The entry, if it was to be looked at: for ``EntryRecord/init(_:)``.
    public var record: RawSpan {
        @_lifetime(borrow self) get { builder.bytes }
    }

    /// Appends the entry as a search result entry.
    func send(messageID: Int, to output: inout BERBuffer) {
        let layout = SearchEntryLayout(messageID: messageID, name: name.count, attributes: answer.count)
        layout.begin(into: &output)
        output.append(name.rawSpan)
        layout.beginAttributes(into: &output)
        Self.append(answer, to: &output)
    }

    /// Begins a search result entry that ends with some long attributes.
    func begin(_ long: [LongAttribute], messageID: Int, into head: inout BERBuffer) {
        let rest = long.reduce(0) { $0 + $1.size }
        let layout = SearchEntryLayout(messageID: messageID, name: name.count, attributes: answer.count + rest)
        layout.begin(into: &head, reserving: false)
        head.append(name.rawSpan)
        layout.beginAttributes(into: &head)
        Self.append(answer, to: &head)
    }

    private static func append(_ part: borrowing BERBuffer, to whole: inout BERBuffer) { whole.append(part.bytes) }
}
