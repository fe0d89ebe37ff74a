import BER

/// Matched values (RFC 3876): of the entries found, only values that satisfy one of some filter items are wanted.
public struct MatchedValues: Sendable {
    /// The object identifier of the control.
    public static let oid = ControlOID.matchedValues
    /// The items, joined by "or"; none of them means that all values are wanted.
    public var filter: Filter

    /// - Throws: `protocolError`; `adminLimitExceeded` beyond the limits.
    public init(decoding control: Control, limits: DecodingLimits = .default) throws(LDAPError) {
        var value = try control.requiredValue("matched values control")
        guard value.first == BERTag.sequence else { throw LDAPError(.protocolError, "matched values control: not a sequence of filter items") }
        // A sequence of items differs from their disjunction in the tag alone.
        value[0] = BERTag.contextConstructed(1)
        filter = try Filter(decoding: value, limits: limits)
        for node in filter.nodes.dropFirst() {
            switch node.kind {
            case .and, .or, .not: throw LDAPError(.protocolError, "matched values control: only simple filter items are allowed")
            default: break
            }
        }
    }
}
