/// What a client is told when an operation does not succeed: the result code and a diagnostic that a person can act on.
public struct LDAPError: Error, Hashable, Sendable {
    /// The result code that a client is told.
    public var code: ResultCode
    /// For people, in UTF-8; goes to the client as `diagnosticMessage`.
    public var message: String
    /// The part of the name that exists (RFC 4511 section 4.1.9), in string form; empty when nothing is to be said.
    public var matchedDN: [UInt8]
    /// Controls that say more, such as a password policy's reasons.
    public var controls: [Control]
    /// URLs of servers to ask, for ``ResultCode/referral``.
    public var referrals: [String] = []
    /// Value of the answer to an extended request, where the operation has one for failures.
    public var responseValue: [UInt8]?

    /// An error; the matched name is empty unless given.
    @inline(never)
    public init(_ code: ResultCode, _ message: String, matchedDN: [UInt8] = [], controls: [Control] = [], responseValue: [UInt8]? = nil) {
        self.code = code
        self.message = message
        self.matchedDN = matchedDN
        self.controls = controls
        self.responseValue = responseValue
    }
}
