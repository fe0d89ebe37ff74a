import BER

/// Assertion (RFC 4528): the operation is carried out only if the entry it acts on matches the filter.
public struct Assertion: Sendable {
    /// The object identifier of the control.
    public static let oid = ControlOID.assertion
    /// What must be true of the entry.
    public var filter: Filter

    /// Asserts a filter.
    public init(_ filter: Filter) { self.filter = filter }

    /// - Throws: `protocolError`; `adminLimitExceeded` for a filter beyond the limits.
    public init(decoding control: Control, limits: DecodingLimits = .default) throws(LDAPError) {
        filter = try Filter(decoding: try control.requiredValue("assertion control"), limits: limits)
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control {
        Control(oid: Self.oid, isCritical: isCritical, value: BERBuffer.octets { filter.encode(into: &$0) })
    }
}
