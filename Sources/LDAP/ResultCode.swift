/// An LDAP result code (RFC 4511 section 4.1.9 and its extensions), open to codes that others define.
public struct ResultCode: RawRepresentable, Hashable, Sendable {
    /// The number as sent.
    public let rawValue: Int
    /// A code by its number, known or not.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The operation did what was asked.
    public static let success = ResultCode(rawValue: 0)
    /// The request does not fit the order of operations.
    public static let operationsError = ResultCode(rawValue: 1)
    /// The request is not well formed, or of a version or kind that is not known.
    public static let protocolError = ResultCode(rawValue: 2)
    /// The search took longer than client or server allow.
    public static let timeLimitExceeded = ResultCode(rawValue: 3)
    /// More entries match than client or server allow.
    public static let sizeLimitExceeded = ResultCode(rawValue: 4)
    /// A compare whose assertion is false or undefined.
    public static let compareFalse = ResultCode(rawValue: 5)
    /// A compare whose assertion is true.
    public static let compareTrue = ResultCode(rawValue: 6)
    /// The way of authentication is not supported.
    public static let authMethodNotSupported = ResultCode(rawValue: 7)
    /// The operation needs a client that has authenticated itself (better).
    public static let strongerAuthRequired = ResultCode(rawValue: 8)
    /// Another server is to be asked: the answer has its URLs.
    public static let referral = ResultCode(rawValue: 10)
    /// More than an administrator allows.
    public static let adminLimitExceeded = ResultCode(rawValue: 11)
    /// A critical control is not supported for the operation.
    public static let unavailableCriticalExtension = ResultCode(rawValue: 12)
    /// The connection must be encrypted first.
    public static let confidentialityRequired = ResultCode(rawValue: 13)
    /// The bind goes on with another request.
    public static let saslBindInProgress = ResultCode(rawValue: 14)
    /// The entry does not have the attribute or value.
    public static let noSuchAttribute = ResultCode(rawValue: 16)
    /// The schema does not have the attribute type.
    public static let undefinedAttributeType = ResultCode(rawValue: 17)
    /// The attribute type has no matching rule for this.
    public static let inappropriateMatching = ResultCode(rawValue: 18)
    /// A value breaks a rule beyond its syntax, such as uniqueness or number of values.
    public static let constraintViolation = ResultCode(rawValue: 19)
    /// The attribute or value is there already, or twice in the request.
    public static let attributeOrValueExists = ResultCode(rawValue: 20)
    /// A value does not have the syntax of its type.
    public static let invalidAttributeSyntax = ResultCode(rawValue: 21)
    /// The entry does not exist, or may not be known to exist.
    public static let noSuchObject = ResultCode(rawValue: 32)
    /// An alias leads nowhere.
    public static let aliasProblem = ResultCode(rawValue: 33)
    /// A name is not well formed, or has unknown types or invalid values.
    public static let invalidDNSyntax = ResultCode(rawValue: 34)
    /// An alias could not, or may not, be followed.
    public static let aliasDereferencingProblem = ResultCode(rawValue: 36)
    /// The entry cannot authenticate in this way.
    public static let inappropriateAuthentication = ResultCode(rawValue: 48)
    /// Name or password is wrong: which of them is not told.
    public static let invalidCredentials = ResultCode(rawValue: 49)
    /// The client may not do this.
    public static let insufficientAccessRights = ResultCode(rawValue: 50)
    /// The server has too much to do at present.
    public static let busy = ResultCode(rawValue: 51)
    /// The server is stopping, or a part of it is missing.
    public static let unavailable = ResultCode(rawValue: 52)
    /// The server does not do this.
    public static let unwillingToPerform = ResultCode(rawValue: 53)
    /// An alias or referral leads back to itself.
    public static let loopDetect = ResultCode(rawValue: 54)
    /// The name does not fit the entry or its place.
    public static let namingViolation = ResultCode(rawValue: 64)
    /// The entry would not fit its object classes.
    public static let objectClassViolation = ResultCode(rawValue: 65)
    /// The entry has entries below it.
    public static let notAllowedOnNonLeaf = ResultCode(rawValue: 66)
    /// A value that is in the RDN may not be removed.
    public static let notAllowedOnRDN = ResultCode(rawValue: 67)
    /// An entry of this name exists.
    public static let entryAlreadyExists = ResultCode(rawValue: 68)
    /// The structural object class may not be changed.
    public static let objectClassModsProhibited = ResultCode(rawValue: 69)
    /// The operation would concern more than one server.
    public static let affectsMultipleDSAs = ResultCode(rawValue: 71)
    /// draft-ietf-ldapext-ldapv3-vlv: in the response control, a virtual list view without sorting.
    public static let sortControlMissing = ResultCode(rawValue: 60)
    /// draft-ietf-ldapext-ldapv3-vlv: in the response control, a place that the list does not have.
    public static let offsetRangeError = ResultCode(rawValue: 61)
    /// draft-ietf-ldapext-ldapv3-vlv: the response control says what is wrong.
    public static let virtualListViewError = ResultCode(rawValue: 76)
    /// A failure that no other code describes.
    public static let other = ResultCode(rawValue: 80)
    /// RFC 3909.
    public static let canceled = ResultCode(rawValue: 118)
    /// RFC 3909: there is no operation of this message ID.
    public static let noSuchOperation = ResultCode(rawValue: 119)
    /// RFC 3909: the operation cannot be cancelled any more.
    public static let tooLate = ResultCode(rawValue: 120)
    /// RFC 3909: operations of this kind cannot be cancelled.
    public static let cannotCancel = ResultCode(rawValue: 121)
    /// RFC 4528.
    public static let assertionFailed = ResultCode(rawValue: 122)
    /// RFC 4370: the client may not act for that identity.
    public static let authorizationDenied = ResultCode(rawValue: 123)
    /// OpenLDAP (`LDAP_X_NO_OPERATION`): the change would have been made, but for the no-op control.
    public static let noOperation = ResultCode(rawValue: 0x410e)
    /// OpenLDAP (`LDAP_TXN_ID_INVALID`): there is no transaction of this identifier (RFC 5805 leaves the code open).
    public static let transactionIDInvalid = ResultCode(rawValue: 0x4121)
}
