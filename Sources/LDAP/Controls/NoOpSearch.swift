import BER

/// OpenLDAP's no-op search: the entries found are counted, not sent. Carbonio counts accounts with it.
public struct NoOpSearch: Sendable, Hashable {
    /// The object identifier of request and response.
    public static let oid = ControlOID.noOperationSearch

    /// - Throws: `protocolError` for a request with a value.
    public static func checkRequest(_ control: Control) throws(LDAPError) { try control.demandNoValue("no-op search control") }

    /// What the search would have ended with.
    public var code: ResultCode
    /// Entries that would have been sent.
    public var entries: Int
    /// References that would have been sent.
    public var references: Int

    /// A result.
    public init(_ code: ResultCode, entries: Int, references: Int) {
        self.code = code
        self.entries = entries
        self.references = references
    }

    /// The response as it is sent.
    public func control() -> Control {
        let value = BERBuffer.octets { buffer in
            let sequence = buffer.begin(BERTag.sequence)
            buffer.append(integer: code.rawValue)
            buffer.append(integer: entries)
            buffer.append(integer: references)
            buffer.end(sequence)
        }
        return Control(oid: Self.oid, value: value)
    }
}
