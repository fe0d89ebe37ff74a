/// Why bytes are not the BER that LDAP allows.
public enum BERError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An element goes on beyond the bytes that hold it.
    case truncated
    /// Indefinite length form: not allowed in LDAP (RFC 4511 section 5.1).
    case indefiniteLength
    /// A length of more than eight octets, or beyond the limit of the reader.
    case lengthTooLarge
    /// A tag number above 30: LDAP has none.
    case highTagNumber
    /// Another type of element than the one that must come here.
    case unexpectedTag(expected: UInt8, found: UInt8)
    /// An integer without octets, of more than eight octets, or beyond what its place allows.
    case integerOutOfRange
    /// A BOOLEAN must have exactly one octet.
    case badBoolean
    /// Bytes after the last element of a sequence.
    case trailingBytes
    /// Elements nested deeper than the reader allows.
    case tooDeep

    /// What is wrong, for diagnostic messages.
    public var description: String {
        switch self {
        case .truncated: "element goes on beyond the end of its container"
        case .indefiniteLength: "indefinite length is not allowed"
        case .lengthTooLarge: "length is too large"
        case .highTagNumber: "tag number above 30"
        case .unexpectedTag(let expected, let found):
            "expected tag 0x\(String(expected, radix: 16)), found 0x\(String(found, radix: 16))"
        case .integerOutOfRange: "integer out of range"
        case .badBoolean: "boolean is not one octet"
        case .trailingBytes: "bytes after the last element"
        case .tooDeep: "nested too deep"
        }
    }
}
