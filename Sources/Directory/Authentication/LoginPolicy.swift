public import EntryStore
public import LDAP

/// Who may log in, and by which names: what a module above knows of accounts.
public protocol LoginPolicy: AnyObject, Sendable {
    /// The entry that a name which is no DN stands for: a mail address or a user's name. Nil if there is none, or more than one.
    /// - Parameter serverName: the host name that the client asked for in the TLS handshake.
    func entry(
        named name: [UInt8], serverName: String?, _ snapshot: borrowing Snapshot, scratch: inout FilterScratch
    ) throws(EntryStoreError) -> EntryID?

    /// What applies to an entry now; nil: no rules do.
    /// - Parameters:
    ///   - pending: values that are on their way into the entry and count already.
    ///   - asAdministrator: whether somebody logs in where nobody but administrators may.
    func state(
        of id: EntryID, _ record: borrowing EntryRecord, pending: EphemeralValues, asAdministrator: Bool, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) -> LoginState?

    /// Whether what was said of an entry at an earlier commit would be said now too, provided that the entry is as it was and that nothing is on its
    /// way into it.
    func stillApplies(_ state: LoginState, from commit: Int, _ snapshot: borrowing Snapshot) -> Bool

    /// Notes a wrong password. Called only if the state says ``LoginState/countsFailures``.
    func noteFailure(of id: EntryID, _ state: LoginState, _ pending: EphemeralValues)

    /// Notes a success. Called only if the state says ``LoginState/notesSuccess``.
    func noteSuccess(of id: EntryID, _ state: LoginState, _ pending: EphemeralValues)
}

/// What applies to an account that somebody wants to log in to.
public struct LoginState: Sendable {
    public enum Standing: Sendable, Hashable {
        case open
        /// Nobody gets in, whatever the password.
        case closed
        /// Nobody gets in for a while; who has the right password is told.
        case maintenance
    }

    public var standing: Standing
    /// Whether the account is an administrator's.
    public var isAdministrator = false
    /// Whether the password must be changed before anything else is done, and why.
    public var mustChange: PasswordPolicy.Failure?
    /// Seconds until the password expires; nil: it does not.
    public var timeBeforeExpiration: Int?
    /// Whether wrong passwords are counted.
    public var countsFailures = false
    /// Whether the time of a success is to be noted.
    public var isLogonDue = false
    /// Whether a success ends something: a lockout, or the count of wrong passwords.
    public var endsFailures = false
    /// Whether there is something to note of a success.
    public var notesSuccess: Bool { isLogonDue || endsFailures }
    /// Who knows the password, if that is another server; nil: it is stored here.
    public var outside: (any OutsidePassword)?
    /// Until when time alone makes no difference, in milliseconds since 1970.
    public var until = Int.max

    public init(standing: Standing) { self.standing = standing }
}

/// What passwords may be, and what goes with changing them.
public protocol PasswordRules: Sendable {
    /// Checks a password that the owner of an entry wants to set. May take long: not for event loops.
    /// - Parameter password: in clear; nil: it comes hashed, so that nothing can be said of it.
    func check(
        _ password: [UInt8]?, of id: EntryID, _ snapshot: borrowing Snapshot
    ) throws(PasswordViolation)

    /// Adds to a changed entry what goes with the change, before it is written.
    func complete(_ after: inout Entry, before: Entry, _ catalogue: Catalogue, _ snapshot: borrowing Snapshot) throws(EntryStoreError)
}

/// Why a password is refused.
public struct PasswordViolation: Error, Sendable, Hashable {
    public var failure: PasswordPolicy.Failure
    public var message: String

    public init(_ failure: PasswordPolicy.Failure, _ message: String) {
        self.failure = failure
        self.message = message
    }

    /// As the client is told.
    func error(withControl: Bool) -> LDAPError {
        LDAPError(
            failure == .passwordModNotAllowed ? .insufficientAccessRights : .constraintViolation, message,
            controls: withControl ? [PasswordPolicy.Response(failure: failure).control] : [])
    }
}
