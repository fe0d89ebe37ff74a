import BER

/// Password policy (draft-behera-ldap-password-policy section 6): a client that sends it, without a value, is told why a bind or a
/// change of a password fails, and what will soon be.
public enum PasswordPolicy {
    public static let oid = ControlOID.passwordPolicy

    /// The reasons (section 6.2).
    public enum Failure: Int, Sendable, Hashable {
        case passwordExpired, accountLocked, changeAfterReset, passwordModNotAllowed, mustSupplyOldPassword, insufficientPasswordQuality
        case passwordTooShort, passwordTooYoung, passwordInHistory
    }

    /// What the server answers.
    public struct Response: Sendable, Hashable {
        /// Seconds until the password expires.
        public var timeBeforeExpiration: Int?
        /// Binds with an expired password that are left.
        public var graceBindsRemaining: Int?
        public var failure: Failure?

        public init(timeBeforeExpiration: Int? = nil, graceBindsRemaining: Int? = nil, failure: Failure? = nil) {
            self.timeBeforeExpiration = timeBeforeExpiration
            self.graceBindsRemaining = graceBindsRemaining
            self.failure = failure
        }

        /// As it is sent.
        public var control: Control {
            let value = BERBuffer.octets { buffer in
                let outer = buffer.begin(BERTag.sequence)
                if let seconds = timeBeforeExpiration {
                    let warning = buffer.begin(BERTag.contextConstructed(0))
                    buffer.append(BERTag.context(0), integer: seconds)
                    buffer.end(warning)
                } else if let binds = graceBindsRemaining {
                    let warning = buffer.begin(BERTag.contextConstructed(0))
                    buffer.append(BERTag.context(1), integer: binds)
                    buffer.end(warning)
                }
                if let failure { buffer.append(BERTag.context(1), integer: failure.rawValue) }
                buffer.end(outer)
            }
            return Control(oid: PasswordPolicy.oid, value: value)
        }

        /// - Throws: `protocolError`.
        public init(decoding control: Control) throws(LDAPError) {
            let value = try control.requiredValue("password policy control")
            do throws(BERError) {
                var reader = BERReader(value.rawSpan)
                let contents = try reader.contents(of: BERTag.sequence)
                try reader.finish()
                var fields = BERReader(value.rawSpan, contents)
                if let warning = try fields.contents(ifPresent: BERTag.contextConstructed(0)) {
                    var choice = BERReader(value.rawSpan, warning)
                    if choice.nextTag == BERTag.context(0) {
                        timeBeforeExpiration = try choice.integer(BERTag.context(0))
                    } else {
                        graceBindsRemaining = try choice.integer(BERTag.context(1))
                    }
                }
                if fields.nextTag == BERTag.context(1) { failure = Failure(rawValue: try fields.integer(BERTag.context(1))) }
            } catch {
                throw LDAPError(.protocolError, "password policy control: \(error)")
            }
        }
    }

    /// - Throws: `protocolError` for a request control with a value.
    public static func checkRequest(_ control: Control) throws(LDAPError) { try control.demandNoValue("password policy control") }
}
