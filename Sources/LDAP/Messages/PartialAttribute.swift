import BER

/// An attribute description with values (RFC 4511 section 4.1.7).
public struct PartialAttribute: Sendable, Hashable {
    /// Attribute description: type and options, as spelled.
    public var description: [UInt8]
    /// The values' octets; may be empty.
    public var values: [[UInt8]]

    /// An attribute with its values.
    public init(description: [UInt8], values: [[UInt8]]) {
        self.description = description
        self.values = values
    }

    /// From strings, in UTF-8.
    public init(_ description: String, _ values: [String]) {
        self.init(description: Array(description.utf8), values: values.map { Array($0.utf8) })
    }

    /// Reads one from a sequence of them. `remaining` counts down the values that the request may still hold.
    init(_ outer: inout MessageReader, remaining: inout Int) throws(LDAPError) {
        var reader = try outer.constructed()
        description = try reader.octets()
        var set = try reader.constructed(BERTag.set)
        try reader.finish()
        values = []
        while !set.isAtEnd {
            remaining -= 1
            guard remaining >= 0 else { throw LDAPError(.adminLimitExceeded, "too many values in one request") }
            values.append(try set.octets())
        }
    }

    func encode(into buffer: inout BERBuffer) {
        let sequence = buffer.begin(BERTag.sequence)
        buffer.append(BERTag.octetString, contents: description)
        let set = buffer.begin(BERTag.set)
        for value in values { buffer.append(BERTag.octetString, contents: value) }
        buffer.end(set)
        buffer.end(sequence)
    }

    /// Reads a sequence of attributes with at least one value each where `valuesRequired`.
    static func list(
        _ outer: inout MessageReader, limits: DecodingLimits, valuesRequired: Bool
    ) throws(LDAPError) -> [PartialAttribute] {
        var reader = try outer.constructed()
        var remaining = limits.values
        var list: [PartialAttribute] = []
        while !reader.isAtEnd {
            guard list.count < limits.attributes else {
                throw LDAPError(.adminLimitExceeded, "more than \(limits.attributes) attributes in one request")
            }
            let attribute = try PartialAttribute(&reader, remaining: &remaining)
            if valuesRequired, attribute.values.isEmpty { throw reader.failure("attribute without values") }
            list.append(attribute)
        }
        return list
    }
}
