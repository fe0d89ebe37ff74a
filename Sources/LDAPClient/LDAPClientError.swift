/// Why another server could not be asked.
public struct LDAPClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// libldap's result code: an LDAP result code of the server, or negative for libldap's own.
    public let code: Int32
    /// What was tried, and what came of it; for people.
    public let message: String

    public init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
