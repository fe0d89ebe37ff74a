public import BER

/// One record of an LDIF file (RFC 2849), flat and made to be used again for the next one: reading allocates nothing per value.
public struct LDIFRecord: Sendable {
    /// What a record says, by its `changetype`.
    public enum Kind: Sendable, Hashable {
        /// An entry: no `changetype`.
        case content
        case add, delete, modify
        /// `modrdn` and `moddn`.
        case modifyDN
    }

    /// One value of an attribute.
    public struct Attribute: Sendable, Hashable {
        /// The attribute description, as spelled.
        public var description: ByteRange
        /// Decoded.
        public var value: ByteRange
        /// Where it begins, counted from 1.
        public var line: Int
    }

    /// One modification of a `modify` record.
    public struct Change: Sendable, Hashable {
        /// What is done with the values.
        public var operation: ModifyRequest.Operation
        /// The attribute description, as spelled.
        public var description: ByteRange
        /// Its values: a part of ``LDIFRecord/attributes``.
        public var values: Range<Int>
        /// Where it begins, counted from 1.
        public var line: Int
    }

    /// What all places refer to.
    public internal(set) var bytes: [UInt8] = []
    /// What the record says.
    public internal(set) var kind = Kind.content
    /// The name in string form.
    public internal(set) var dn = ByteRange.empty
    /// Where the record begins, counted from 1.
    public internal(set) var line = 0
    /// Of an entry to add: one per value, in the order of the file. Of a modification: the values of all ``changes``.
    public internal(set) var attributes: [Attribute] = []
    /// Of a modification.
    public internal(set) var changes: [Change] = []
    /// Of a rename.
    public internal(set) var newRDN = ByteRange.empty
    /// Of a rename: whether the old name's values go.
    public internal(set) var deleteOldRDN = false
    /// Of a rename: the entry to stand below; nil to stay.
    public internal(set) var newSuperior: ByteRange?
    /// Of any change.
    public internal(set) var controls: [Control] = []

    /// An empty record, to be filled by a reader.
    public init() {}

    /// Forgets the contents, keeps the memory.
    mutating func reset(line: Int) {
        bytes.removeAll(keepingCapacity: true)
        attributes.removeAll(keepingCapacity: true)
        if !changes.isEmpty { changes.removeAll(keepingCapacity: true) }
        if !controls.isEmpty { controls.removeAll() }
        kind = .content
        dn = .empty
        newRDN = .empty
        deleteOldRDN = false
        newSuperior = nil
        self.line = line
    }

    /// The bytes at a place, as a string; bytes that are not UTF-8 are replaced.
    public func string(_ place: ByteRange) -> String {
        String(decoding: bytes.rawSpan.slice(place).array, as: UTF8.self)
    }

    /// The attributes of an entry to add, gathered by description (ASCII case ignored), values in order.
    public var partialAttributes: [PartialAttribute] {
        var list: [PartialAttribute] = []
        var places: [String: Int] = [:]
        for attribute in attributes {
            let value = bytes.rawSpan.slice(attribute.value).array
            let key = string(attribute.description).lowercased()
            if let index = places[key] {
                list[index].values.append(value)
            } else {
                places[key] = list.count
                list.append(PartialAttribute(description: bytes.rawSpan.slice(attribute.description).array, values: [value]))
            }
        }
        return list
    }
}
