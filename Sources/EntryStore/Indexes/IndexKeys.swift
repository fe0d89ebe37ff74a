import BER
import Schema

/// Takes the index keys of an entry; a key may come several times.
protocol IndexKeySink {
    mutating func take(_ key: RawSpan)
    mutating func take(_ key: ShortKey)
}

/// Makes the index keys of an entry's values. Keeps scratch space; one per writer.
struct IndexKeys {
    let schema: Schema
    /// Taken out of here while it is used.
    private var scratch = Scratch()

    private struct Scratch {
        var canonical: [UInt8] = []
        var key: [UInt8] = []
    }

    init(schema: Schema) { self.schema = schema }

    /// Hands out every index key of an entry.
    /// - Parameter indexes: which keys to make.
    mutating func forEach(
        of record: borrowing EntryRecord, _ table: AttributeTable, _ indexes: IndexSet, into sink: inout some IndexKeySink
    ) {
        var scratch = Scratch()
        swap(&scratch, &self.scratch)
        defer { swap(&scratch, &self.scratch) }
        for index in 0..<record.attributeCount {
            // Values of a type with options are indexed under the type's own number.
            guard let type = table.type(of: record.attributeID(at: index)) else { continue }
            let kinds = indexes.kinds(of: type)
            guard !kinds.isEmpty, let attribute = table.id(of: type) else { continue }
            let rules = Rules(schema, type, attribute, kinds)
            var values = record.values(at: index)
            if !values.isAtEnd { rules.takePresence(into: &sink) }
            while let value = values.next() { forEach(of: value, rules, &scratch.canonical, &scratch.key, into: &sink) }
        }
    }

    /// Hands out every index key that an entry has on account of one attribute type.
    /// - Parameter attribute: the number of the type without options, under which all its values are indexed.
    mutating func forEach(
        of type: AttributeTypeID, attribute: AttributeID, kinds: IndexDefinition.Kinds, values: [[UInt8]],
        into sink: inout some IndexKeySink
    ) {
        guard !values.isEmpty else { return }
        let rules = Rules(schema, type, attribute, kinds)
        rules.takePresence(into: &sink)
        var scratch = Scratch()
        swap(&scratch, &self.scratch)
        defer { swap(&scratch, &self.scratch) }
        for value in values { forEach(of: value.rawSpan, rules, &scratch.canonical, &scratch.key, into: &sink) }
    }

    /// What keys the values of an attribute type get.
    private struct Rules {
        let attribute: AttributeID
        let hasPresence: Bool
        let equality: MatchingRule?
        let kinds: IndexDefinition.Kinds
        let substring: MatchingRule?

        init(_ schema: Schema, _ type: AttributeTypeID, _ attribute: AttributeID, _ kinds: IndexDefinition.Kinds) {
            self.attribute = attribute
            hasPresence = kinds.contains(.presence)
            self.kinds = kinds
            equality = kinds.hasValues ? schema[type].equality : nil
            substring = kinds.contains(.substring) ? schema[type].substring : nil
        }

        func takePresence(into sink: inout some IndexKeySink) {
            if hasPresence { sink.take(IndexKey.presence(attribute)) }
        }

        /// Whether the canonical form for equality serves for substrings too.
        var shareForm: Bool {
            switch (equality, substring) {
            case (.caseIgnoreMatch, .caseIgnoreSubstringsMatch), (.caseExactMatch, .caseExactSubstringsMatch),
                (.caseIgnoreIA5Match, .caseIgnoreIA5SubstringsMatch), (.caseExactIA5Match, .caseExactIA5SubstringsMatch):
                true
            default: false
            }
        }
    }

    private func forEach(
        of value: RawSpan, _ rules: Rules, _ canonical: inout [UInt8], _ key: inout [UInt8], into sink: inout some IndexKeySink
    ) {
        var isCanonical = false
        if let rule = rules.equality {
            canonical.removeAll(keepingCapacity: true)
            // A value that has no canonical form equals nothing and needs no key.
            if schema.normalize(value, by: rule, into: &canonical) {
                key.removeAll(keepingCapacity: true)
                IndexKey.append(rules.attribute, canonical.rawSpan, rules.kinds, to: &key)
                sink.take(key.rawSpan)
                isCanonical = rules.shareForm
            } else if rules.shareForm {
                return
            }
        }
        guard let rule = rules.substring else { return }
        if !isCanonical {
            canonical.removeAll(keepingCapacity: true)
            guard schema.normalize(value, by: rule, into: &canonical) else { return }
        }
        Self.forEachPiece(of: canonical.rawSpan, rules.attribute, &key, into: &sink)
    }

    private static func forEachPiece(
        of value: RawSpan, _ attribute: AttributeID, _ key: inout [UInt8], into sink: inout some IndexKeySink
    ) {
        // Values of any length stay searchable by their first octets only through pieces; the planner knows.
        let count = min(value.byteCount, Self.indexedOctets)
        if value.byteCount > Self.indexedOctets {
            // A longer value gets the key of "anything may be in here", which every substring look-up includes.
            key.removeAll(keepingCapacity: true)
            Self.appendOverlong(attribute, to: &key)
            sink.take(key.rawSpan)
        }
        var hasZero = false
        for index in 0..<count where value[at: index] == 0 { hasZero = true }
        if hasZero {
            for length in 1...3 where length <= count {
                for start in 0...(count - length) {
                    for kind in [IndexKey.Kind.piece, .beginning] where kind == .piece || start == 0 {
                        key.removeAll(keepingCapacity: true)
                        IndexKey.appendPiece(attribute, kind, value.slice(ByteRange(start: start, count: length)), to: &key)
                        sink.take(key.rawSpan)
                    }
                }
            }
            return
        }
        // Without a zero octet nothing is escaped, and a key of three octets has eight.
        var pieces = IndexKey.Pieces(attribute, .beginning)
        for index in 0..<min(count, 3) {
            pieces.append(value[at: index])
            sink.take(pieces.longest(index + 1))
        }
        pieces = IndexKey.Pieces(attribute, .piece)
        for index in 0..<count {
            pieces.append(value[at: index])
            sink.take(pieces.one)
            if index >= 1 { sink.take(pieces.two) }
            if index >= 2 { sink.take(pieces.three) }
        }
    }

    /// How much of a value is cut into pieces.
    static let indexedOctets = 2048

    /// The key of entries with a value too long to be cut into pieces whole.
    static func appendOverlong(_ attribute: AttributeID, to key: inout [UInt8]) {
        IndexKey.appendPiece(attribute, .piece, RawSpan(), to: &key)
    }
}

extension KeyTable: IndexKeySink {
    mutating func take(_ key: RawSpan) { _ = insert(key) }
    mutating func take(_ key: ShortKey) { _ = insert(key) }
}
