import BER
import Schema

/// Makes the index keys of an entry's values. Keeps scratch space; one per writer.
struct IndexKeys {
    let schema: Schema
    private var canonical: [UInt8] = []
    private var key: [UInt8] = []

    init(schema: Schema) { self.schema = schema }

    /// Calls `body` with every index key that an entry has on account of one attribute type; a key may come several times.
    /// - Parameter attribute: the number of the type without options, under which all its values are indexed.
    mutating func forEach(
        of type: AttributeTypeID, attribute: AttributeID, kinds: IndexDefinition.Kinds, values: [[UInt8]], _ body: (RawSpan) -> Void
    ) {
        guard !values.isEmpty else { return }
        // Taken out of the property for the time, so that the keys can be lent to `body`.
        var key = self.key
        var canonical = self.canonical
        self.key = []
        self.canonical = []
        defer {
            self.key = key
            self.canonical = canonical
        }
        if kinds.contains(.presence) {
            key.removeAll(keepingCapacity: true)
            IndexKey.appendPresence(attribute, to: &key)
            body(key.rawSpan)
        }
        let description = schema[type]
        if kinds.contains(.equality), let rule = description.equality {
            for value in values {
                canonical.removeAll(keepingCapacity: true)
                // A value that has no canonical form equals nothing and needs no key.
                guard schema.normalize(value.rawSpan, by: rule, into: &canonical) else { continue }
                key.removeAll(keepingCapacity: true)
                IndexKey.appendValue(attribute, canonical.rawSpan, to: &key)
                body(key.rawSpan)
            }
        }
        if kinds.contains(.substring), let rule = description.substring {
            for value in values {
                canonical.removeAll(keepingCapacity: true)
                guard schema.normalize(value.rawSpan, by: rule, into: &canonical) else { continue }
                let bytes = canonical.rawSpan
                // Values of any length stay searchable by their first 4,096 octets only through pieces; the planner knows.
                let count = min(bytes.byteCount, Self.indexedOctets)
                for length in 1...3 where length <= count {
                    key.removeAll(keepingCapacity: true)
                    IndexKey.appendPiece(attribute, .beginning, bytes.slice(ByteRange(start: 0, count: length)), to: &key)
                    body(key.rawSpan)
                    for start in 0...(count - length) {
                        key.removeAll(keepingCapacity: true)
                        IndexKey.appendPiece(attribute, .piece, bytes.slice(ByteRange(start: start, count: length)), to: &key)
                        body(key.rawSpan)
                    }
                }
                if bytes.byteCount > Self.indexedOctets {
                    // A longer value gets the key of "anything may be in here", which every substring look-up includes.
                    key.removeAll(keepingCapacity: true)
                    Self.appendOverlong(attribute, to: &key)
                    body(key.rawSpan)
                }
            }
        }
    }

    /// How much of a value is cut into pieces.
    static let indexedOctets = 2048

    /// The key of entries with a value too long to be cut into pieces whole.
    static func appendOverlong(_ attribute: AttributeID, to key: inout [UInt8]) {
        IndexKey.appendPiece(attribute, .piece, RawSpan(), to: &key)
    }
}
