import BER

/// Subentries (RFC 3672 section 3): either subentries are wanted or all other entries.
public struct Subentries: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.subentries
    /// Whether subentries are wanted, and nothing else.
    public var visible: Bool

    /// The control with a value.
    public init(visible: Bool) { self.visible = visible }

    /// - Throws: `protocolError`.
    public init(decoding control: Control) throws(LDAPError) {
        let value = try control.requiredValue("subentries control")
        var reader = MessageReader(value.rawSpan, "subentries control")
        visible = try reader.boolean()
        try reader.finish()
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = true) -> Control {
        Control(oid: Self.oid, isCritical: isCritical, value: BERBuffer.octets { $0.append(boolean: visible) })
    }
}
