import BER

/// Password Modify (RFC 3062).
public struct PasswordModify: Sendable, Hashable {
    /// The name of the extended request.
    public static let oid = ExtendedOperationOID.passwordModify
    /// Whose password, most often a DN; nil: the session's own.
    public var userIdentity: [UInt8]?
    /// The present password in clear; nil if it was not sent.
    public var oldPassword: [UInt8]?
    /// nil: the server makes one and returns it.
    public var newPassword: [UInt8]?

    /// A request; what is nil is not sent.
    public init(userIdentity: [UInt8]? = nil, oldPassword: [UInt8]? = nil, newPassword: [UInt8]? = nil) {
        self.userIdentity = userIdentity
        self.oldPassword = oldPassword
        self.newPassword = newPassword
    }

    /// A request without value asks for everything by default.
    /// - Throws: `protocolError`.
    public init(decoding request: ExtendedRequest) throws(LDAPError) {
        guard let value = request.value else { return }
        var outer = MessageReader(value.rawSpan, "password modify request")
        var reader = try outer.constructed()
        try outer.finish()
        userIdentity = try reader.octets(ifPresent: BERTag.context(0))
        oldPassword = try reader.octets(ifPresent: BERTag.context(1))
        newPassword = try reader.octets(ifPresent: BERTag.context(2))
        try reader.finish()
    }

    /// The request as a client sends it.
    public var request: ExtendedRequest {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            if let userIdentity { buffer.append(BERTag.context(0), contents: userIdentity) }
            if let oldPassword { buffer.append(BERTag.context(1), contents: oldPassword) }
            if let newPassword { buffer.append(BERTag.context(2), contents: newPassword) }
            buffer.end(sequence)
        }
        return ExtendedRequest(name: Self.oid, value: value)
    }

    /// The response's value that tells a password which the server made.
    public static func responseValue(generatedPassword: [UInt8]) -> [UInt8] {
        BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(BERTag.context(0), contents: generatedPassword)
            buffer.end(sequence)
        }
    }

    /// Reads a response's value: the password that the server made, if any.
    /// - Throws: `protocolError`.
    public static func generatedPassword(decoding value: [UInt8]) throws(LDAPError) -> [UInt8]? {
        var outer = MessageReader(value.rawSpan, "password modify response")
        var reader = try outer.constructed()
        try outer.finish()
        let password = try reader.octets(ifPresent: BERTag.context(0))
        try reader.finish()
        return password
    }
}
