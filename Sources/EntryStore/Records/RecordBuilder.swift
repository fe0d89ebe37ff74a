import BER

/// Puts a record together outside the store, attribute by attribute: for entries that the server makes from others, many in a row, without
/// an allocation for each value. Attributes come in ascending order of their numbers, each once.
public struct RecordBuilder: ~Copyable {
    private var table: [(id: AttributeID, offset: Int)] = []
    private var values = BERBuffer()
    private var output = BERBuffer()
    private var set = 0

    public init() {}

    /// Begins a new record; what the last one was is gone.
    public mutating func begin() {
        table.removeAll(keepingCapacity: true)
        values.removeAll(keeping: 1 << 20)
    }

    /// Takes an attribute whose values stand somewhere as a finished `SET OF` OCTET STRING.
    public mutating func append(_ id: AttributeID, set: borrowing RawSpan) {
        table.append((id, values.count))
        values.append(set)
    }

    /// Takes an attribute with one value.
    public mutating func append(_ id: AttributeID, value: borrowing RawSpan) {
        beginAttribute(id)
        appendValue(value)
        endAttribute()
    }

    /// Begins an attribute whose values follow one by one.
    public mutating func beginAttribute(_ id: AttributeID) {
        table.append((id, values.count))
        set = values.begin(BERTag.set)
    }

    /// Takes a value of the attribute that was begun.
    public mutating func appendValue(_ value: borrowing RawSpan) { values.append(BERTag.octetString, contents: value) }

    /// Takes several values of the attribute that was begun, finished as OCTET STRINGs.
    public mutating func appendValues(_ finished: borrowing RawSpan) { values.append(finished) }

    /// Ends the attribute that was begun.
    public mutating func endAttribute() { values.end(set) }

    /// Ends the record; it is in ``bytes`` until the next one ends.
    public mutating func finish() {
        output.removeAll(keeping: 1 << 20)
        let isWide = EntryRecord.headerSize + table.count * 4 + values.count > 0xffff
        let start = EntryRecord.headerSize + table.count * (isWide ? 8 : 4)
        output.reserve(start + values.count)
        output.append(EntryRecord.version)
        output.append(isWide ? EntryRecord.Flags.wide.rawValue : 0)
        output.appendNumber16(0)
        output.appendNumber32(UInt32(table.count))
        output.appendNumber32(0)
        output.appendNumber32(0)
        for (id, offset) in table {
            if isWide {
                output.appendNumber32(UInt32(id.rawValue))
                output.appendNumber32(UInt32(truncatingIfNeeded: start + offset))
            } else {
                output.appendNumber16(id.rawValue)
                output.appendNumber16(UInt16(truncatingIfNeeded: start + offset))
            }
        }
        Self.append(values, to: &output)
    }

    private static func append(_ part: borrowing BERBuffer, to whole: inout BERBuffer) { whole.append(part.bytes) }

    /// The record that was finished last: for ``EntryRecord/init(_:)``.
    public var bytes: RawSpan {
        @_lifetime(borrow self) get { output.bytes }
    }
}
