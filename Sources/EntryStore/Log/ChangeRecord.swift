import BER

/// One change as it stands in the log: who did what to which entry, when, with the values before and after.
///
/// Caveats: times are those of the system's clock, but never go back; values that change with binds are not in the log unless a client
/// set them; a bulk load is one record that says how many entries came, not which.
public struct ChangeRecord: Sendable {
    /// What was done.
    public enum Kind: UInt8, Sendable {
        case add = 1
        case modify
        case modifyDN
        case delete
        /// Entries were loaded by an import.
        case load
    }

    /// What became of an attribute's values.
    public struct AttributeChange: Sendable, Equatable {
        public var id: AttributeID
        /// Whether ``removed`` and ``added`` are all values that there were and are; otherwise those that went and came.
        public var isWhole: Bool
        public var removed: [[UInt8]]
        public var added: [[UInt8]]
    }

    /// How a name changed.
    public struct Renaming: Sendable, Equatable {
        public var newRDN: [UInt8]
        /// Name of the new superior; nil: it stayed below the same one.
        public var newSuperior: [UInt8]?
        public var deletesOldRDN: Bool
        public var oldRDN: [UInt8]
        public var oldParent: EntryID
        public var newParent: EntryID
    }

    /// An entry with its place: as it was added, or as it was before it was deleted.
    public struct Image: Sendable {
        public var entry: Entry
        public var parent: EntryID
        public var rdn: [UInt8]
        public var flags: EntryRecord.Flags
    }

    /// Its place in the log: 1, 2, 3, …
    public var number: UInt64
    public var kind: Kind
    /// Microseconds since 1970.
    public var time: Int64
    /// The number of the first record of the operation that it belongs to: a client's one request may change many entries.
    public var operation: UInt64
    public var id: EntryID
    /// Name of who did it; empty: the server itself.
    public var author: [UInt8]
    /// Name of the entry before the change, in string form.
    public var name: [UInt8]
    /// The entry's `entryCSN` after the change; of a deletion, one of its own.
    public var csn: [UInt8]
    public var uuid: [UInt8]
    /// Of additions and deletions.
    public var image: Image?
    /// Of modifications and renames.
    public var changes: [AttributeChange] = []
    public var renaming: Renaming?
    /// Of a load: how many entries.
    public var loaded = 0

    // MARK: Form

    /// Layout: version, kind, time (8 bytes, little-endian), then BER elements: operation, entry, author, name, CSN, UUID, and what the
    /// kind needs.
    static let version: UInt8 = 1
    static let headerSize = 10

    static let wholeTag = BERTag.contextConstructed(0)
    static let valuesTag = BERTag.contextConstructed(1)
    static let superiorTag = BERTag.context(2)

    /// The time in a record's bytes; nil if they are none.
    static func time(of bytes: RawSpan) -> Int64? {
        guard bytes.byteCount >= headerSize, bytes[at: 0] == version else { return nil }
        return Int64(bytes.number32(2)) | Int64(bytes.number32(6)) << 32
    }

    /// Reads a record; nil if the bytes are none of this version.
    init?(number: UInt64, _ bytes: RawSpan) {
        guard let time = Self.time(of: bytes), let kind = Kind(rawValue: bytes[at: 1]) else { return nil }
        do {
            var reader = BERReader(bytes, ByteRange(start: Self.headerSize, count: bytes.byteCount - Self.headerSize))
            func octets(_ reader: inout BERReader, _ tag: UInt8 = BERTag.octetString) throws(BERError) -> [UInt8] {
                bytes.slice(try reader.contents(of: tag)).array
            }
            self.number = number
            self.kind = kind
            self.time = time
            operation = UInt64(bitPattern: Int64(try reader.integer()))
            id = EntryID(rawValue: UInt64(bitPattern: Int64(try reader.integer())))
            author = try octets(&reader)
            name = try octets(&reader)
            csn = try octets(&reader)
            uuid = try octets(&reader)
            switch kind {
            case .add, .delete:
                guard let record = EntryRecord(bytes.slice(try reader.contents(of: BERTag.octetString))) else { return nil }
                var flags = record.flags
                flags.remove(.wide)
                image = Image(entry: Entry(record), parent: record.parent, rdn: record.rdn.array, flags: flags)
            case .modify:
                changes = try Self.changes(&reader)
            case .modifyDN:
                let newRDN = try octets(&reader)
                let oldRDN = try octets(&reader)
                let oldParent = try reader.integer()
                let newParent = try reader.integer()
                let deletesOldRDN = try reader.boolean()
                let superior = try reader.contents(ifPresent: Self.superiorTag).map { bytes.slice($0).array }
                renaming = Renaming(
                    newRDN: newRDN, newSuperior: superior, deletesOldRDN: deletesOldRDN, oldRDN: oldRDN,
                    oldParent: EntryID(rawValue: UInt64(bitPattern: Int64(oldParent))),
                    newParent: EntryID(rawValue: UInt64(bitPattern: Int64(newParent))))
                changes = try Self.changes(&reader)
            case .load:
                loaded = try reader.integer()
            }
            try reader.finish()
        } catch { return nil }
    }

    private static func changes(_ reader: inout BERReader) throws(BERError) -> [AttributeChange] {
        let list = try reader.contents(of: BERTag.sequence)
        var changes: [AttributeChange] = []
        var elements = BERReader(reader.bytes, list)
        while !elements.isAtEnd {
            let (tag, contents) = try elements.element()
            guard tag == wholeTag || tag == valuesTag else { throw .unexpectedTag(expected: wholeTag, found: tag) }
            var element = BERReader(reader.bytes, contents)
            let id = AttributeID(rawValue: UInt16(truncatingIfNeeded: try element.integer()))
            let removed = try values(&element)
            let added = try values(&element)
            try element.finish()
            changes.append(AttributeChange(id: id, isWhole: tag == wholeTag, removed: removed, added: added))
        }
        return changes
    }

    private static func values(_ reader: inout BERReader) throws(BERError) -> [[UInt8]] {
        var set = BERReader(reader.bytes, try reader.contents(of: BERTag.set))
        var values: [[UInt8]] = []
        while !set.isAtEnd { values.append(set.bytes.slice(try set.contents(of: BERTag.octetString)).array) }
        return values
    }
}

extension ChangeRecord.AttributeChange {
    /// Takes the change back.
    public func undo(_ values: [[UInt8]]) -> [[UInt8]] {
        if isWhole { return removed }
        var gone = Set(added)
        // What is there once goes once.
        var result = values.filter { gone.remove($0) == nil }
        result += removed
        return result
    }
}
