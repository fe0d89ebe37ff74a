/// The truth of a filter item (RFC 4511 section 4.5.1.7).
public enum Ternary: UInt8, Sendable {
    case no, yes, undefined

    @inlinable public init(_ value: Bool) { self = value ? .yes : .no }
    @inlinable public static prefix func ! (value: Ternary) -> Ternary {
        switch value {
        case .no: .yes
        case .yes: .no
        case .undefined: .undefined
        }
    }
}
