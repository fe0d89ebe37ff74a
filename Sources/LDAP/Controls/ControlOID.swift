/// Object identifiers of the controls that we know by name.
public enum ControlOID {
    /// RFC 2696.
    public static let pagedResults = "1.2.840.113556.1.4.319"
    /// RFC 3296.
    public static let manageDsaIT = "2.16.840.1.113730.3.4.2"
    /// RFC 4528.
    public static let assertion = "1.3.6.1.1.12"
    /// RFC 4527.
    public static let preRead = "1.3.6.1.1.13.1"
    /// RFC 4527.
    public static let postRead = "1.3.6.1.1.13.2"
    /// draft-armijo-ldap-treedelete.
    public static let treeDelete = "1.2.840.113556.1.4.805"
    /// Netscape; draft of the "real attributes only" control.
    public static let realAttributesOnly = "2.16.840.1.113730.3.4.17"
    /// Netscape; its counterpart.
    public static let virtualAttributesOnly = "2.16.840.1.113730.3.4.19"
    /// Active Directory (MS-ADTS section 3.1.1.3.4.1.14).
    public static let showDeleted = "1.2.840.113556.1.4.417"
    /// draft-ietf-ldapext-acl-model; 389 Directory Server: get effective rights.
    public static let effectiveRights = "1.3.6.1.4.1.42.2.27.9.5.2"
    /// RFC 2891.
    public static let serverSideSortRequest = "1.2.840.113556.1.4.473"
    /// RFC 2891.
    public static let serverSideSortResponse = "1.2.840.113556.1.4.474"
    /// draft-ietf-ldapext-ldapv3-vlv.
    public static let virtualListViewRequest = "2.16.840.1.113730.3.4.9"
    /// draft-ietf-ldapext-ldapv3-vlv.
    public static let virtualListViewResponse = "2.16.840.1.113730.3.4.10"
    /// draft-ietf-ldapext-psearch.
    public static let persistentSearch = "2.16.840.1.113730.3.4.3"
    /// draft-ietf-ldapext-psearch.
    public static let entryChangeNotification = "2.16.840.1.113730.3.4.7"
    /// draft-vchu-ldap-pwd-policy.
    public static let passwordExpired = "2.16.840.1.113730.3.4.4"
    /// draft-vchu-ldap-pwd-policy.
    public static let passwordExpiring = "2.16.840.1.113730.3.4.5"
    /// draft-behera-ldap-password-policy.
    public static let passwordPolicy = "1.3.6.1.4.1.42.2.27.8.5.1"
    /// RFC 4370.
    public static let proxiedAuthorization = "2.16.840.1.113730.3.4.18"
    /// RFC 3829.
    public static let authorizationIdentityRequest = "2.16.840.1.113730.3.4.16"
    /// RFC 3829.
    public static let authorizationIdentityResponse = "2.16.840.1.113730.3.4.15"
    /// RFC 3672.
    public static let subentries = "1.3.6.1.4.1.4203.1.10.1"
    /// RFC 3876.
    public static let matchedValues = "1.2.826.0.1.3344810.2.3"
    /// RFC 4533.
    public static let syncRequest = "1.3.6.1.4.1.4203.1.9.1.1"
    /// RFC 4533.
    public static let syncState = "1.3.6.1.4.1.4203.1.9.1.2"
    /// RFC 4533.
    public static let syncDone = "1.3.6.1.4.1.4203.1.9.1.3"
    /// RFC 6171.
    public static let dontUseCopy = "1.3.6.1.1.22"
    /// RFC 5805.
    public static let transactionSpecification = "1.3.6.1.1.21.2"
    /// OpenLDAP: relax rules.
    public static let relax = "1.3.6.1.4.1.4203.666.5.12"
    /// OpenLDAP: count what a search finds, send nothing.
    public static let noOperationSearch = "1.3.6.1.4.1.4203.666.5.18"
    /// draft-masarati-ldap-deref.
    public static let dereference = "1.3.6.1.4.1.4203.666.5.16"
    /// OpenLDAP: do nothing but check.
    public static let noOperation = "1.3.6.1.4.1.4203.666.5.2"
    /// draft-zeilenga-ldap-noop: the same by the draft's number.
    public static let noOperationOfDraft = "1.3.6.1.4.1.4203.1.10.2"
    /// Active Directory: permissive modify.
    public static let permissiveModify = "1.2.840.113556.1.4.1413"
    /// Active Directory: domain scope (no referrals).
    public static let domainScope = "1.2.840.113556.1.4.1339"
    /// Active Directory: search options.
    public static let searchOptions = "1.2.840.113556.1.4.1340"
}

/// Features of root DSE's `supportedFeatures` (RFC 4512 section 5.1).
public enum FeatureOID {
    /// RFC 4525.
    public static let modifyIncrement = "1.3.6.1.1.14"
    /// RFC 3673: `+` selects all operational attributes.
    public static let allOperationalAttributes = "1.3.6.1.4.1.4203.1.5.1"
    /// RFC 4529: `@class` selects the attributes of an object class.
    public static let attributesByObjectClass = "1.3.6.1.4.1.4203.1.5.2"
    /// RFC 4526: `(&)` and `(|)`.
    public static let absoluteTrueAndFalse = "1.3.6.1.4.1.4203.1.5.3"
    /// RFC 3866.
    public static let languageTags = "1.3.6.1.4.1.4203.1.5.4"
    /// RFC 3866.
    public static let languageRanges = "1.3.6.1.4.1.4203.1.5.5"
}
