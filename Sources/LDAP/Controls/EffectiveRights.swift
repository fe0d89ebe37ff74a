import BER

/// Get effective rights (draft-ietf-ldapext-acl-model; 389 Directory Server and others): the entries that a search finds come with what
/// somebody may do with them.
///
/// Clients write the value in several ways: an authorization identity (RFC 4513 section 5.2.1.8) as it is, as an OCTET STRING, or as a
/// SEQUENCE of it and names of further attributes.
public struct EffectiveRights: Sendable, Hashable {
    /// The object identifier of the control.
    public static let oid = ControlOID.effectiveRights
    /// The name of the entry whose rights are asked for; empty: an anonymous client; nil: who asks.
    public var name: [UInt8]?
    /// Attributes to be told of whether or not the search asks for them.
    public var attributes: [[UInt8]]

    /// - Parameter name: nil: who asks; empty: an anonymous client.
    public init(name: [UInt8]?, attributes: [[UInt8]] = []) {
        self.name = name
        self.attributes = attributes
    }

    /// - Throws: `protocolError`; `adminLimitExceeded` for too many attributes.
    public init(decoding control: Control, limits: DecodingLimits = .default) throws(LDAPError) {
        guard let value = control.value, !value.isEmpty else {
            self.init(name: nil)
            return
        }
        var identity = value
        var attributes: [[UInt8]] = []
        if value[0] == BERTag.octetString || value[0] == BERTag.sequence {
            var reader = MessageReader(value.rawSpan, "effective rights control")
            if value[0] == BERTag.octetString {
                identity = try reader.octets()
            } else {
                var sequence = try reader.constructed()
                identity = try sequence.octets()
                if !sequence.isAtEnd {
                    var list = try sequence.constructed()
                    while !list.isAtEnd {
                        guard attributes.count < limits.attributes else {
                            throw LDAPError(.adminLimitExceeded, "more than \(limits.attributes) attributes in the effective rights control")
                        }
                        attributes.append(try list.octets())
                    }
                    try sequence.finish()
                }
            }
            try reader.finish()
        }
        if identity.isEmpty {
            self.init(name: nil, attributes: attributes)
            return
        }
        let prefix = Array("dn:".utf8)
        guard identity.prefix(prefix.count).map({ $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }) == prefix else {
            throw LDAPError(.protocolError, "effective rights control: the identity must begin with dn:")
        }
        self.init(name: Array(identity.dropFirst(prefix.count).drop { $0 == UInt8(ascii: " ") }), attributes: attributes)
    }

    /// The control as it is sent.
    public func control(isCritical: Bool = false) -> Control {
        let identity = name.map { Array("dn:".utf8) + $0 } ?? []
        guard !attributes.isEmpty else { return Control(oid: Self.oid, isCritical: isCritical, value: identity.isEmpty ? nil : identity) }
        return Control(
            oid: Self.oid, isCritical: isCritical,
            value: BERBuffer.octets { buffer in
                let sequence = buffer.begin(BERTag.sequence)
                buffer.append(BERTag.octetString, contents: identity)
                let list = buffer.begin(BERTag.sequence)
                for attribute in attributes { buffer.append(BERTag.octetString, contents: attribute) }
                buffer.end(list)
                buffer.end(sequence)
            })
    }
}
