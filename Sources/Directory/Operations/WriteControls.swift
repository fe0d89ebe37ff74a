import LDAP

/// The controls of changes that are known. Others are ignored unless critical (RFC 4511 section 4.1.11).
struct WriteControls: Sendable {
    /// The kinds of change, which differ in the controls they take.
    enum Operation: Sendable { case add, delete, modify, modifyDN, passwordModify }

    /// RFC 4528: the change is made only if the entry matches.
    var assertion: Filter?
    /// RFC 4527: selectors of the attributes to be returned as they were before.
    var preRead: [[UInt8]]?
    /// RFC 4527: selectors of the attributes to be returned as they are afterwards.
    var postRead: [[UInt8]]?
    /// The delete takes everything below the entry with it.
    var treeDelete = false
    /// RFC 3296: referral entries are treated as ordinary ones.
    var manageDsaIT = false
    /// Names of deleted entries are meant as such.
    var showDeleted = false
    /// The change is checked, and not made (draft-zeilenga-ldap-noop).
    var noOperation = false
    /// Values to be added that are there, and values to be deleted that are not, are passed over.
    var isPermissive = false
    /// draft-zeilenga-ldap-relax: who may manage the entry may set what the server keeps, and change the structural class.
    var isRelaxed = false
    /// draft-behera-ldap-password-policy: the client wants to know why a policy refuses.
    var passwordPolicy = false

    var leniency: WriteLeniency { WriteLeniency(isPermissive: isPermissive, isRelaxed: isRelaxed) }

    /// - Throws: `protocolError` for known controls that are malformed or repeated; `unavailableCriticalExtension` for critical ones
    ///   that are unknown or not for this operation.
    init(decoding controls: [Control], for operation: Operation) throws(LDAPError) {
        var seen: [String] = []
        for control in controls {
            guard Self.applies(control.oid, to: operation) else {
                if control.isCritical {
                    throw LDAPError(
                        .unavailableCriticalExtension, "critical control \(control.oid) is not supported for this operation")
                }
                continue
            }
            guard !seen.contains(control.oid) else {
                throw LDAPError(.protocolError, "control \(control.oid) is given more than once")
            }
            seen.append(control.oid)
            switch control.oid {
            case Assertion.oid: assertion = try Assertion(decoding: control).filter
            case PreRead.oid: preRead = try PreRead(decoding: control).attributes
            case PostRead.oid: postRead = try PostRead(decoding: control).attributes
            case PasswordPolicy.oid:
                try PasswordPolicy.checkRequest(control)
                passwordPolicy = true
            case ShowDeleted.oid:
                _ = try ShowDeleted(decoding: control)
                showDeleted = true
            case NoOperation.oid, NoOperation.draftOID:
                _ = try NoOperation(decoding: control)
                noOperation = true
            case PermissiveModify.oid:
                _ = try PermissiveModify(decoding: control)
                isPermissive = true
            case RelaxRules.oid:
                _ = try RelaxRules(decoding: control)
                isRelaxed = true
            case TreeDelete.oid:
                _ = try TreeDelete(decoding: control)
                treeDelete = true
            default:
                _ = try ManageDsaIT(decoding: control)
                manageDsaIT = true
            }
        }
    }

    private static func applies(_ oid: String, to operation: Operation) -> Bool {
        switch oid {
        case ManageDsaIT.oid, NoOperation.oid, NoOperation.draftOID: true
        case PermissiveModify.oid: operation == .modify
        case RelaxRules.oid: operation != .passwordModify
        case Assertion.oid: operation != .passwordModify
        // RFC 4527 sections 3.1 and 3.2.
        case PreRead.oid: operation == .modify || operation == .delete || operation == .modifyDN
        case PostRead.oid: operation == .add || operation == .modify || operation == .modifyDN
        case TreeDelete.oid: operation == .delete
        case ShowDeleted.oid: operation == .modifyDN || operation == .delete
        case PasswordPolicy.oid: operation == .modify || operation == .passwordModify || operation == .add
        default: false
        }
    }
}
