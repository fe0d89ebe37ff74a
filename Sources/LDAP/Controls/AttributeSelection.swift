import BER

/// A standalone AttributeSelection (RFC 4511 section 4.5.1.8), as the value of a control.
enum AttributeSelection {
    static func decode(_ value: [UInt8], _ what: StaticString, limits: DecodingLimits) throws(LDAPError) -> [[UInt8]] {
        var outer = MessageReader(value.rawSpan, what)
        var reader = try outer.constructed()
        try outer.finish()
        var attributes: [[UInt8]] = []
        while !reader.isAtEnd {
            guard attributes.count < limits.attributes else {
                throw LDAPError(.adminLimitExceeded, "\(what): more than \(limits.attributes) attributes asked for")
            }
            attributes.append(try reader.octets())
        }
        return attributes
    }

    static func encode(_ attributes: [[UInt8]]) -> [UInt8] {
        BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            for attribute in attributes { buffer.append(BERTag.octetString, contents: attribute) }
            buffer.end(sequence)
        }
    }
}
