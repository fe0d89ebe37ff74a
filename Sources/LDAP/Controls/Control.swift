public import BER

/// A control as it travels (RFC 4511 section 4.1.11): its meaning is in a file per control.
public struct Control: Sendable, Hashable {
    /// Object identifier in dotted form, one of ``ControlOID`` or any other.
    public var oid: String
    /// Whether the operation must fail if this control cannot be honoured.
    public var isCritical: Bool
    /// Contents of the value; nil if there is none.
    public var value: [UInt8]?

    /// A control of any kind; without a value, none is sent.
    public init(oid: String, isCritical: Bool = false, value: [UInt8]? = nil) {
        self.oid = oid
        self.isCritical = isCritical
        self.value = value
    }

    /// The value, for a control that must have one.
    /// - Throws: `protocolError`.
    func requiredValue(_ what: StaticString) throws(LDAPError) -> [UInt8] {
        guard let value else { throw LDAPError(.protocolError, "\(what): value is missing") }
        return value
    }

    /// Demands that there is no value.
    func demandNoValue(_ what: StaticString) throws(LDAPError) {
        guard value == nil else { throw LDAPError(.protocolError, "\(what): value must be absent") }
    }
}

/// The list of controls of a message.
public enum Controls {
    /// Reads the contents of the controls element that ``LDAPEnvelope/controls`` points to.
    ///
    /// Whether a control is known, critical or repeated is for the operation to judge.
    /// - Throws: `protocolError`; `adminLimitExceeded` for too many.
    public static func decode(
        _ pdu: RawSpan, _ range: ByteRange, limits: DecodingLimits = .default
    ) throws(LDAPError) -> [Control] {
        var list = MessageReader(pdu, range, "controls")
        var controls: [Control] = []
        while !list.isAtEnd {
            guard controls.count < limits.controls else {
                throw LDAPError(.adminLimitExceeded, "more than \(limits.controls) controls in one request")
            }
            var reader = try list.constructed()
            let oid = try reader.objectIdentifier()
            let isCritical = reader.nextTag == BERTag.boolean ? try reader.boolean() : false
            let value = try reader.octets(ifPresent: BERTag.octetString)
            try reader.finish()
            controls.append(Control(oid: oid, isCritical: isCritical, value: value))
        }
        return controls
    }
}

extension BERBuffer {
    /// Appends the controls element of a message; nothing at all for an empty list.
    public mutating func append(controls: [Control]) {
        guard !controls.isEmpty else { return }
        let list = begin(BERTag.contextConstructed(0))
        for control in controls {
            let sequence = begin(BERTag.sequence)
            append(string: control.oid)
            if control.isCritical { append(boolean: true) }
            if let value = control.value { append(BERTag.octetString, contents: value) }
            end(sequence)
        }
        end(list)
    }

    /// The bytes written by `body` into a buffer of their own: how values of controls and extended operations are made.
    static func octets(_ body: (inout BERBuffer) -> Void) -> [UInt8] {
        var buffer = BERBuffer(capacity: 256)
        body(&buffer)
        return buffer.bytes.array
    }
}
